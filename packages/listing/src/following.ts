import { compareNames } from './name-order.ts';
import type { Named } from './name-sorting.ts';

/** A list in the order of names that is gone through beside another one. */
export class Follower<Item extends Named> {
  readonly #pages: AsyncIterator<readonly Item[]>;
  #page: readonly Item[] = [];
  #index = 0;
  #isAtEnd = false;

  /** @param pages in the order of names, each name once. */
  constructor(pages: AsyncIterable<readonly Item[]>) {
    this.#pages = pages[Symbol.asyncIterator]();
  }

  /** The one of this name, if there is one. Asked for in the order of names. */
  async find(name: string): Promise<Item | undefined> {
    while (!this.#isAtEnd) {
      const item = this.#page[this.#index];
      if (item === undefined) {
        await this.#load();
        continue;
      }
      const order = compareNames(item.name, name);
      if (order === 0) return item;
      if (order > 0) return undefined;
      this.#index++;
    }
    return undefined;
  }

  /** To be called in any case. */
  async close(): Promise<void> {
    await this.#pages.return?.();
  }

  async #load(): Promise<void> {
    const next = await this.#pages.next();
    if (next.done === true) {
      this.#isAtEnd = true;
      return;
    }
    this.#page = next.value;
    this.#index = 0;
  }
}
