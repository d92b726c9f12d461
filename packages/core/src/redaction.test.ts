import { describe, expect, it } from 'vitest';
import { makeRedactor } from './redaction.ts';
import { Secret } from './secret.ts';

describe('redaction', () => {
  const redact = makeRedactor({
    accessKey: new Secret('key'),
    secretKey: new Secret('sec/ret+'),
    securityToken: new Secret('token-of-key-1'),
  });

  it.each([
    ['as they are', 'key and sec/ret+', '[secret] and [secret]'],
    ['in JSON with escaped slashes', '"sec\\/ret+"', '"[secret]"'],
    ['percent-encoded', 'k=sec%2Fret%2B', 'k=[secret]'],
    // The rest of a token would say more than nothing.
    ['a longer one whole, also with a shorter one inside', '<token-of-key-1>', '<[secret]>'],
  ])('hides keys %s', (_, text, hidden) => {
    expect(redact(text)).toBe(hidden);
  });

  it('leaves everything else alone, with and without a token', () => {
    const withoutToken = makeRedactor({
      accessKey: new Secret('key'),
      secretKey: new Secret('sec/ret+'),
      securityToken: undefined,
    });
    for (const text of ['photos/a b', 'undefined', 'Stryker was here']) {
      expect(redact(text)).toBe(text);
      expect(withoutToken(text)).toBe(text);
    }
  });
});
