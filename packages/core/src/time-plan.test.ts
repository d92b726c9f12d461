import { describe, expect, it } from 'vitest';
import { planTime } from './time-plan.ts';

/** How long is left for OMS, for the lists and for the answer, of so many milliseconds. */
function divide(ms: number, names: number, layout: 'object' | 'list' = 'object') {
  const now = 1_000_000;
  const { sendUntil, writeUntil } = planTime(now, now + ms, names, layout);
  return { send: sendUntil - now, write: writeUntil - sendUntil, answer: now + ms - writeUntil };
}

describe('the time plan', () => {
  it('leaves half a second for the answer, and time for the lists by the number of names', () => {
    expect(divide(60_000, 1)).toEqual({ send: 57_900, write: 1600, answer: 500 });
    expect(divide(60_000, 32)).toEqual(divide(60_000, 1));
    expect(divide(60_000, 33)).toEqual({ send: 57_800, write: 1700, answer: 500 });
    expect(divide(60_000, 3200)).toEqual({ send: 48_000, write: 11_500, answer: 500 });
  });

  it('needs no more time for a file with many names than for one with few', () => {
    expect(divide(60_000, 3200, 'list')).toEqual({ send: 57_900, write: 1600, answer: 500 });
  });

  it('divides a short time in proportion', () => {
    expect(divide(3000, 1)).toEqual({ send: 1150, write: 1350, answer: 500 });
    expect(divide(120, 10_000)).toEqual({ send: 46, write: 54, answer: 20 });
    expect(divide(0, 1)).toEqual({ send: 0, write: 0, answer: 0 });
  });

  it('ends at once when the deadline is over', () => {
    const { sendUntil } = planTime(1000, 900, 1, 'object');
    expect(sendUntil).toBeLessThan(1000);
  });

  it('has no end without a deadline', () => {
    expect(planTime(0, Infinity, 10, 'object')).toEqual({ sendUntil: Infinity, writeUntil: Infinity });
  });
});
