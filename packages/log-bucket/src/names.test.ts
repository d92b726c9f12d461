import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { azureNames, gcsNames } from './names.ts';
import { uglyKeys } from './ugly-keys.ts';

/** Every character that has a part in it, and some that have not. */
const parts = [
  ['.', '..', '/', '\\', '\0', '\n', '\u001F', '\u007F', '\u0081', '\u009F', '\u201B', '\u2400', '\u2421'],
  ['\u3400', '\u4D21', '\uE000', '\uF8FF', '\uFF0E', '\uFF0F', '\uFF3C', '\uFFFE', '\uFFFF', 'a', '漢', '😀'],
].flat();
const anyKey = fc.oneof(
  fc.array(fc.constantFrom(...parts), { maxLength: 20 }).map((chosen) => chosen.join('')),
  fc.string({ unit: 'binary', maxLength: 50 }),
);

describe('a name in Azure', () => {
  const { nameOf, keyOf, namePrefixOf } = azureNames;

  it.each([
    [
      'oms_source_record/success_object/a b+c%/漢字/😀.txt',
      'oms_source_record/success_object/a b+c%/漢字/😀.txt',
    ],
    ['a.b/.c/..d', 'a.b/.c/..d'],
    ['trail/', 'trail/'],
    ['a/../b', 'a/.．/b'],
    ['a/./b.', 'a/．/b．'],
    ['a\\b\n', 'a＼b␊'],
    ['a．b', 'a\u201B．b'],
    ['a\u201Bb', 'a\u201B\u201Bb'],
    ['a\u0081b\uE000', 'a\u201B\u3401b\u201B\u3420'],
  ])('of %j is %j', (key, name) => {
    expect(nameOf(key)).toBe(name);
    expect(keyOf(name)).toBe(key);
  });

  it.each(['a＼．', 'a．b', '\u201B', '\u201Ba', 'a/..', '\u201B\u201B\u201B'])(
    'that is not one of ours is its own key: %j',
    (name) => {
      expect([name, nameOf(name) === keyOf(name)]).toEqual([name, false]);
      expect(nameOf(keyOf(name)) === name || keyOf(name) === name).toBe(true);
    },
  );

  it('gives every key back', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        expect(keyOf(nameOf(key))).toBe(key);
      }),
      { numRuns: 1000 },
    );
  });

  it('holds nothing that Azure or its SDK minds', () => {
    fc.assert(
      fc.property(anyKey, (key) => {
        const name = nameOf(key);
        // oxlint-disable-next-line no-control-regex -- these are what it is about
        expect(name).not.toMatch(/[\u0000-\u001F\u007F-\u009F\\\uE000-\uF8FF\uFFFE\uFFFF]|\.(\/|$)/);
      }),
      { numRuns: 1000 },
    );
  });

  it('begins as the names of its prefix do', () => {
    fc.assert(
      fc.property(anyKey, anyKey, (prefix, rest) => {
        expect(nameOf(prefix + rest).startsWith(namePrefixOf(prefix))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });

  it('of a key of 1,024 bytes has 1,024 characters and 251 parts at most', () => {
    const repeated = parts.map((part) => part.repeat(1024 / Buffer.byteLength(part)));
    for (const key of [...repeated, ...Object.values(uglyKeys), 'a/'.repeat(512)]) {
      const name = nameOf(key);
      expect(name.length).toBeLessThanOrEqual(1024);
      expect(name.split('/').length).toBeLessThanOrEqual(251);
      expect(keyOf(name)).toBe(key);
    }
  });
});

describe('a name in Google Cloud', () => {
  const { nameOf, keyOf, namePrefixOf } = gcsNames;

  it.each([
    ['oms_source_record/success_object/a\\b\u0001/..', 'oms_source_record/success_object/a\\b\u0001/..'],
    ['.', '．'],
    ['..', '．.'],
    ['...', '...'],
    ['.well-known/acme-challenge/a', '．well-known/acme-challenge/a'],
    ['.well-known/acme', '.well-known/acme'],
    ['a\r\nb', 'a␍␊b'],
    ['a␊\u201Bb', 'a\u201B␊\u201B\u201Bb'],
    ['売上／2026．txt', '売上／2026．txt'],
    ['a\n／．', 'a␊／．'],
    ['␀＼', '␀＼'],
    ['．', '\u201B．'],
    ['．.', '\u201B．.'],
    ['．a', '．a'],
    ['．well-known/acme-challenge/a', '\u201B．well-known/acme-challenge/a'],
  ])('of %j is %j', (key, name) => {
    expect(nameOf(key)).toBe(name);
    expect(keyOf(name)).toBe(key);
  });

  const dotted = ['.', '..', '...', '.well-known/acme-challenge/a', '.well-known/acme-challengea'];
  const dots = [...dotted, ...dotted.map((key) => key.replace('.', '．'))];
  const ours = fc.oneof(anyKey, fc.constantFrom(...dots));

  it('gives every key back, and holds nothing that Google minds', () => {
    fc.assert(
      fc.property(ours, (key) => {
        expect(keyOf(nameOf(key))).toBe(key);
        expect(nameOf(key)).not.toMatch(/[\r\n]|^\.{1,2}$|^\.well-known\/acme-challenge\//);
      }),
      { numRuns: 1000 },
    );
  });

  it('begins as the names of its prefix do', () => {
    for (const whole of dots) {
      for (let length = 0; length <= whole.length; length += 1) {
        expect(nameOf(whole).startsWith(namePrefixOf(whole.slice(0, length)))).toBe(true);
      }
    }
    fc.assert(
      fc.property(ours, ours, (prefix, rest) => {
        expect(nameOf(prefix + rest).startsWith(namePrefixOf(prefix))).toBe(true);
      }),
      { numRuns: 1000 },
    );
  });
});
