import { readFileSync } from 'node:fs';
import { Scene } from '@oms-sync/conformance';
import { gcf, type GcfHost } from '@oms-sync/function-hosts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { finalize, idOf, pushOf, namesSince, readEntries, type GcfScene } from './bundle.test-help.ts';

// What only Google has. What every app must do is in tools/conformance.
let scene: GcfScene;

beforeAll(async () => {
  scene = await Scene.open(gcf);
});

afterAll(() => scene.close());

const json = { 'content-type': 'application/json' };
/** Nobody listens there. */
const nobody = 'http://127.0.0.1:9';

function hoursAgo(hours: number): string {
  return new Date(Date.now() - hours * 60 * 60 * 1000).toISOString();
}

describe('the bundle', () => {
  afterEach(() => scene.reset());

  it('says where its code is, and that Google is to install the framework', () => {
    const manifest: unknown = JSON.parse(
      readFileSync(new URL('../../../dist/apps/gcf/package.json', import.meta.url), 'utf8'),
    );
    expect(manifest).toMatchObject({
      type: 'commonjs',
      main: 'index.js',
      dependencies: { '@google-cloud/functions-framework': expect.stringMatching(/^\^5\./) },
    });
  });

  it('requests the object of an event, puts it on the success list and says so in one line', async () => {
    const before = scene.oms.received.length;
    const result = await scene.start().host.invoke(finalize('photos/a+b ü.jpg'));
    expect(result).toEqual({ ok: true, status: 204, value: '' });
    expect(namesSince(scene, before)).toEqual(['photos/a+b ü.jpg']);
    expect(await readEntries(scene, 'success_object')).toMatchObject([
      { name: 'photos/a+b ü.jpg', source_store: 'gs', source_bucket: 'source', attempts: 1 },
    ]);
    expect(scene.lines).toHaveLength(1);
    expect(scene.logged('sync')).toMatchObject([
      { severity: 'INFO', level: 'info', received: 1, requested: 1, request_id: idOf('photos/a+b ü.jpg') },
    ]);
  });

  it('records a fault that passes, or hands it back until Google is about to give up', async () => {
    scene.oms.faults.set([{ kind: 'answer', status: 503 }]);
    const recording = scene.start({ max_attempts: '1' }).host;
    expect((await recording.invoke(finalize('recorded'))).status).toBe(204);
    const redelivering = scene.start({ max_attempts: '1', on_failure: 'redeliver' }).host;
    for (const [name, hours, status] of [
      ['new', 0, 500],
      ['22 hours old', 22, 500],
      ['23 hours old', 23, 204],
    ] as const) {
      const time = hoursAgo(hours);
      expect((await redelivering.invoke(finalize(`event, ${name}`, { time }))).status).toBe(status);
      expect((await redelivering.push(pushOf(`push, ${name}`, 'NONE', time))).status).toBe(status);
    }
    expect(await scene.names('failed_object')).toEqual([
      'event, 23 hours old',
      'push, 23 hours old',
      'recorded',
    ]);
  });

  it('hands back a batch as a whole or not at all', async () => {
    scene.oms.faults.set([{ kind: 'answer', status: 503, names: ['b'] }]);
    const host = scene.start({ max_attempts: '1', on_failure: 'redeliver', max_in_flight: '1' }).host;
    const body = JSON.stringify(
      [finalize('a'), finalize('b')].map((event) => ({ specversion: '1.0', ...event })),
    );
    const headers = { 'content-type': 'application/cloudevents-batch+json' };
    expect((await host.send({ headers, body }, 'cloudevent')).status).toBe(204);
    expect(await scene.names('failed_object')).toContain('b');
    scene.oms.faults.clear();
    const broken = body.replace(finalize('a').type, 'another');
    const result = await host.send({ headers, body: broken }, 'cloudevent');
    expect(result).toMatchObject({ status: 500, errorMessage: expect.stringContaining('[0]: expected') });
  });

  it('returns before its deadline with the name on the failed list', async () => {
    scene.oms.faults.set([{ kind: 'black-hole' }]);
    const host = scene.start(
      { max_attempts: '100', request_timeout_ms: '60000' },
      { timeoutSeconds: 3 },
    ).host;
    const results = await Promise.all([host.invoke(finalize('a')), host.push(pushOf('b'))]);
    expect(results.map(({ status }) => status)).toEqual([204, 204]);
    expect(await scene.names('failed_object')).toEqual(['a', 'b']);
  });

  it('fails when neither OMS nor the log bucket is there, and says so in one line of its own', async () => {
    const host = scene.start(
      { sync_url: `${nobody}/v2/p/sync-tasks/t/events`, obs_endpoint: nobody, max_attempts: '2' },
      { timeoutSeconds: 5 },
    ).host;
    const answers = await Promise.all([host.invoke(finalize('a')), host.push(pushOf('b'))]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 500, errorMessage: expect.stringContaining('ECONNREFUSED') });
    }
    expect(scene.logged('sync')).toMatchObject([
      { severity: 'ERROR', received: 1, returned: 1 },
      { severity: 'ERROR', received: 1, returned: 1 },
    ]);
    expect(scene.logged('failed')).toEqual([]);
  });

  it('names every wrong setting in one message, and sends nothing', async () => {
    const before = [scene.oms.requestCount, scene.lists.requestCount];
    const wrong = { sync_url: 'http://oms.example.com', log_bucket: 's3://logs', hw_sk: undefined };
    const host = scene.start(wrong).host;
    for (const result of [await host.invoke(finalize('a')), await host.push(pushOf('a'))]) {
      expect(result.status).toBe(500);
      for (const name of Object.keys(wrong)) {
        expect(result).toHaveProperty('errorMessage', expect.stringContaining(`${name}: expected`));
      }
    }
    expect([scene.oms.requestCount, scene.lists.requestCount]).toEqual(before);
    expect(scene.logged('failed')).toMatchObject([
      { severity: 'ERROR', error_type: 'SettingsError', request_id: idOf('a') },
      { severity: 'ERROR', error_type: 'SettingsError', request_id: idOf('a') },
    ]);
  });
});

