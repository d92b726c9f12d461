import { describe, expect, it } from 'vitest';
import type { ListEntry } from './log-lists.ts';
import { Logger } from './logger.ts';
import { countEach, FailureCount, logEachUnrequested, logUnrequested, toFields } from './sync-log.ts';
import type { Outcome } from './sync-run.ts';

function entry(name: string, outcome: Outcome): ListEntry {
  return { index: 0, name, store: 'obs', bucket: 'b', eventTime: undefined, eventId: undefined, outcome };
}

function failed(name: string, code: string): ListEntry {
  return entry(name, {
    kind: 'unrequested',
    attempts: 1,
    reason: { class: 'refused', code, message: `${code}!` },
  });
}

const succeeded = entry('fine', { kind: 'requested', attempts: 1 });

function log(entries: readonly ListEntry[], unrequested: number, level: 'debug' | 'info' = 'debug') {
  const lines: unknown[] = [];
  const logger = new Logger(level, (_, line) => lines.push(JSON.parse(line)));
  const failures = new FailureCount();
  failures.add(entries);
  logUnrequested(failures, unrequested, { logger, requestId: 'request-1' });
  logEachUnrequested(entries, logger);
  return lines;
}

describe('the log of what was not requested', () => {
  it('has a line for all of it, with the codes and three examples, and one for each to debug', () => {
    const entries = [failed('a', 'X'), failed('b', 'Y'), failed('c', 'Y'), failed('d', 'Y')];
    const all = {
      event: 'unrequested',
      level: 'warn',
      unrequested: 4,
      codes: { Y: 3, X: 1 },
      examples: ['a', 'b', 'c'],
      request_id: 'request-1',
    };
    expect(log(entries, 4, 'info')).toEqual([all]);
    const [first, ...others] = log(entries, 4);
    expect(first).toEqual(all);
    expect(others).toHaveLength(4);
    expect(others[1]).toEqual({
      event: 'not requested',
      level: 'debug',
      name: 'b',
      class: 'refused',
      code: 'Y',
      message: 'Y!',
    });
  });

  it('has only the lines to debug when all of it goes back to the platform', () => {
    expect(log([failed('a', 'X')], 0)).toMatchObject([{ event: 'not requested', name: 'a' }]);
  });

  it('does not speak of what was requested', () => {
    expect(log([succeeded], 0)).toEqual([]);
    const failures = new FailureCount();
    failures.add([succeeded, failed('a', 'X')]);
    failures.add([failed('b', 'X')]);
    expect(failures).toEqual({ codes: new Map([['X', 2]]), examples: ['a', 'b'] });
  });
});

describe('counts in the log', () => {
  it('have the most frequent first, twenty at most', () => {
    const texts = Array.from({ length: 30 }, (_, index) =>
      Array.from({ length: index + 1 }, () => `${index}`),
    );
    const fields = toFields(countEach(texts.flat())) ?? {};
    expect(Object.keys(fields)).toHaveLength(20);
    // An object would have its whole numbers in their own order.
    const letters = toFields(countEach(['a', 'b', 'b', 'c', 'c', 'c']));
    expect(Object.entries(letters ?? {})).toEqual([
      ['c', 3],
      ['b', 2],
      ['a', 1],
    ]);
    expect(Object.values(fields).reduce((a, b) => Math.min(a, b))).toBe(11);
  });

  it('are not there where nothing was counted', () => {
    expect(toFields(new Map())).toBeUndefined();
  });
});
