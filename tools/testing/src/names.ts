import fc from 'fast-check';

/** Names that have broken somebody's code before. */
export const uglyNames: readonly string[] = [
  'plain.txt',
  'with space.txt',
  'a+b.txt',
  '100%.txt',
  'already%20encoded.txt',
  '100%25',
  'tilde~quotes\'"()*!.txt',
  'amp&lt;<tag>?query#fragment;semi=eq@at:colon$,',
  'folder/',
  '/leading',
  'a//b',
  '..',
  '../up',
  'a/../b',
  'a/./b',
  'back\\slash',
  'new\nline\r\ttab',
  '\u0001control',
  '中文/日本語/한국어.jpg',
  'nfc-\u00fc',
  'nfd-u\u0308',
  '😀/👩‍👩‍👧.png',
  '\uff5e-beside-\u{1f600}',
  ' leading and trailing space ',
  '.',
  '__proto__',
  'a'.repeat(1024),
  'ü'.repeat(512),
  '😀'.repeat(256),
];

/** Any object name: well-formed Unicode of 1 to 1,024 bytes, with more than its share of ugly characters. */
export const anyName: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(...uglyNames),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }),
    fc
      .array(
        fc.constantFrom(
          ...'+%/~\'()*!. \n\\"&?#aé中😀',
          'u\u0308',
          '\u00fc',
          '..',
          '%2F',
          '%zz',
          '\u0000',
          '\u007f',
          '\ufeff',
        ),
        { minLength: 1, maxLength: 60 },
      )
      .map((parts) => parts.join('')),
    fc.string({ unit: 'binary', minLength: 240, maxLength: 256 }),
  )
  .filter((name) => Buffer.byteLength(name) <= 1024 && !/\p{Surrogate}/u.test(name));
