import { describe, expect, test } from 'vitest';
import { decodeObjectName, encodeObjectName } from './object-names.ts';

describe('decoding', () => {
  test.each([
    ['test%2F001.txt', 'test/001.txt'],
    ['test%2B001.txt', 'test+001.txt'],
    ['test+001.txt', 'test 001.txt'],
    ['a%20b', 'a b'],
    ['%e4%B8%ad.txt', '中.txt'],
    ['中.txt', '中.txt'],
    ['%F0%9F%98%80', '😀'],
    ['😀', '😀'],
    ['%EF%BB%BFa', '\uFEFFa'],
    ['100%25', '100%'],
    ['%2E%2E/x', '../x'],
    ['%00', '\0'],
  ])('%s', (raw, name) => {
    expect(decodeObjectName(raw)).toBe(name);
  });

  test.each(['100%', '%4', '%zz', '%ff', '%C3', 'a%C3+%A9', '%ED%A0%80', '\uD800'])('refuses %j', (raw) => {
    expect(decodeObjectName(raw)).toBeUndefined();
  });
});

test.each(['a b+c/d', '中😀', "!'()*~-._", '%', '\n\0'])('encoding %j is undone by decoding', (name) => {
  const encoded = encodeObjectName(name);
  expect(encoded).toMatch(/^[\w.~%-]+$/);
  expect(decodeObjectName(encoded)).toBe(name);
});
