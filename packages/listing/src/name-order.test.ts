import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareNames } from './name-order.ts';

describe('the order of names', () => {
  it('is that of their UTF-8 bytes', () => {
    fc.assert(
      fc.property(anyName, anyName, (a, b) => {
        expect(Math.sign(compareNames(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ['\u{1F600}', '\uFF5E', 1],
    ['a\u{1F600}b', 'a\uFF5Eb', 1],
    ['\u{1F600}', '\u{1F601}', -1],
    ['a', 'a/', -1],
    ['a.b', 'a/b', -1],
    ['é', 'e\u0301', 1],
  ])('%j and %j: %i', (a, b, expected) => {
    expect(Math.sign(compareNames(a, b))).toBe(expected);
    expect(Math.sign(compareNames(b, a))).toBe(-expected);
  });
});
