import type { StorageRecord } from '@oms-sync/core';
import { describe, expect, it } from 'vitest';
import { GapRequests } from './gap-requests.ts';

/** Requests so many names of an OMS that takes these. */
async function request(count: number, takes: (name: string) => boolean) {
  const sent: string[][] = [];
  const instance = {
    async synchronize(records: readonly StorageRecord[]) {
      const names = records.map((record) => (record.kind === 'created' ? record.name : ''));
      sent.push(names);
      const requested = names.filter(takes).length;
      const unrequested = names.length - requested;
      const report = { received: names.length, requested, unrequested, filtered: 0, merged: 0, returned: 0 };
      return Promise.resolve({ report, fates: [], problem: undefined });
    },
  };
  const requests = new GapRequests({ instance, store: 's3', bucket: 'photos', log: () => undefined });
  for (let index = 0; index < count; index++) await requests.add(String(index));
  return { sent, totals: await requests.finish() };
}

describe('requesting gaps', () => {
  it('sends each once, a thousand at a time', async () => {
    const { sent, totals } = await request(2500, () => true);
    expect(sent.map((names) => names.length)).toEqual([1000, 1000, 500]);
    expect(new Set(sent.flat()).size).toBe(2500);
    expect(totals).toMatchObject({ wanted: 2500, requested: 2500, unrequested: 0, problem: undefined });
  });

  it('is not stopped by names that OMS refuses', async () => {
    const { sent, totals } = await request(9000, (name) => Number(name) % 1000 === 0);
    expect(sent).toHaveLength(9);
    expect(totals).toMatchObject({ wanted: 9000, requested: 9, unrequested: 8991 });
  });

  it('stops when OMS takes nothing, and says so', async () => {
    const { sent, totals } = await request(100_000, () => false);
    expect(sent).toHaveLength(3);
    expect(totals).toMatchObject({ wanted: 100_000, requested: 0, unrequested: 100_000 });
    expect(totals.problem).toContain('none of the last 3000 objects');
  });
});
