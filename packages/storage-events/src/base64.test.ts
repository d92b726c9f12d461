import { anyCharacter } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBase64 } from './base64.ts';

describe('decodeBase64', () => {
  it('gives back any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyCharacter }), (text) => {
        fc.pre(!text.startsWith('\ufeff')); // A byte order mark is no part of a text.
        expect(decodeBase64(Buffer.from(text).toString('base64'))).toBe(text);
      }),
    );
  });

  it.each([
    ['a', 'no Base64'],
    ['{"a":1}', 'no Base64'],
    ['10', 'a byte that is no UTF-8'],
    [Buffer.from([0xed, 0xa0, 0x80]).toString('base64'), 'a lone surrogate'],
  ])('gives nothing for %j: %s', (encoded) => {
    expect(decodeBase64(encoded)).toBeUndefined();
  });
});
