import { compareNames } from './name-order.ts';
import type { ListRange, ObjectSource } from './object-source.ts';
import type { Pages, StoredObject } from './stored-object.ts';

/** A source in memory, in pages of three. */
export class ArraySource implements ObjectSource {
  readonly address = 'memory://names/';
  readonly isOrdered: boolean;
  listings = 0;
  readonly #names: readonly string[];

  constructor(names: readonly string[], isOrdered = true) {
    this.#names = isOrdered ? [...new Set(names)].sort(compareNames) : names;
    this.isOrdered = isOrdered;
  }

  async *list({ prefix = '', after, before }: ListRange = {}): Pages {
    this.listings++;
    const names = this.#names.filter(
      (name) =>
        name.startsWith(prefix) &&
        (after === undefined || compareNames(name, after) > 0) &&
        (before === undefined || compareNames(name, before) < 0),
    );
    for (let start = 0; start < names.length; start += 3) {
      yield await Promise.resolve(
        names.slice(start, start + 3).map((name) => ({ name, size: name.length, modified: 0 })),
      );
    }
  }
}

/** All objects of a listing. */
export async function objectsOf(pages: Pages): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for await (const page of pages) objects.push(...page);
  return objects;
}

/** All names of a listing. */
export async function namesOf(pages: Pages): Promise<string[]> {
  return (await objectsOf(pages)).map(({ name }) => name);
}
