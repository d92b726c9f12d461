import fc from 'fast-check';
import { uglyNames } from './ugly-names.ts';

/**
 * Any character, but for half ones. The same as `unit: 'binary'` of fast-check (4.10.2), which takes a second to make: it
 * maps all of them back first, in every file that imports this.
 */
export const anyCharacter: fc.Arbitrary<string> = fc
  .integer({ min: 0, max: 0x10ffff - 0x800 })
  .map((code) => String.fromCodePoint(code < 0xd800 ? code : code + 0x800));

/** Any object name: well-formed Unicode of 1 to 1,024 bytes, with more than its share of ugly characters. */
export const anyName: fc.Arbitrary<string> = fc
  .oneof(
    fc.constantFrom(...uglyNames),
    fc.string({ unit: anyCharacter, minLength: 1, maxLength: 40 }),
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
    fc.string({ unit: anyCharacter, minLength: 240, maxLength: 256 }),
  )
  .filter((name) => Buffer.byteLength(name) <= 1024 && !/\p{Surrogate}/u.test(name));