describe('what the framework would acknowledge unseen', () => {
  let host: GcfHost;

  beforeAll(() => {
    host = scene.start().host;
  });

  afterEach(() => {
    scene.lines.length = 0;
  });

  afterAll(() => scene.reset());

  const cloudEvent = { specversion: '1.0', ...finalize('a') };
  const attributes = {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '//example',
    'ce-type': cloudEvent.type,
  };
  it.each([
    ['an empty event', json, '{}'],
    ['no event', json, '[]'],
    ['a body without headers that say what it is', json, JSON.stringify(cloudEvent.data)],
    ['an event without type', { ...json, ...attributes, 'ce-type': '' }, JSON.stringify(cloudEvent.data)],
    ['an event of another type', { ...json, ...attributes, 'ce-type': 'another' }, '{}'],
    ['an event whose data is no JSON', { ...attributes, 'content-type': 'text/plain' }, '{"name":"a"}'],
    [
      'an event whose data is bytes that are no JSON',
      { ...attributes, 'content-type': 'application/octet-stream' },
      '{"name":"a',
    ],
    ['an event without data', { ...json, ...attributes }, '{}'],
    ['an event without a body', attributes, ''],
    ['an empty batch', { 'content-type': 'application/cloudevents-batch+json' }, '[]'],
    ['a batch that is none', { 'content-type': 'application/cloudevents-batch+json' }, '{"a":1}'],
    ['a batch that is no JSON', { 'content-type': 'application/cloudevents-batch+json' }, 'no'],
    ['bytes', { 'content-type': 'application/octet-stream' }, Buffer.from([0, 255, 1])],
    ['a text', { 'content-type': 'text/plain' }, 'hello'],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'name=a'],
    ['broken JSON', json, '{'],
    ['nothing', {}, ''],
    [
      "somebody else's message",
      json,
      JSON.stringify({ message: { data: 'aGk=', messageId: '1' }, subscription: 's' }),
    ],
  ])('is refused: %s', async (_, headers, body) => {
    const before = scene.oms.requestCount;
    for (const signature of ['cloudevent', 'event'] as const) {
      expect((await host.send({ headers, body }, signature)).status).toBeGreaterThanOrEqual(400);
    }
    expect((await host.send({ headers, body }, 'http')).status).toBe(400);
    expect(scene.oms.requestCount).toBe(before);
    // One line each for what came as far as the function.
    for (const line of scene.logged('sync')) {
      expect(line).toMatchObject({ severity: 'ERROR', returned: line['received'] });
      expect(line['error']).toMatch(/expected .*found /);
    }
  });

  it('replays when Cloud Scheduler calls, whatever the body is', async () => {
    const headers = { ...json, 'x-cloudscheduler': 'true' };
    for (const body of ['', '{}', JSON.stringify(pushOf('a')), '[1]']) {
      const result = await host.send({ headers, body }, 'http');
      expect(result).toEqual({ ok: true, status: 204, value: '' });
    }
    // Lines come when they come: also that of the test before.
    await expect
      .poll(() => scene.logged('sync').filter(({ replay }) => replay === true))
      .toEqual(Array.from({ length: 4 }, () => expect.objectContaining({ received: 0 }) as unknown));
  });

  it('takes POST only', async () => {
    for (const method of ['GET', 'PUT', 'DELETE', 'HEAD']) {
      expect((await host.send({ method }, 'http')).status).toBe(405);
      expect((await host.send({ method }, 'cloudevent')).status).toBeGreaterThanOrEqual(400);
    }
    expect(await host.send({ method: 'GET' }, 'http')).toMatchObject({
      errorMessage: 'expected POST, found GET',
    });
  });
});
