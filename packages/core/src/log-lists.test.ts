import { FakeClock, MemoryLogBucket } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import { LogBucketError } from './log-bucket.ts';
import { ListWriter, putFile } from './log-lists.ts';

function slowDown(key: string): LogBucketError {
  return new LogBucketError({
    operation: 'put',
    key,
    code: 'SlowDown',
    passing: true,
    message: 'slow down',
  });
}

describe('putting a file', () => {
  /** Puts a file into a store that never takes it: the time that it was given in each try, and how long all took. */
  async function putInVain(ms: number) {
    const clock = new FakeClock();
    const logBucket = new MemoryLogBucket();
    const limits: (number | undefined)[] = [];
    logBucket.put = (key, _body, _contentType, timeLimitMs?: number) => {
      limits.push(timeLimitMs);
      return Promise.reject(slowDown(key));
    };
    const startedAt = clock.now();
    const file = { key: 'a', body: 'a', type: 'text/plain' };
    const put = putFile(file, { clock, logBucket, random: () => 1, writeUntil: startedAt + ms });
    await expect(put).rejects.toThrow('slow down');
    return { limits, tookMs: clock.now() - startedAt };
  }

  it('gives the store the time that is left, in each try', async () => {
    expect(await putInVain(250)).toEqual({ limits: [250, 150], tookMs: 100 });
  });

  it('does not wait for a time at which it has to be over', async () => {
    expect(await putInVain(100)).toEqual({ limits: [100], tookMs: 0 });
  });

  it('waits twice as long after each try, and gives up after the fifth', async () => {
    expect(await putInVain(10_000)).toEqual({
      limits: [5000, 4950, 4850, 4650, 4250],
      tookMs: 100 + 200 + 400 + 800,
    });
  });
});

describe('the writer of the lists', () => {
  function makeWriter(logBucket: MemoryLogBucket, clock = new FakeClock()) {
    return new ListWriter({
      logBucket,
      clock,
      random: () => 1,
      writeUntil: Infinity,
      settings: {
        logBucket: { store: 'obs', bucket: 'logs', prefix: '' },
        logLayout: 'object',
        syncTaskId: 'task-1',
      },
    });
  }

  const entry = {
    index: 0,
    store: 'obs',
    bucket: 'source',
    eventTime: undefined,
    eventId: undefined,
    outcome: { kind: 'requested', attempts: 1 },
  } as const;

  it('says how long it took from the first write to the end', async () => {
    const clock = new FakeClock();
    const logBucket = new MemoryLogBucket();
    logBucket.fail = () => clock.sleep(70);
    const writer = makeWriter(logBucket, clock);
    await clock.sleep(1000);
    writer.add({ ...entry, name: 'a' }, 'success_object');
    await clock.sleep(30);
    writer.add({ ...entry, name: 'b' }, 'success_object');
    expect(await writer.finish()).toEqual({ unwritten: undefined, writeMs: 100 });
  });

  it('takes no time when there is nothing to write', async () => {
    expect(await makeWriter(new MemoryLogBucket()).finish()).toEqual({ unwritten: undefined, writeMs: 0 });
  });

  it('does not hide a defect', async () => {
    const logBucket = new MemoryLogBucket();
    logBucket.fail = () => {
      throw new TypeError('a defect');
    };
    const writer = makeWriter(logBucket);
    writer.add({ ...entry, name: 'a' }, 'success_object');
    await expect(writer.finish()).rejects.toThrow('a defect');
  });

  it.each([
    ['a', 2],
    ['x'.repeat(1024), 1],
  ])('has no more than two keys for a store that takes none: %#', async (name, keys) => {
    const logBucket = new MemoryLogBucket();
    const tried: string[] = [];
    logBucket.fail = (_, key) => {
      tried.push(key);
      const fault = { code: 'InvalidURI', passing: false, isKeyRefused: true, message: 'no such key' };
      throw new LogBucketError({ operation: 'put', key, ...fault });
    };
    const writer = makeWriter(logBucket);
    writer.add({ ...entry, name }, 'success_object');
    const { unwritten } = await writer.finish();
    expect(unwritten?.fault.code).toBe('InvalidURI');
    expect(new Set(tried).size).toBe(keys);
    expect(tried).toHaveLength(keys);
  });

  it('leaves time for another try while no answer comes, but no less for one than an answer takes', async () => {
    const clock = new FakeClock();
    const logBucket = new MemoryLogBucket();
    const limits: number[] = [];
    logBucket.put = async (key, _body, _contentType, timeLimitMs = 0) => {
      limits.push(timeLimitMs);
      await clock.sleep(timeLimitMs);
      const fault = { key, code: 'ETIMEDOUT', passing: true, message: 'silence' };
      throw new LogBucketError({ operation: 'put', ...fault });
    };
    const writeUntil = clock.now() + 5000;
    const file = { key: 'a', body: 'a', type: 'text/plain' };
    const put = putFile(file, { clock, logBucket, random: () => 0, writeUntil });
    await expect(put).rejects.toThrow('silence');
    expect(limits).toEqual([2500, 1250, 1000, 250]);
    expect(clock.now()).toBe(writeUntil);
  });
});
