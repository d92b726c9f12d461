import { compareNames } from './name-order.ts';
import type { Pages, StoredObject } from './stored-object.ts';

/** What differs between source and destination. */
export type Difference =
  /** At the source only. */
  | { readonly kind: 'missing'; readonly source: StoredObject }
  /** At both, but the destination's is not the source's: another size, or the source has changed since. */
  | {
      readonly kind: 'stale';
      readonly source: StoredObject;
      readonly destination: StoredObject;
      readonly because: 'size' | 'newer';
    }
  /** At the destination only. */
  | { readonly kind: 'extra'; readonly destination: StoredObject };

export interface ComparisonOptions<Reason extends string> {
  /** In the order of names, see {@link compareNames}. */
  readonly source: Pages;
  /** In the order of names. */
  readonly destination: Pages;
  /** Why the objects of a name, at least one of which is there, are not to be compared; undefined if they are. */
  readonly leaveOut?: (
    source: StoredObject | undefined,
    destination: StoredObject | undefined,
  ) => Reason | undefined;
}

/** So many differences are given at once. */
const differencesAtOnce = 500;

/**
 * Holds the listing of a source against that of its destination, in one pass and constant memory.
 *
 * Each name is counted once: `same`, `missing`, `stale`, `extra`, or in `leftOut`.
 */
export class Comparison<Reason extends string = never> {
  readonly #options: ComparisonOptions<Reason>;
  readonly counts = { same: 0, missing: 0, stale: 0, extra: 0 };
  readonly leftOut = new Map<Reason, number>();

  constructor(options: ComparisonOptions<Reason>) {
    this.#options = options;
  }

  /**
   * The differences, in the order of their names. What ends without an error is complete.
   *
   * @throws {NameOrderError} if a listing is not in the order of names, or has a name twice.
   * @throws whatever a listing throws: it is never taken for the end of the bucket.
   */
  async *findDifferences(): AsyncGenerator<readonly Difference[], void, undefined> {
    const source = new Cursor('source', this.#options.source);
    const destination = new Cursor('destination', this.#options.destination);
    let found: Difference[] = [];
    try {
      for (;;) {
        const here = source.current ?? (source.isAtEnd ? undefined : await source.load());
        const there = destination.current ?? (destination.isAtEnd ? undefined : await destination.load());
        if (here === undefined && there === undefined) break;
        const order = compare(here, there);
        const difference = this.#judge(order <= 0 ? here : undefined, order >= 0 ? there : undefined);
        if (order <= 0) source.advance();
        if (order >= 0) destination.advance();
        if (difference === undefined) continue;
        found.push(difference);
        if (found.length < differencesAtOnce) continue;
        yield found;
        found = [];
      }
      if (found.length > 0) yield found;
    } finally {
      await Promise.all([source.close(), destination.close()]);
    }
  }

  /** Counts one name, and gives what is wrong with it. */
  #judge(source: StoredObject | undefined, destination: StoredObject | undefined): Difference | undefined {
    const reason = this.#options.leaveOut?.(source, destination);
    if (reason !== undefined) {
      this.leftOut.set(reason, (this.leftOut.get(reason) ?? 0) + 1);
      return undefined;
    }
    const difference = findDifference(source, destination);
    this.counts[difference?.kind ?? 'same']++;
    return difference;
  }
}

function findDifference(
  source: StoredObject | undefined,
  destination: StoredObject | undefined,
): Difference | undefined {
  if (source === undefined) return destination && { kind: 'extra', destination };
  if (destination === undefined) return { kind: 'missing', source };
  if (source.size !== destination.size) return { kind: 'stale', source, destination, because: 'size' };
  // The destination's time is that of the copy: it cannot hold what came to be later.
  if (source.modified > destination.modified) return { kind: 'stale', source, destination, because: 'newer' };
  return undefined;
}

/** Where the end stands behind every name. */
function compare(a: StoredObject | undefined, b: StoredObject | undefined): number {
  if (a === undefined) return 1;
  return b === undefined ? -1 : compareNames(a.name, b.name);
}

/** A listing is not in the order that a comparison needs: its result would be wrong. */
export class NameOrderError extends Error {
  override readonly name = 'NameOrderError';
  readonly side: string;
  readonly previous: string;
  readonly next: string;

  constructor(side: string, previous: string, next: string) {
    super(
      previous === next
        ? `The listing of the ${side} has a name twice: ${JSON.stringify(next)}. Nothing was concluded from it.`
        : `The listing of the ${side} is not in the order of names: ${JSON.stringify(next)} comes after ${JSON.stringify(previous)}. Nothing was concluded from it.`,
    );
    this.side = side;
    this.previous = previous;
    this.next = next;
  }
}

/** A place in a listing. The next page is on its way while this one is read. */
class Cursor {
  readonly #side: string;
  readonly #pages: AsyncIterator<readonly StoredObject[]>;
  #page: readonly StoredObject[] = [];
  #index = 0;
  #ahead: Promise<IteratorResult<readonly StoredObject[]>>;
  #last: string | undefined;
  isAtEnd = false;

  constructor(side: string, pages: Pages) {
    this.#side = side;
    this.#pages = pages[Symbol.asyncIterator]();
    this.#ahead = this.#fetch();
  }

  /** Undefined at the end of a page. */
  get current(): StoredObject | undefined {
    return this.#page[this.#index];
  }

  advance(): void {
    this.#index++;
  }

  /** The first object of the next page; undefined at the end of the listing. */
  async load(): Promise<StoredObject | undefined> {
    do {
      const next = await this.#ahead;
      if (next.done === true) {
        this.isAtEnd = true;
        return undefined;
      }
      this.#ahead = this.#fetch();
      this.#page = next.value;
      this.#index = 0;
    } while (this.#page.length === 0);
    this.#checkOrder();
    return this.current;
  }

  async close(): Promise<void> {
    await this.#pages.return?.();
  }

  #fetch(): Promise<IteratorResult<readonly StoredObject[]>> {
    const page = this.#pages.next();
    page.catch(() => undefined); // Whoever loads it gets the error; if nobody does, another one has ended the comparison.
    return page;
  }

  #checkOrder(): void {
    let last = this.#last;
    for (const { name } of this.#page) {
      if (last !== undefined && compareNames(last, name) >= 0)
        throw new NameOrderError(this.#side, last, name);
      last = name;
    }
    this.#last = last;
  }
}
