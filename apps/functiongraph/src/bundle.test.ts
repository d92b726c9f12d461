import { readdirSync, readFileSync } from 'node:fs';
import { Scene } from '@oms-sync/conformance';
import { functiongraph } from '@oms-sync/function-hosts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

// What only FunctionGraph has. What every app must do is in tools/conformance.
const fixtures = new URL('../../../packages/storage-events/fixtures/huawei/', import.meta.url);

describe('the bundle', () => {
  let scene: Scene;
  beforeAll(async () => {
    scene = await Scene.open(functiongraph, process.execPath);
  });
  afterEach(() => scene.reset());
  afterAll(() => scene.close());

  function readFixture(name: string): unknown {
    return JSON.parse(readFileSync(new URL(name, fixtures), 'utf8'));
  }

  it('works with the test event of the console, as users of the template expect', async () => {
    const { error } = await scene
      .start({ log_bucket: 'logs' })
      .deliverRaw(readFixture('obs-functiongraph-v2.0-s3-post.json'));
    expect(error).toBeUndefined();
    expect(scene.oms.received.at(-1)?.names).toEqual(['job.png']);
    const [entry] = await scene.read('success_object');
    expect(entry?.key).toBe('oms_source_record/success_object/job.png');
    expect(JSON.parse(entry?.body ?? '')).toMatchObject({
      name: 'job.png',
      source_bucket: 'functionstorage-template',
      attempts: 1,
      event_time: '2018-01-09T07:50:50.028Z',
    });
    expect(scene.logged('sync')).toMatchObject([
      { level: 'info', received: 1, requested: 1, requests: 1, retries: 0 },
    ]);
  });

  it.each(readdirSync(fixtures).filter((file) => file.endsWith('.json')))(
    'settles or refuses the sample %s',
    async (file) => {
      const before = scene.oms.received.length;
      const { error } = await scene.start().deliverRaw(readFixture(file));
      const good: Record<string, string[]> = {
        'eventgrid-obs-put.json': ['test.tar'],
        'obs-functiongraph-v2.0-s3-post.json': ['job.png'],
      };
      expect(scene.oms.received.slice(before).flatMap((events) => events.names)).toEqual(good[file] ?? []);
      const isTimer = file.startsWith('timer-');
      if (good[file] ?? isTimer) expect(error).toBeUndefined();
      else expect(error).toMatch(/^UnsettledError: .*expected .*, found /);
      expect(scene.logged('sync')).toHaveLength(1);
      expect(scene.logged('sync')[0]?.['replay']).toBe(isTimer ? true : undefined);
    },
  );

  it('keeps its lists in a folder, to try things out', async () => {
    const before = scene.lists.requestCount;
    const running = scene.start({ log_bucket: scene.logFolder });
    await running.deliver(scene.channel, [{ name: 'photos/a', kind: 'created' }]);
    expect(await scene.names('success_object')).toEqual(['photos/a']);
    expect(scene.lists.requestCount).toBe(before);
  });

  it('logs each name that was not requested when asked to', async () => {
    scene.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064' }]);
    await scene.start({ log_level: 'debug' }).deliver(scene.channel, [{ name: 'a', kind: 'created' }]);
    expect(scene.logged('not requested')).toMatchObject([{ level: 'debug', name: 'a', code: 'OMS.0064' }]);
    expect(scene.logged('unrequested')).toMatchObject([
      { level: 'warn', codes: { 'OMS.0064': 1 }, examples: ['a'] },
    ]);
  });
});
