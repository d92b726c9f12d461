/** What ListSyncTaskStatistic counts: objects requested, copied, failed and skipped, and the bytes copied. */
export const statisticKinds = ['REQUEST', 'SUCCESS', 'FAILURE', 'SKIP', 'SIZE'] as const;
export type StatisticKind = (typeof statisticKinds)[number];

const bucketMs = 5 * 60 * 1000;

/** The counters of one task, kept for every five minutes. */
export class TaskStatistics {
  readonly #buckets = new Map<number, Record<StatisticKind, number>>();

  add(time: number, kind: StatisticKind, amount = 1): void {
    const start = Math.floor(time / bucketMs) * bucketMs;
    const bucket = this.#buckets.get(start) ?? { REQUEST: 0, SUCCESS: 0, FAILURE: 0, SKIP: 0, SIZE: 0 };
    bucket[kind] += amount;
    this.#buckets.set(start, bucket);
  }

  /** The sum over the calendar month (UTC) that a time lies in. */
  sumOfMonth(time: number, kind: StatisticKind): number {
    const month = monthOf(time);
    let sum = 0;
    for (const [start, bucket] of this.#buckets) if (monthOf(start) === month) sum += bucket[kind];
    return sum;
  }

  /** The buckets that overlap a span of time, oldest first; those in which nothing was counted are left out. */
  between(start: number, end: number, kind: StatisticKind): { time_stamp: number; statistic_num: number }[] {
    return [...this.#buckets]
      .filter(([time, bucket]) => time + bucketMs > start && time <= end && bucket[kind] > 0)
      .sort(([a], [b]) => a - b)
      .map(([time, bucket]) => ({ time_stamp: time, statistic_num: bucket[kind] }));
  }
}

function monthOf(time: number): string {
  return new Date(time).toISOString().slice(0, 7);
}
