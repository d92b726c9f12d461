import { describe, expect, it } from 'vitest';
import { Timeline, type Look } from './timeline.ts';

const first: Look = {
  time: 0,
  received: 0,
  requested: 0,
  unrequested: 0,
  omsRequests: 0,
  omsMs: 0,
  lagSeconds: 0,
};

describe('the timeline', () => {
  it('shows what happened between two looks, a second', () => {
    const timeline = new Timeline({ ...first, time: 1000 });
    const counts = { received: 30, requested: 20, unrequested: 5, omsRequests: 4, omsMs: 1000 };
    timeline.add({ ...counts, time: 6000, lagSeconds: 2.5 });
    timeline.add({ ...counts, time: 11_000, lagSeconds: 7.5 });
    expect(timeline.report()).toEqual({
      time: [6000, 11_000],
      received: [6, 0],
      requested: [4, 0],
      unrequested: [1, 0],
      lag_seconds: [2.5, 7.5],
      oms_ms: [250, null],
    });
  });

  it('keeps an hour', () => {
    const timeline = new Timeline(first);
    for (let time = 5000; time <= 2 * 3_600_000; time += 5000) timeline.add({ ...first, time });
    const { time } = timeline.report();
    expect([time.length, time[0], time.at(-1)]).toEqual([720, 3_605_000, 7_200_000]);
  });

  it('takes no harm from a clock that is set back', () => {
    const timeline = new Timeline({ ...first, time: 10_000 });
    timeline.add({ ...first, time: 9000, received: 5 });
    timeline.add({ ...first, time: 15_000, received: 10 });
    expect(timeline.report().received).toEqual([2]);
  });
});
