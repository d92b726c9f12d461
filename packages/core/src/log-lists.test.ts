import { describe, expect, it } from 'vitest';
import { FakeClock, MemoryLogBucket } from '@oms-sync/testing';
import { LogBucketError } from './log-bucket.ts';
import { putFile } from './log-lists.ts';

describe('putting a file', () => {
  it('gives the store the time that is left, in each try', async () => {
    const clock = new FakeClock();
    const logBucket = new MemoryLogBucket();
    const limits: (number | undefined)[] = [];
    logBucket.put = (key, _body, _contentType, timeLimitMs?: number) => {
      limits.push(timeLimitMs);
      const fault = { key, code: 'SlowDown', passing: true, message: 'slow down' };
      return Promise.reject(new LogBucketError({ operation: 'put', ...fault }));
    };
    const writeUntil = clock.now() + 250;
    const file = { key: 'a', body: 'a', type: 'text/plain' };
    const put = putFile(file, { clock, logBucket, random: () => 1, writeUntil });
    await expect(put).rejects.toThrow('slow down');
    expect(limits).toEqual([250, 150]);
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
