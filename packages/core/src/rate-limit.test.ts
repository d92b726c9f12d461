import { FakeClock } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import type { SyncEventSink } from './oms-client.ts';
import { RateLimit } from './rate-limit.ts';

/** When each request went out, in milliseconds from the start, and its first name. */
function record(clock: FakeClock): { sink: SyncEventSink; sent: [number, string | undefined][] } {
  const startedAt = clock.now();
  const sent: [number, string | undefined][] = [];
  const createSyncEvents = (names: readonly string[]) => {
    sent.push([clock.now() - startedAt, names[0]]);
    return Promise.resolve();
  };
  return { sink: { createSyncEvents }, sent };
}

describe('a rate limit', () => {
  it('spaces requests by the names they hold, in the order in which they came', async () => {
    const clock = new FakeClock();
    const { sink, sent } = record(clock);
    const limited = new RateLimit(sink, 10, clock);
    const batches = [['a', 'b', 'c', 'd', 'e'], ['f'], ['g', 'h']];
    await Promise.all(batches.map((names) => limited.createSyncEvents(names, 1000)));
    expect(sent).toEqual([
      [0, 'a'],
      [500, 'f'],
      [600, 'g'],
    ]);
  });

  it('does not make up for an idle time', async () => {
    const clock = new FakeClock();
    const { sink, sent } = record(clock);
    const limited = new RateLimit(sink, 1, clock);
    await limited.createSyncEvents(['a'], 1000);
    await clock.sleep(60_000);
    await Promise.all([limited.createSyncEvents(['b'], 1000), limited.createSyncEvents(['c'], 1000)]);
    expect(sent).toEqual([
      [0, 'a'],
      [60_000, 'b'],
      [61_000, 'c'],
    ]);
  });

  it('gives what the sink throws', async () => {
    const clock = new FakeClock();
    const createSyncEvents = () => Promise.reject(new Error('no'));
    await expect(new RateLimit({ createSyncEvents }, 5, clock).createSyncEvents(['a'], 1)).rejects.toThrow(
      'no',
    );
  });

  it('is changed for those that wait, too', async () => {
    const clock = new FakeClock();
    const { sink, sent } = record(clock);
    const limited = new RateLimit(sink, 1, clock);
    const all = ['a', 'b', 'c', 'd'].map((name) => limited.createSyncEvents([name], 1000));
    await all[1];
    limited.namesPerSecond = 100;
    await all[2];
    limited.namesPerSecond = undefined;
    await Promise.all(all);
    expect(sent).toEqual([
      [0, 'a'],
      [1000, 'b'],
      [1010, 'c'],
      [1010, 'd'],
    ]);
    expect(limited.namesPerSecond).toBeUndefined();
  });
});
