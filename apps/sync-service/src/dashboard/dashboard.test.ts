import { describe, expect, it } from 'vitest';
import { History } from './history.ts';
import { RecentFailures } from './recent-failures.ts';
import type { Totals } from './status-report.ts';

const nothing: Totals = {
  received: 0,
  requested: 0,
  unrequested: 0,
  filtered: 0,
  merged: 0,
  delayed: 0,
  notifications_refused: 0,
  oms_requests: 0,
  oms_failures: 0,
  oms_seconds: 0,
};

describe('the history', () => {
  it('shows what happened between two looks, a second', () => {
    const history = new History({ time: 1000, totals: nothing, lagSeconds: 0, held: 0 });
    const totals = {
      ...nothing,
      received: 30,
      requested: 20,
      unrequested: 5,
      oms_requests: 4,
      oms_seconds: 1,
    };
    history.add({ time: 6000, totals, lagSeconds: 2.5, held: 5 });
    history.add({ time: 11_000, totals, lagSeconds: 7.5, held: 5 });
    expect(history.report()).toEqual({
      time: [6000, 11_000],
      received: [6, 0],
      requested: [4, 0],
      unrequested: [1, 0],
      lag_seconds: [2.5, 7.5],
      held: [5, 5],
      oms_ms: [250, null],
    });
  });

  it('keeps an hour', () => {
    const history = new History({ time: 0, totals: nothing, lagSeconds: 0, held: 0 });
    for (let time = 5000; time <= 2 * 3_600_000; time += 5000) {
      history.add({ time, totals: nothing, lagSeconds: 0, held: 0 });
    }
    const { time } = history.report();
    expect([time.length, time[0], time.at(-1)]).toEqual([720, 3_605_000, 7_200_000]);
  });

  it('takes no harm from a clock that is set back', () => {
    const history = new History({ time: 10_000, totals: nothing, lagSeconds: 0, held: 0 });
    history.add({ time: 9000, totals: { ...nothing, received: 5 }, lagSeconds: 0, held: 0 });
    history.add({ time: 15_000, totals: { ...nothing, received: 10 }, lagSeconds: 0, held: 0 });
    expect(history.report().received).toEqual([2]);
  });
});

describe('the recent failures', () => {
  it('are the last ones, the latest first, and take no more memory than that', () => {
    const failures = new RecentFailures();
    for (let time = 0; time < 1000; time++) {
      failures.add({
        time,
        source: 'webhook',
        name: 'n'.repeat(5000),
        code: 'OMS.0064',
        message: 'm'.repeat(5000),
      });
    }
    const kept = failures.report();
    expect(kept.map(({ time }) => time)).toEqual(Array.from({ length: 50 }, (_, index) => 999 - index));
    expect(kept[0]?.name).toHaveLength(1025);
    expect(kept[0]?.message).toHaveLength(1025);
  });
});
