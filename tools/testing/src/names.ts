import fc from 'fast-check';
import { uglyNames } from './ugly-names.ts';

const firstSurrogate = 0xd800;
const surrogates = 0x800;

/** Any character of Unicode. fast-check's own, the unit `binary`, takes the better part of a second to load. */
export const anyCharacter: fc.Arbitrary<string> = fc
  .nat({ max: 0x10_ffff - surrogates })
  .map((number) => String.fromCodePoint(number < firstSurrogate ? number : number + surrogates));

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
