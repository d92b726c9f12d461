import { compareNames } from '@oms-sync/listing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FolderCounts } from './folder-counts.ts';
import { GapSummary } from './gap-summary.ts';
import { Timeline } from './timeline.ts';
import type { Gap } from './gap.ts';

const dayMs = 86_400_000;

describe('the timeline', () => {
  it('loses no gap, and has few bars, however far the times are apart', () => {
    const times = fc.array(fc.integer({ min: 0, max: 4e12 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(times, (each) => {
        const timeline = new Timeline();
        for (const [index, time] of each.entries()) timeline.add(index % 3 === 0 ? 'stale' : 'missing', time);
        const { bars, widthMs } = timeline;
        expect(bars.length).toBeLessThanOrEqual(72);
        expect(bars.reduce((sum, { missing, stale }) => sum + missing + stale, 0)).toBe(each.length);
        for (const time of each) {
          const bar = bars.find(({ from }) => from <= time && time < from + widthMs);
          expect((bar?.missing ?? 0) + (bar?.stale ?? 0)).toBeGreaterThan(0);
        }
      }),
    );
  });

  it('shows minutes for an hour, and days for two months', () => {
    const widthOf = (spanMs: number) => {
      const timeline = new Timeline();
      timeline.add('missing', 1e12);
      timeline.add('missing', 1e12 + spanMs);
      return timeline.widthMs;
    };
    expect(widthOf(3_600_000)).toBe(60_000);
    expect(widthOf(60 * dayMs)).toBe(dayMs);
  });
});

describe('the folders', () => {
  const count = (names: readonly string[]) => {
    const folders = new FolderCounts();
    for (const name of [...names].sort(compareNames)) folders.add('missing', name);
    return folders.findTop(20).map(({ folder, missing }) => [folder, missing]);
  };

  it('are counted with what is in them', () => {
    expect(count(['a/b/1', 'a/b/2', 'a/c/1', 'a.1', 'top'])).toEqual([
      ['a/', 3],
      ['a/b/', 2],
      ['a/c/', 1],
    ]);
  });

  it('are not told twice: all of x/ is in x/y/', () => {
    expect(count(['x/y/1', 'x/y/2'])).toEqual([['x/y/', 2]]);
    expect(count(['x/y/1', 'x/1'])).toEqual([
      ['x/', 2],
      ['x/y/', 1],
    ]);
  });

  it('with the most gaps are kept of any number', () => {
    const names = Array.from({ length: 5000 }, (_, index) => `f${String(index).padStart(5, '0')}/1`);
    expect(count([...names, 'f02500/2', 'f04000/2', 'f04000/3'])[0]).toEqual(['f00000/', 1]);
    const folders = new FolderCounts();
    for (const name of [...names, 'f02500/2', 'f04000/2', 'f04000/3'].sort(compareNames))
      folders.add('stale', name);
    expect(folders.findTop(2)).toEqual([
      { folder: 'f02500/', missing: 0, stale: 2 },
      { folder: 'f04000/', missing: 0, stale: 3 },
    ]);
  });
});

describe('the summary', () => {
  it('counts few reasons, whatever the codes', () => {
    const summary = new GapSummary();
    for (let index = 0; index < 1000; index++) {
      const name = String(index).padStart(4, '0');
      const reason = { name, list: 'oms', code: `E${index}`, message: '', time: 0 } as const;
      const gap: Gap = { kind: 'missing', name, size: 2, modified: 0, stale: undefined, reason };
      summary.add(gap);
    }
    expect(summary.bytes.missing).toBe(2000);
    expect(summary.reasons).toHaveLength(101);
    expect(summary.reasons[0]).toEqual({ reason: 'other reasons', objects: 900 });
  });
});
