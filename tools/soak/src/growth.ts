import type { Sample } from './soak-run.ts';

/** Something that must not grow once the function has warmed up. */
export interface Growth {
  readonly what: string;
  readonly unit: string;
  /** Medians of the second and of the last quarter of the run. */
  readonly before: number;
  readonly after: number;
  /** The most that `after` may be. */
  readonly limit: number;
}

const megabyte = 1024 * 1024;

/** What is watched, and how much of a difference is noise: a share, and a constant. */
const watched: readonly {
  readonly what: string;
  readonly unit: string;
  readonly read: (sample: Sample) => number;
  readonly share: number;
  readonly constant: number;
  /** Only in a calm: a fault makes invocations slow by itself. */
  readonly calm: boolean;
}[] = [
  {
    what: 'heap',
    unit: 'MB',
    read: ({ heapUsed }) => heapUsed / megabyte,
    share: 0.1,
    constant: 3,
    calm: false,
  },
  { what: 'memory', unit: 'MB', read: ({ rss }) => rss / megabyte, share: 0.15, constant: 20, calm: false },
  { what: 'handles', unit: '', read: ({ handles }) => handles, share: 0.2, constant: 8, calm: true },
  {
    what: 'median latency',
    unit: 'ms',
    read: ({ medianMs }) => medianMs,
    share: 0.5,
    constant: 10,
    calm: true,
  },
  { what: '99th percentile', unit: 'ms', read: ({ p99Ms }) => p99Ms, share: 1, constant: 50, calm: true },
];

/** Compares the last quarter of a run with the second: the first one is the warm-up. */
export function measureGrowth(samples: readonly Sample[]): Growth[] {
  const end = samples.at(-1)?.second ?? 0;
  return watched.map(({ what, unit, read, share, constant, calm }) => {
    const within = (from: number, to: number) =>
      median(
        samples
          .filter(({ second }) => second > from * end && second <= to * end)
          .filter(({ phase, isPure }) => !calm || (phase === 'calm' && isPure))
          .map(read),
      );
    const before = within(0.25, 0.5);
    return { what, unit, before, after: within(0.75, 1), limit: before * (1 + share) + constant };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
