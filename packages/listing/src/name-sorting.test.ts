import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareNames, Follower, sortByName, type Named } from './index.ts';

interface Item extends Named {
  readonly version: number;
}

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-test-'));
});
afterAll(() => rm(folder, { recursive: true }));

const newer = (a: Item, b: Item) => (a.version >= b.version ? a : b);

async function* page(
  items: readonly Item[],
  pageSize: number,
  error?: Error,
): AsyncGenerator<readonly Item[]> {
  for (let start = 0; start < items.length; start += pageSize) {
    yield await Promise.resolve(items.slice(start, start + pageSize));
  }
  if (error !== undefined) throw error;
}

async function sort(items: readonly Item[], itemsInMemory: number): Promise<Item[]> {
  const sorted: Item[] = [];
  const pages = sortByName(page(items, 7), { choose: newer, folder, itemsInMemory });
  for await (const some of pages) sorted.push(...some);
  return sorted;
}

describe('sorting by name', () => {
  it('brings any names into the order of their UTF-8 bytes, of equal ones the newest', async () => {
    const names = fc.array(fc.oneof(anyName, fc.constantFrom('\u{1F600}', '\uFF5E', 'a\u2028b', 'a\nb')), {
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(names, fc.integer({ min: 1, max: 20 }), async (each, itemsInMemory) => {
        const expected = new Map(each.map((name, version) => [name, { name, version }]));
        expect(
          await sort(
            each.map((name, version) => ({ name, version })),
            itemsInMemory,
          ),
        ).toEqual([...expected.values()].sort((a, b) => compareNames(a.name, b.name)));
      }),
      { numRuns: 60 },
    );
  });

  it('merges more runs than it may have files open', async () => {
    const items = Array.from({ length: 5000 }, (_, index) => ({
      name: String((index * 7919) % 5000),
      version: index,
    }));
    const sorted = await sort(items, 10); // 500 runs.
    expect(sorted).toHaveLength(5000);
    expect(sorted).toEqual([...items].sort((a, b) => compareNames(a.name, b.name)));
  });

  it('leaves no file behind: not while it works, not after an error, not when it is given up', async () => {
    const items = Array.from({ length: 100 }, (_, index) => ({ name: String(99 - index), version: 0 }));
    const error = new Error('the listing failed');
    const options = { choose: newer, folder, itemsInMemory: 10 };
    const failing = sortByName(page(items, 10, error), options);
    await expect(failing.next()).rejects.toBe(error);
    for await (const some of sortByName(page(items, 10), options)) {
      expect(some.length).toBeGreaterThan(0);
      expect(await readdir(folder)).toEqual([]);
      break;
    }
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a list beside another one', () => {
  it('gives the item of each name that it has', async () => {
    const names = fc.uniqueArray(anyName, { maxLength: 30 });
    await fc.assert(
      fc.asyncProperty(names, fc.array(anyName, { maxLength: 30 }), async (listed, asked) => {
        const items = listed
          .map((name) => ({ name, version: 0 }))
          .sort((a, b) => compareNames(a.name, b.name));
        const follower = new Follower(page(items, 4));
        for (const name of [...asked, ...listed].sort(compareNames)) {
          expect((await follower.find(name))?.name).toBe(listed.includes(name) ? name : undefined);
        }
        await follower.close();
      }),
      { numRuns: 60 },
    );
  });
});
