import { describe, expect, it } from 'vitest';
import { measureGrowth } from './growth.ts';
import type { Sample } from './soak-run.ts';

const megabyte = 1024 * 1024;

function run(read: (second: number) => Partial<Sample>): Sample[] {
  return Array.from({ length: 400 }, (_, second) => ({
    second,
    phase: 'calm',
    isPure: true,
    namesPerSecond: 1000,
    invocations: 40,
    failures: 0,
    names: 1000,
    medianMs: 20,
    p99Ms: 50,
    heapUsed: 10 * megabyte,
    rss: 80 * megabyte,
    handles: 20,
    ...read(second),
  }));
}

/** What has grown. */
function grown(samples: readonly Sample[]): string[] {
  return measureGrowth(samples)
    .filter(({ after, limit }) => !(after <= limit))
    .map(({ what }) => what);
}

describe('measureGrowth', () => {
  it('finds nothing in a steady run, nor in a warm-up', () => {
    expect(grown(run(() => ({})))).toEqual([]);
    expect(grown(run((second) => ({ rss: Math.min(80, 20 + second) * megabyte })))).toEqual([]);
  });

  it.each([
    ['heap', (second: number) => ({ heapUsed: (10 + second / 20) * megabyte })],
    ['memory', (second: number) => ({ rss: (80 + second / 4) * megabyte })],
    ['handles', (second: number) => ({ handles: 20 + second / 10 })],
    ['median latency', (second: number) => ({ medianMs: 20 + second / 5 })],
    ['99th percentile', (second: number) => ({ p99Ms: second > 300 ? 500 : 50 })],
  ])('finds what grows: %s', (what, read) => {
    expect(grown(run(read))).toEqual([what]);
  });

  it('looks at latency in the calms only', () => {
    const isTrouble = (second: number) => second % 20 < 10;
    const slow = run((second) => ({
      phase: isTrouble(second) ? 'OMS silent' : 'calm',
      medianMs: isTrouble(second) ? 10 * second : 20,
    }));
    expect(grown(slow)).toEqual([]);
  });

  it('takes no samples for a failure, not for a success', () => {
    expect(grown([])).toHaveLength(5);
  });
});
