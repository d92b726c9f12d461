import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Comparison, compareNames, NameOrderError, type Difference, type StoredObject } from './index.ts';

const object = (name: string, size = 1, modified = 1000): StoredObject => ({ name, size, modified });

/** A listing with pages of a few objects; ends with the error, if there is one. */
async function* list(
  objects: readonly StoredObject[],
  { pageSize = 2, error }: { pageSize?: number; error?: Error } = {},
): AsyncGenerator<readonly StoredObject[]> {
  for (let start = 0; start < objects.length; start += pageSize) {
    yield await Promise.resolve(objects.slice(start, start + pageSize));
  }
  if (error !== undefined) throw error;
}

async function compare(
  source: AsyncIterable<readonly StoredObject[]>,
  destination: AsyncIterable<readonly StoredObject[]>,
) {
  const comparison = new Comparison({ source, destination });
  const differences: Difference[] = [];
  for await (const found of comparison.findDifferences()) differences.push(...found);
  return { differences, counts: comparison.counts };
}

describe('the comparison of two listings', () => {
  it('finds what is missing, stale and extra', async () => {
    const { differences, counts } = await compare(
      list([object('a'), object('b', 2), object('c', 1, 3000), object('d'), object('f')]),
      list([object('b', 1), object('c', 1, 2000), object('d', 1, 2000), object('e'), object('f')]),
    );
    expect(differences).toEqual([
      { kind: 'missing', source: object('a') },
      { kind: 'stale', source: object('b', 2), destination: object('b', 1), because: 'size' },
      { kind: 'stale', source: object('c', 1, 3000), destination: object('c', 1, 2000), because: 'newer' },
      { kind: 'extra', destination: object('e') },
    ]);
    expect(counts).toEqual({ same: 2, missing: 1, stale: 2, extra: 1 });
  });

  it('holds for any two buckets: names that sort differently in UTF-16, equal prefixes, NFC beside NFD', async () => {
    const hostile = fc
      .array(fc.constantFrom('a', 'a/', 'é', 'e\u0301', '\u{1F600}', '\uFF5E', '\uE000', '\uD7FF', '\0'), {
        minLength: 1,
        maxLength: 5,
      })
      .map((parts) => parts.join(''));
    const bucket = fc.array(fc.tuple(fc.oneof(hostile, anyName), fc.nat(1)), { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(bucket, bucket, fc.integer({ min: 1, max: 5 }), async (both, some, pageSize) => {
        const source = new Map(both);
        const destination = new Map([...both.filter((_, index) => index % 3 > 0), ...some]);
        const { differences, counts } = await compare(
          list(inByteOrder(source), { pageSize }),
          list(inByteOrder(destination), { pageSize: 3 }),
        );
        const namesOf = (kind: Difference['kind']) =>
          differences
            .filter((difference) => difference.kind === kind)
            .map((difference) =>
              difference.kind === 'extra' ? difference.destination.name : difference.source.name,
            );
        const sourceNames = inByteOrder(source).map(({ name }) => name);
        expect(namesOf('missing')).toEqual(sourceNames.filter((name) => !destination.has(name)));
        expect(namesOf('stale')).toEqual(
          sourceNames.filter((name) => destination.has(name) && destination.get(name) !== source.get(name)),
        );
        expect(namesOf('extra')).toEqual(
          inByteOrder(destination)
            .map(({ name }) => name)
            .filter((name) => !source.has(name)),
        );
        expect(counts.same + counts.missing + counts.stale).toBe(source.size);
      }),
      { numRuns: 500 },
    );
  });

  it('leaves out, on either side, what is not to be compared', async () => {
    const comparison = new Comparison({
      source: list([object('a'), object('tmp/b'), object('tmp/c')]),
      destination: list([object('a'), object('oms/x'), object('tmp/c', 9)]),
      leaveOut: (source, destination) => {
        if (source?.name.startsWith('tmp/') === true) return 'filtered';
        return source === undefined && destination?.name.startsWith('oms/') === true ? 'own' : undefined;
      },
    });
    for await (const found of comparison.findDifferences()) expect(found).toEqual([]);
    expect(comparison.counts).toEqual({ same: 1, missing: 0, stale: 0, extra: 0 });
    expect(comparison.leftOut).toEqual(
      new Map([
        ['filtered', 2],
        ['own', 1],
      ]),
    );
  });
});

describe('a listing that fails', () => {
  const error = new Error('the store went away');
  const objects = Array.from({ length: 20 }, (_, index) => object(`name-${String(index).padStart(3, '0')}`));

  it.each([
    ['the source, at once', list([], { error }), list(objects)],
    ['the destination, at once', list(objects), list([], { error })],
    ['the source, after ten pages', list(objects, { error }), list(objects)],
    ['the destination, after ten pages', list(objects), list(objects, { error })],
    ['both', list(objects, { error }), list(objects, { error })],
  ])('is no end of the bucket: %s', async (_, source, destination) => {
    await expect(compare(source, destination)).rejects.toBe(error);
  });

  it('ends the other one', async () => {
    let isClosed = false;
    async function* endless(): AsyncGenerator<readonly StoredObject[]> {
      try {
        for (let index = 0; ; index++)
          yield await Promise.resolve([object(`z${String(index).padStart(9, '0')}`)]);
      } finally {
        isClosed = true;
      }
    }
    await expect(compare(list(objects, { error }), endless())).rejects.toBe(error);
    expect(isClosed).toBe(true);
  });
});

describe('a listing in another order', () => {
  it.each([
    ['UTF-16', ['\u{1F600}', '\uFF5E'], /not in the order of names/],
    ['a name twice', ['a', 'a'], /a name twice/],
  ])('is refused: %s', async (_, names, message) => {
    const wrong = () =>
      list(
        names.map((name) => object(name)),
        { pageSize: 1 },
      );
    for (const [source, destination, side] of [
      [wrong(), list([]), 'source'],
      [list([]), wrong(), 'destination'],
    ] as const) {
      const failure: unknown = await compare(source, destination).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(NameOrderError);
      expect(failure).toMatchObject({ side, message: expect.stringMatching(message) as unknown });
    }
  });
});

function inByteOrder(bucket: ReadonlyMap<string, number>): StoredObject[] {
  const objects = [...bucket].map(([name, size]) => object(name, size));
  return objects.sort((a, b) => compareNames(a.name, b.name));
}
