import { describe, expect, it } from 'vitest';
import { describeValue, parseJson, shorten } from './json.ts';
import { translateOrUnknown } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

function objectWith(count: number): object {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, index]));
}

describe('describeValue', () => {
  it('names up to eight members, and counts the rest', () => {
    expect(describeValue(objectWith(8))).toBe('an object with m0, m1, m2, m3, m4, m5, m6, m7');
    expect(describeValue(objectWith(10))).toBe('an object with m0, m1, m2, m3, m4, m5, m6, m7 and 2 more');
  });
});

describe('shorten', () => {
  it('leaves 80 characters as they are, and marks where it has cut', () => {
    expect(shorten('x'.repeat(80))).toBe('x'.repeat(80));
    expect(shorten('x'.repeat(81))).toBe(`${'x'.repeat(80)}…`);
  });
});

describe('parseJson', () => {
  it('says why a text is no JSON', () => {
    expect(() => parseJson('{')).toThrow(
      expect.objectContaining({ cause: expect.any(SyntaxError) as unknown }),
    );
  });
});

describe('translateOrUnknown', () => {
  it('hides no defect', () => {
    const fail = (error: Error) => () => {
      throw error;
    };
    expect(() => translateOrUnknown('[0]', fail(new TypeError('a defect')))).toThrow('a defect');
    expect(translateOrUnknown('[0]', fail(new UnknownEventError('what is this')))).toEqual([
      { kind: 'unknown', reason: '[0]: what is this' },
    ]);
  });

  it('gives errors a name that logs can show', () => {
    expect(new UnknownEventError('').name).toBe('UnknownEventError');
  });
});
