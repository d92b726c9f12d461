import { compareNames, type ObjectSource } from '@oms-sync/listing';
import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../exit-code.ts';
import { listRest, openInventorySource } from './source.ts';

const compareUtf16 = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const name = fc.oneof(
  anyName,
  fc.constantFrom('\u{1F600}', '\uFF5E', '\uE000', 'a', 'a\u{1F600}', 'a\uFF5E'),
);

describe('the rest of a part', () => {
  it.each([
    ['UTF-8', compareNames],
    ['UTF-16', compareUtf16],
  ])('misses nothing in a store that lists in the order of %s', async (_order, compare) => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name, { minLength: 1, maxLength: 20 }),
        fc.nat(19),
        async (names, at) => {
          const listed = [...names].sort(compare);
          const settled = listed.slice(0, (at % listed.length) + 1);
          const source: ObjectSource = {
            address: 'az://account/container/',
            isOrdered: false,
            async *list() {
              yield await Promise.resolve(listed.map((each) => ({ name: each, size: 0, modified: 0 })));
            },
          };
          const rest: string[] = [];
          const part = { range: {}, last: settled.at(-1), passed: settled.length, isDone: false };
          for await (const page of listRest(source, part)) rest.push(...page.map((object) => object.name));
          expect(new Set([...settled, ...rest])).toEqual(new Set(names));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('an inventory', () => {
  it.each(['inventory', 'gcs:folder', ':folder', 's3:', 'az:/nowhere'])('%j is refused', async (text) => {
    await expect(openInventorySource(text)).rejects.toThrow(UsageError);
  });
});
