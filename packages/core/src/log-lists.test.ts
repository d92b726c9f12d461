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
});
