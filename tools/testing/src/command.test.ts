import { describe, expect, it } from 'vitest';
import { readCount, UsageError } from './command.ts';

describe('a number of a command line', () => {
  it.each([
    ['0', 0],
    ['500', 500],
    ['000007', 7],
  ])('%s', (text, count) => {
    expect(readCount('--kills', text)).toBe(count);
  });

  it.each(['', '-1', '1.5', '1e3', 'many', ' 1', '9'.repeat(16)])('"%s" is none', (text) => {
    expect(() => readCount('--kills', text)).toThrow(UsageError);
    expect(() => readCount('--kills', text)).toThrow(
      `--kills: expected a whole number from 0, found '${text}'`,
    );
  });

  it('is not below the least', () => {
    expect(readCount('--seconds', '60', 60)).toBe(60);
    expect(() => readCount('--seconds', '59', 60)).toThrow('--seconds: expected a whole number from 60');
  });
});
