import { readdirSync, readFileSync } from 'node:fs';
import { Scene } from '@oms-sync/conformance';
import { gcf, type GcfCloudEvent, type GcfHost, type GcfResult } from '@oms-sync/function-hosts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { namesSince, type GcfScene } from './bundle.test-help.ts';

// Every sample event, sent in the form in which it comes, to the function that gets it.
const fixtures = new URL('../../../packages/storage-events/fixtures/gcp/', import.meta.url);

const json = { 'content-type': 'application/json' };

/** The names of a sample; none for an event that creates nothing; undefined for one that is refused. */
const expected: Record<string, string[] | undefined> = {
  'ff-legacy-background-pubsub': undefined,
  'gce-binary-pubsub-simple': undefined,
  'gce-binary-storage-simple': ['folder/Test.cs'],
  'gce-structured-pubsub': undefined,
  'gce-testdata-pubsub-binary': undefined,
  'gce-testdata-pubsub-duplicatedfields': undefined,
  'gce-testdata-pubsub-text': undefined,
  'gce-testdata-storage-complex': ['MyFile'],
  'gce-testdata-storage-simple': ['folder/Test.cs'],
  'made-cloudevent-archived': [],
  'made-cloudevent-deleted': [],
  'made-cloudevent-finalized-cjk': ['数据/文件 一.csv'],
  'made-cloudevent-finalized-double-slash': ['//leading//double.txt'],
  'made-cloudevent-finalized-folder-marker': ['some/folder/'],
  'made-cloudevent-finalized-numeric-size': ['n/u.bin'],
  'made-cloudevent-finalized-plus': ['a+b/c++ notes.txt'],
  'made-cloudevent-finalized-quotes': ['q/"double" \'single\' `tick`.txt'],
  'made-cloudevent-finalized-unicode-nfc': ['docs/Ünïcödé-é.txt'],
  'made-cloudevent-metadata-updated': [],
  'made-cloudevents-batch': ['batch/1.txt', 'batch/2.txt'],
  'made-eventarc-pubsub-hive': ['year=2024/month=11/part-0000.parquet'],
  'made-eventarc-pubsub-percent': ['100% done/50%25.txt'],
  'made-eventarc-pubsub-plus': ['a+b/c++ notes.txt'],
  'made-eventarc-pubsub-space': ['photos/red flower.jpg'],
  'made-pubsub-push-metadata-update': [],
  'made-pubsub-push-overwrite-delete': [],
  'made-pubsub-push-overwrite': ['over/write.txt'],
  'made-pubsub-push-percent': ['100% done/50%25.txt'],
  'made-pubsub-push-plus': ['a+b/c++ notes.txt'],
};

let scene: GcfScene;
let host: GcfHost;

beforeAll(async () => {
  scene = await Scene.open(gcf);
  host = scene.start().host;
});

afterAll(async () => {
  await scene.reset();
  await scene.close();
});

describe('the sample', () => {
  for (const name of readSamples()) {
    for (const [form, send] of formsOf(name)) {
      it(`${name}, ${form}`, async () => {
        const before = scene.oms.received.length;
        const result = await send(readFileSync(new URL(`${name}.json`, fixtures), 'utf8'));
        const names = expected[name];
        expect(namesSince(scene, before)).toEqual(names ?? []);
        if (names === undefined) {
          expect(result.status).toBe(form === 'push' ? 400 : 500);
          expect(result).toHaveProperty('errorMessage', expect.stringMatching(/expected .*, found /));
        } else {
          expect(result).toEqual({ ok: true, status: 204, value: '' });
        }
      });
    }
  }

  it('has an expectation, each of them', () => {
    expect(Object.keys(expected).sort()).toEqual(readSamples().sort());
  });
});

type Send = (body: string) => Promise<GcfResult>;

function readSamples(): string[] {
  return readdirSync(fixtures)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length));
}

/** The ways in which a sample comes, to each function that takes it. */
function formsOf(name: string): [string, Send][] {
  const toEvents = (form: string, headers: Record<string, string>): [string, Send][] =>
    (['cloudevent', 'event'] as const).map((signature) => [
      `${form}, signature ${signature}`,
      (body) => host.send({ headers, body }, signature),
    ]);
  const push: [string, Send] = ['push', (body) => host.push(JSON.parse(body))];
  if (name === 'made-cloudevents-batch') {
    return toEvents('batch', { 'content-type': 'application/cloudevents-batch+json' });
  }
  if (name.startsWith('ff-')) {
    return toEvents('background event', json);
  }
  if (/^gce-(binary|testdata)-/.test(name)) {
    const isMessage = name.includes('pubsub');
    const binary = toEvents('binary event', {
      ...json,
      'ce-specversion': '1.0',
      'ce-id': 'id',
      'ce-source': isMessage ? '//pubsub.googleapis.com/projects/p/topics/t' : '//storage.googleapis.com/b',
      'ce-type': isMessage
        ? 'google.cloud.pubsub.topic.v1.messagePublished'
        : 'google.cloud.storage.object.v1.finalized',
      'ce-time': '2026-02-01T12:34:56Z',
    });
    // The body of a messagePublished is that of a push.
    return isMessage ? [...binary, push] : binary;
  }
  if (name.startsWith('made-pubsub-push-')) {
    return [push, ...toEvents('push to the function for events', json)];
  }
  return [
    ...toEvents('structured event', { 'content-type': 'application/cloudevents+json' }),
    ...(['cloudevent', 'event'] as const).map((signature): [string, Send] => [
      `binary event, signature ${signature}`,
      (body) => host.invoke(JSON.parse(body) as GcfCloudEvent, 'binary', signature),
    ]),
  ];
}
