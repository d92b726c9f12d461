import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ArraySource, namesOf } from './array-source.test-help.ts';
import { findKeyRanges } from './key-ranges.ts';
import { compareNames } from './name-order.ts';

async function listByRanges(source: ArraySource, options: Parameters<typeof findKeyRanges>[1]) {
  const ranges = await findKeyRanges(source, options);
  const parts = await Promise.all(ranges.map((range) => namesOf(source.list(range))));
  return { ranges, parts };
}

/** Names that share beginnings, with characters on both sides of the surrogates. */
const relatedName = fc
  .array(
    fc.constantFrom(
      'a',
      'b',
      '/',
      '\u{1F600}',
      '\u{1F601}',
      '\uFF5E',
      '\uD7FF',
      '\uE000',
      '\0',
      '\u{10FFFF}',
    ),
    {
      minLength: 1,
      maxLength: 8,
    },
  )
  .map((characters) => characters.join(''));

describe('key ranges', () => {
  it('cover every name exactly once, in order, whatever the names', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.oneof(anyName, relatedName), { maxLength: 60 }),
        fc.constantFrom('', 'a', 'p/'),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 0, max: 60 }),
        async (names, prefix, count, maxProbes) => {
          const source = new ArraySource(names.map((name) => prefix + name).concat('other', 'p', 'p0'));
          const { ranges, parts } = await listByRanges(source, { prefix, count, maxProbes });
          expect(parts.flat()).toEqual(await namesOf(source.list({ prefix })));
          expect(ranges.length).toBeLessThanOrEqual(count);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('cover names that come later', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(relatedName, { minLength: 1, maxLength: 30 }),
        fc.uniqueArray(relatedName, { maxLength: 30 }),
        async (names, later) => {
          const ranges = await findKeyRanges(new ArraySource(names), { count: 8, maxProbes: 100 });
          const source = new ArraySource([...names, ...later]);
          const parts = await Promise.all(ranges.map((range) => namesOf(source.list(range))));
          expect(parts.flat()).toEqual(await namesOf(source.list()));
        },
      ),
    );
  });

  it.each([
    ['numbers', Array.from({ length: 1000 }, (_, index) => String(index).padStart(6, '0'))],
    ['days', Array.from({ length: 1000 }, (_, index) => new Date(index * 86_400_000).toISOString())],
    ['one folder', Array.from({ length: 1000 }, (_, index) => `very/deep/${'x'.repeat(100)}/${index}`)],
    ['emojis', Array.from({ length: 150 }, (_, index) => `${String.fromCodePoint(0x1f300 + index)}.png`)],
  ])('share out %s with few probes', async (_what, names) => {
    const source = new ArraySource(names);
    const { parts } = await listByRanges(source, { count: 8, maxProbes: 200 });
    expect(parts.length).toBeGreaterThanOrEqual(5);
    expect(Math.max(...parts.map((part) => part.length))).toBeLessThan(0.7 * names.length);
    expect(parts.flat()).toEqual([...names].sort(compareNames));
  });

  it('ask for no more pages than they may', async () => {
    const source = new ArraySource(Array.from({ length: 5000 }, (_, index) => `${index}`));
    await findKeyRanges(source, { count: 1000, maxProbes: 50 });
    expect(source.listings).toBeLessThanOrEqual(50);
  });

  it('are one for a store with an order of its own, and for an empty one', async () => {
    const options = { prefix: 'p', count: 8, maxProbes: 50 };
    expect(await findKeyRanges(new ArraySource(['pa', 'pb'], false), options)).toEqual([{ prefix: 'p' }]);
    expect(await findKeyRanges(new ArraySource([]), options)).toEqual([{ prefix: 'p' }]);
  });
});
