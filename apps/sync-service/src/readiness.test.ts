import { describe, expect, it } from 'vitest';
import { findHindrances, type Progress } from './readiness.ts';

const now = Date.parse('2026-01-02T03:04:05Z');
const running = { name: 'embedded', state: { status: 'running', place: 'queue' } } as const;

function judge(changes: Partial<Progress['dispatcher']>, sources: Progress['sources'] = [running]) {
  const dispatcher = {
    held: 0,
    oldestHeldSince: undefined,
    lastSettledAt: undefined,
    isPaused: false,
    ...changes,
  };
  return findHindrances({ now, startedAt: now - 3_600_000, sources, dispatcher });
}

describe('readiness', () => {
  it('is there when nothing waits, however long that is so', () => {
    expect(judge({})).toEqual([]);
  });

  it('is there while something is settled', () => {
    expect(judge({ held: 5, oldestHeldSince: now - 600_000, lastSettledAt: now - 1000 })).toEqual([]);
  });

  it('is there right after something came into a long silence', () => {
    expect(judge({ held: 5, oldestHeldSince: now - 1000, lastSettledAt: now - 3_000_000 })).toEqual([]);
  });

  it('is gone when something waits and nothing is settled', () => {
    const still = { held: 5, oldestHeldSince: now - 600_000, lastSettledAt: now - 300_000 };
    expect(judge(still)).toEqual([
      expect.stringMatching(/^5 records wait, and nothing was settled for 300 s/),
    ]);
    expect(judge({ ...still, isPaused: true })).toEqual([]);
  });

  it('is gone when a source is', () => {
    const cutOff = {
      name: 'postgres',
      state: { status: 'failed', detail: 'the slot is gone', place: 'slot oms' },
    } as const;
    expect(judge({}, [running, cutOff])).toEqual(['postgres is failed: the slot is gone']);
  });
});
