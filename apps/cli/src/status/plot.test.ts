import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { divideTime, formatTimeAxis, plotBlocks, sumColumns } from './plot.ts';

const from = Date.parse('2026-11-25T20:00:00Z');
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const day = { from, to: from + 24 * hourMs, intervalMs: 5 * minuteMs };

describe('plotBlocks', () => {
  it('draws the largest as a full block, and the others in proportion', () => {
    expect(plotBlocks([0, 1, 2, 3, 4, 5, 6, 7, 8])).toBe('·▁▂▃▄▅▆▇█');
    expect(plotBlocks([1, 0], 3)).toBe('███···');
    expect(plotBlocks([0, 0])).toBe('··');
  });

  it('shows whatever is not nothing, and nothing as nothing', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1 }), (values) => {
        const drawn = plotBlocks(values);
        expect(drawn).toHaveLength(values.length);
        values.forEach((value, index) => expect(drawn[index] === '·').toBe(value === 0));
        const highest = drawn[values.indexOf(Math.max(...values))];
        expect(highest === '█' || values.every((value) => value === 0)).toBe(true);
      }),
    );
  });
});

describe('divideTime and sumColumns', () => {
  it('fill the width, and no more, with columns of whole intervals', () => {
    expect(divideTime(day, 48)).toEqual({ from, columnMs: 30 * minuteMs, columns: 48, columnWidth: 1 });
    expect(divideTime({ ...day, to: from + hourMs }, 48)).toEqual({
      from,
      columnMs: 5 * minuteMs,
      columns: 12,
      columnWidth: 4,
    });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e10 }), fc.integer({ min: 10, max: 200 }), (ms, width) => {
        const span = divideTime({ ...day, to: from + ms }, width);
        expect(span.columns * span.columnWidth).toBeLessThanOrEqual(width);
        expect(span.columnMs % day.intervalMs).toBe(0);
        expect(span.columns * span.columnMs).toBeGreaterThanOrEqual(ms);
      }),
    );
  });

  it('lose no count that lies in the time', () => {
    const count = fc.record({ minutes: fc.nat(24 * 60 - 1), count: fc.nat(1000) });
    fc.assert(
      fc.property(fc.array(count), fc.integer({ min: 10, max: 200 }), (counts, width) => {
        const points = counts.map(({ minutes, count: n }) => ({ time: from + minutes * minuteMs, count: n }));
        const sums = sumColumns(points, divideTime(day, width));
        const total = counts.reduce((sum, { count: n }) => sum + n, 0);
        expect(sums.reduce((sum, n) => sum + n, 0)).toBe(total);
      }),
    );
    const outside = [
      { time: from - 1, count: 1 },
      { time: from + 25 * hourMs, count: 1 },
    ];
    expect(sumColumns(outside, divideTime(day, 48)).every((sum) => sum === 0)).toBe(true);
  });
});

describe('formatTimeAxis', () => {
  it.each([
    [24, 48, '╵20:00      ╵02:00      ╵08:00      ╵14:00  now╵'],
    [1, 48, '╵20:00      ╵20:15      ╵20:30      ╵20:45  now╵'],
    [72, 48, '╵11-25 20:00  ╵11-26 17:00  ╵11-27 14:00    now╵'],
    [24, 12, '╵20:00  now╵'],
  ])('of %i hours in %i characters', (hours, width, axis) => {
    const span = divideTime({ ...day, to: from + hours * hourMs }, width);
    expect(formatTimeAxis(span)).toBe(axis);
  });

  it('is as wide as the plot', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e10 }), fc.integer({ min: 20, max: 200 }), (ms, width) => {
        const span = divideTime({ ...day, to: from + ms }, width);
        expect(formatTimeAxis(span)).toHaveLength(Math.max(4, span.columns * span.columnWidth));
      }),
    );
  });
});
