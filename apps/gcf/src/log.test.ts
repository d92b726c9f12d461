import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { writeFailure, writeLine } from './log.ts';

let written: string[];

beforeEach(() => {
  written = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
});

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the log', () => {
  it.each([
    ['debug', 'DEBUG'],
    ['info', 'INFO'],
    ['warn', 'WARNING'],
    ['error', 'ERROR'],
  ] as const)('has for %s the severity %s', (level, severity) => {
    writeLine(level, JSON.stringify({ event: 'sync', level }));
    expect(written).toEqual([`{"severity":"${severity}","event":"sync","level":"${level}"}\n`]);
  });

  it('says in one line why a request failed', () => {
    writeFailure(new RangeError('two\nlines'), 'id');
    writeFailure('a text', undefined);
    expect(written.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        severity: 'ERROR',
        event: 'failed',
        level: 'error',
        error_type: 'RangeError',
        error: 'two\nlines',
        request_id: 'id',
      },
      { severity: 'ERROR', event: 'failed', level: 'error', error_type: 'Error', error: 'a text' },
    ]);
    expect(written.every((line) => line.indexOf('\n') === line.length - 1)).toBe(true);
  });
});
