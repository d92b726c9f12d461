import type { ObjectSource } from '@oms-sync/listing';
import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../exit-code.ts';
import { listRest, openInventorySource } from './source.ts';

/** A store that lists in an order of its own, in pages of three. */
function openStore(names: readonly string[]): ObjectSource {
  return {
    address: 'az://account/container/',
    isOrdered: false,
    async *list() {
      for (let start = 0; start < names.length; start += 3) {
        const page = names.slice(start, start + 3);
        yield await Promise.resolve(page.map((name) => ({ name, size: 0, modified: 0 })));
      }
    },
  };
}

async function listNames(source: ObjectSource, last: string | undefined): Promise<string[]> {
  const rest: string[] = [];
  for await (const page of listRest(source, { range: {}, last, passed: 0, isDone: false })) {
    rest.push(...page.map(({ name }) => name));
  }
  return rest;
}

describe('the rest of a part', () => {
  it('is what comes behind the last name, whatever order the store lists in', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyName, { minLength: 1 }), fc.nat(), async (names, at) => {
        const settled = (at % names.length) + 1;
        const rest = await listNames(openStore(names), names[settled - 1]);
        expect(rest).toEqual(names.slice(settled));
      }),
    );
  });

  it('has what a hierarchical namespace lists behind a folder, although its name stands before', async () => {
    expect(await listNames(openStore(['a/1', 'a/2', 'a-b', 'a.c']), 'a/2')).toEqual(['a-b', 'a.c']);
  });

  it('is everything if the last name is gone', async () => {
    expect(await listNames(openStore(['a', 'b', 'd', 'e']), 'c')).toEqual(['a', 'b', 'd', 'e']);
  });
});

describe('an inventory', () => {
  it.each(['inventory', 'gcs:folder', ':folder', 's3:', 'az:/nowhere'])('%j is refused', async (text) => {
    await expect(openInventorySource(text)).rejects.toThrow(UsageError);
  });
});
