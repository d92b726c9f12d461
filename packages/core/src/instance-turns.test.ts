import { MemoryLogBucket, testKeys } from '@oms-sync/testing';
import { expect, it } from 'vitest';
import { Instance, type Invocation } from './instance.ts';
import { OmsError } from './oms-error.ts';
import { readSettings } from './settings.ts';
import type { StorageRecord } from './storage-record.ts';

const texts: Record<string, string> = {
  sync_url: 'https://oms.example/v2/p/sync-tasks/t/events',
  log_bucket: 's3://lists',
  hw_ak: testKeys.accessKey,
  hw_sk: testKeys.secretKey,
  max_in_flight: '1',
  max_attempts: '1',
};

/** Lets everything go on that only waits for promises. */
const passTurn = () => new Promise((resolve) => setImmediate(resolve));

it('requests live events before those of a replay that waits', async () => {
  const requested: string[] = [];
  const lists = new MemoryLogBucket();
  let isAway = true;
  let answer: () => void = () => undefined;
  const instance = new Instance(
    readSettings((name) => texts[name], ['s3']),
    lists,
    {
      async createSyncEvents([name = '']) {
        if (isAway) throw new OmsError({ faultClass: 'passing', code: 'ECONNREFUSED', message: 'a test' });
        requested.push(name);
        await new Promise<void>((resolve) => {
          answer = resolve;
        });
      },
    },
  );
  const invocation: Invocation = { deadline: Infinity, log: () => undefined };
  const created = (name: string): StorageRecord => ({ kind: 'created', name, store: 's3', bucket: 'b' });
  await instance.synchronize([created('failed')], invocation);
  isAway = false;

  const first = instance.synchronize([created('first')], invocation);
  const replay = instance.replay(invocation);
  // It has taken the object in hand, and its request waits.
  await expect.poll(() => lists.objects.has('oms_source_record/failed_object/failed')).toBe(false);
  await passTurn();
  const second = instance.synchronize([created('second')], invocation);
  await passTurn();
  expect(requested).toEqual(['first']);
  answer();
  await expect.poll(() => requested).toEqual(['first', 'second']);
  answer();
  await expect.poll(() => requested).toEqual(['first', 'second', 'failed']);
  answer();
  const [one, two, { report }] = await Promise.all([first, second, replay]);
  expect([one.report.requested, two.report.requested, report.requested]).toEqual([1, 1, 1]);
});
