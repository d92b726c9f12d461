import { testKeys } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import { findLeaks } from './leaks.ts';

const { secretKey } = testKeys;
const percent = [...secretKey].map((character) => `%${character.charCodeAt(0).toString(16)}`).join('');

describe('findLeaks', () => {
  it.each([
    ['as it is', `before ${secretKey} after`],
    ['percent-encoded', `key=${percent}&more`],
    ['partly percent-encoded', `%74${secretKey.slice(1)}`],
    ...['', 'a', 'ab', 'abc'].map((before) => [
      `in base64, behind ${before.length} bytes`,
      Buffer.from(`${before}${secretKey}, after`).toString('base64'),
    ]),
    ['in base64 for addresses', Buffer.from(`?>${secretKey}`).toString('base64url')],
  ])('finds a key %s', (_, text) => {
    expect(findLeaks(text)).toEqual(['secretKey']);
  });

  it('finds none where there is none', () => {
    expect(findLeaks('[secret] 100% %zz dGVzdA==')).toEqual([]);
  });
});
