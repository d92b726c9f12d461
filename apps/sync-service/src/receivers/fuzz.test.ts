import { readdirSync, readFileSync } from 'node:fs';
import { Secret } from '@oms-sync/core';
import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBench, type Bench } from './receivers.test-help.ts';
import {
  makeBlobEvent,
  makeObsEvent,
  makeS3Event,
  makePush,
  makeSmnMessage,
  makeSnsMessage,
  pushAccount,
  pushAudience,
  rsa,
  smnCertificateUrl,
  smnTopic,
  snsCertificateUrl,
  snsTopic,
  startGoogle,
  type Google,
} from './signers.test-help.ts';

const token = 'the-token-of-the-fuzzer';
const tokens = [new Secret(token)];
const paths = [
  'smn',
  'sns',
  `event-grid?token=${token}`,
  `webhook?token=${token}`,
  `huawei-event-grid?token=${token}`,
  'pubsub',
];

let bench: Bench;
let google: Google;
let authorization: string;
beforeAll(async () => {
  google = await startGoogle();
  authorization = `Bearer ${await google.makeToken()}`;
  bench = await startBench({
    values: {
      smn_topics: [smnTopic],
      sns_topics: [snsTopic],
      event_grid_key: tokens,
      webhook_token: tokens,
      huawei_event_grid_token: tokens,
      pubsub_audience: pushAudience,
      pubsub_service_account: pushAccount,
    },
    googleKeysUrl: google.keysUrl,
  });
  bench.internet.pages.set(smnCertificateUrl, rsa.cert).set(snsCertificateUrl, rsa.cert);
});
afterAll(async () => {
  await bench.server.stop();
  google.close();
});

/** Sends anything: a 2xx only for what is kept, and no fault of ours. */
async function expectKeptOrRefused(path: string, body: unknown): Promise<void> {
  bench.inbox.kept.length = 0;
  bench.events.length = 0;
  const response = await bench.send(path, body, path === 'pubsub' ? { authorization } : {});
  const text = await response.text();
  const isRepeated = bench.events.some((event) => event.endsWith(': repeated'));
  if (response.ok && !text.includes('validationResponse') && !isRepeated) {
    expect(bench.inbox.kept).toHaveLength(1);
  }
  if (!response.ok) expect([413, 401, 403, 422]).toContain(response.status);
  const count = bench.events.filter((event) => !event.endsWith(': repeated')).length;
  expect(count).toBe(response.ok ? 0 : 1);
}

function readSamples(folder: string, path: string): readonly { path: string; text: string }[] {
  const url = new URL(`../../../../packages/storage-events/fixtures/${folder}/`, import.meta.url);
  return readdirSync(url)
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ path, text: readFileSync(new URL(file, url), 'utf8') }));
}

/** What is really sent, with some of its bytes changed. */
const anyDamaged = fc
  .tuple(
    fc.constantFrom(
      ...readSamples('s3compat', `webhook?token=${token}`),
      ...readSamples('azure', `event-grid?token=${token}`),
      ...readSamples('huawei', `huawei-event-grid?token=${token}`),
      ...readSamples('gcp', 'pubsub'),
      { path: 'pubsub', text: JSON.stringify(makePush('a.txt')) },
      { path: 'smn', text: JSON.stringify(makeSmnMessage({ message: makeObsEvent('a.txt') })) },
      { path: 'sns', text: JSON.stringify(makeSnsMessage({ Message: makeS3Event('a.txt') })) },
    ),
    fc.array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        length: fc.nat(20),
        put: fc.oneof(fc.string(), fc.constantFrom('"', '}', ']', ',', '{}', 'null', '[]', '\\', '%', '\0')),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  )
  .map(([{ path, text }, damages]) => ({
    path,
    body: damages.reduce((damaged, { at, length, put }) => {
      const index = Math.floor(at * damaged.length);
      return damaged.slice(0, index) + put + damaged.slice(index + length);
    }, text),
  }));

/** Members that receivers and translators look at, with anything in them. */
const anyEvent = fc.dictionary(
  fc.constantFrom(
    'Records',
    'type',
    'Type',
    'message',
    'Message',
    'topic_urn',
    'TopicArn',
    'message_id',
    'signature',
    'signing_cert_url',
    'timestamp',
    'specversion',
    'eventType',
    'eventName',
    'data',
    'subject',
    's3',
    'obs',
    'object',
    'bucket',
    'key',
    'name',
    'validationCode',
  ),
  fc.oneof(
    fc.constantFrom(
      smnTopic,
      smnCertificateUrl,
      'Notification',
      'ObjectCreated:Put',
      '1.0',
      'OBS:DWR:ObjectCreated:PUT',
    ),
    fc.jsonValue(),
    fc.constant([{ s3: { object: { key: 'a' } }, eventName: 'ObjectCreated:Put' }]),
  ),
);

describe('whatever is sent is kept or refused', () => {
  const anyPath = fc.constantFrom(...paths);

  it('bytes', async () => {
    await fc.assert(fc.asyncProperty(anyPath, fc.uint8Array({ maxLength: 200 }), expectKeptOrRefused), {
      numRuns: 200,
    });
  });

  it('JSON', async () => {
    const anyBody = fc.oneof(fc.jsonValue(), anyEvent, fc.array(anyEvent, { maxLength: 3 }));
    await fc.assert(fc.asyncProperty(anyPath, anyBody, expectKeptOrRefused), { numRuns: 400 });
  });

  it('what is really sent, damaged', async () => {
    await fc.assert(
      fc.asyncProperty(anyDamaged, ({ path, body }) => expectKeptOrRefused(path, body)),
      { numRuns: 400 },
    );
  });

  it('JSON that is deeper than anybody needs', async () => {
    for (const path of paths) await expectKeptOrRefused(path, '['.repeat(200_000));
  });

  it('what SMN has signed, with anything in it', async () => {
    const anyMessage = fc.oneof(
      fc.string({ minLength: 1, unit: 'grapheme' }),
      anyEvent.map((event) => JSON.stringify(event)),
    );
    await fc.assert(
      fc.asyncProperty(anyMessage, fc.uuid(), (message, id) =>
        expectKeptOrRefused('smn', makeSmnMessage({ message, message_id: id })),
      ),
      { numRuns: 60 },
    );
  });
});

it('any name arrives as it is', async () => {
  await fc.assert(
    fc.asyncProperty(anyName, fc.uuid(), async (name, id) => {
      bench.inbox.kept.length = 0;
      const encoded = encodeURIComponent(name);
      await bench.send(`webhook?token=${token}`, makeS3Event(encoded, 'minio:s3'));
      await bench.send(`webhook?token=${token}`, makeS3Event(name, 'ceph:s3'));
      await bench.send(`event-grid?token=${token}`, makeBlobEvent(name));
      await bench.send('smn', makeSmnMessage({ message: makeObsEvent(encoded), message_id: id }));
      expect(bench.inbox.names).toEqual([name, name, name, name]);
    }),
    { numRuns: 60 },
  );
});
