import type { StorageRecord } from '@oms-sync/core';
import { describe, expect, it } from 'vitest';
import { willComeAgain } from './redelivery.ts';

const now = Date.parse('2026-01-02T03:04:05Z');

function created(eventTime: string | undefined): StorageRecord {
  return { kind: 'created', store: 'gs', bucket: 'source', name: 'a', eventTime };
}

describe('willComeAgain', () => {
  it.each([
    ['just now', '2026-01-02T03:04:05Z', true],
    ['a clock ahead of ours', '2026-01-02T03:05:05Z', true],
    ['22 hours and 59 minutes ago', '2026-01-01T04:05:05Z', true],
    ['23 hours ago', '2026-01-01T04:04:05Z', false],
    ['a week ago', '2025-12-26T03:04:05Z', false],
    ['no time', undefined, false],
    ['no readable time', 'yesterday', false],
  ])('%s', (_, eventTime, expected) => {
    expect(willComeAgain([created(eventTime)], now)).toBe(expected);
  });

  it('is false for what came with others, or with nothing', () => {
    const record = created('2026-01-02T03:04:05Z');
    expect(willComeAgain([record, record], now)).toBe(false);
    expect(willComeAgain([], now)).toBe(false);
    expect(willComeAgain([{ kind: 'unknown', reason: '' }], now)).toBe(false);
  });
});
