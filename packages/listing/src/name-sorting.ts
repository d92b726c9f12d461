import { randomUUID } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { compareNames } from './name-order.ts';

/** Anything with a name that JSON can hold. */
export interface Named {
  readonly name: string;
}

export interface NameSortingOptions<Item extends Named> {
  /** Of two with the same name, the one that counts, in whichever order they come. */
  readonly choose: (a: Item, b: Item) => Item;
  /** Where it sorts what does not fit into memory; the system's folder for temporary files if not given. */
  readonly folder?: string | undefined;
  /** So many are sorted in memory; half of them again are held while they are merged. Default 50,000. */
  readonly itemsInMemory?: number | undefined;
}

const defaultItemsInMemory = 50_000;
const itemsInAPage = 200;
/** So many runs are merged at once; of as many, one is made. Each has a file open and a page in memory. */
const maxRuns = 64;

/**
 * Sorts by name what comes in any order, however much it is: sorted runs go to temporary files, which are then merged.
 * Equal names become one.
 *
 * The files lose their names as soon as they are open, so that the system removes them however the process ends.
 */
export async function* sortByName<Item extends Named>(
  pages: AsyncIterable<readonly Item[]>,
  options: NameSortingOptions<Item>,
): AsyncGenerator<readonly Item[], void, undefined> {
  const runs = new Runs<Item>(options.folder ?? tmpdir());
  const { choose, itemsInMemory = defaultItemsInMemory } = options;
  try {
    let items: Item[] = [];
    for await (const page of pages) {
      for (const item of page) items.push(item);
      if (items.length < itemsInMemory) continue;
      await runs.add(toPages(sortItems(items)), choose);
      items = [];
    }
    yield* mergePages([...runs.readAll(), toPages(sortItems(items))], choose);
  } finally {
    await runs.close();
  }
}

function sortItems<Item extends Named>(items: Item[]): Item[] {
  return items.sort((a, b) => compareNames(a.name, b.name));
}

async function* toPages<Item>(items: readonly Item[]): AsyncGenerator<readonly Item[]> {
  for (let start = 0; start < items.length; start += itemsInAPage) {
    yield await Promise.resolve(items.slice(start, start + itemsInAPage));
  }
}

/** Sorted runs in files. The ones of level 1 have been merged from those of level 0, and so on. */
class Runs<Item extends Named> {
  readonly #folder: string;
  readonly #levels: FileHandle[][] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  async add(
    pages: AsyncIterable<readonly Item[]>,
    choose: (a: Item, b: Item) => Item,
    level = 0,
  ): Promise<void> {
    const files = (this.#levels[level] ??= []);
    files.push(await this.#write(pages));
    if (files.length < maxRuns) return;
    await this.add(
      mergePages(
        files.map((file) => readRun<Item>(file)),
        choose,
      ),
      choose,
      level + 1,
    );
    await Promise.all(files.splice(0).map((file) => file.close()));
  }

  readAll(): AsyncGenerator<readonly Item[]>[] {
    return this.#levels.flat().map((file) => readRun<Item>(file));
  }

  async close(): Promise<void> {
    await Promise.all(this.#levels.flat().map((file) => file.close()));
  }

  async #write(pages: AsyncIterable<readonly Item[]>): Promise<FileHandle> {
    const name = path.join(this.#folder, `oms-sync-sorting-${randomUUID()}`);
    const file = await open(name, 'wx+', 0o600);
    try {
      await rm(name);
      for await (const page of pages) await file.write(frame(page));
      return file;
    } catch (error) {
      await file.close();
      throw error;
    }
  }
}

const headBytes = 4;

/** A page as it stands in a file: its length in bytes, and its JSON. */
function frame(page: readonly Named[]): Buffer {
  const body = Buffer.from(JSON.stringify(page));
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}

async function* readRun<Item>(file: FileHandle): AsyncGenerator<readonly Item[]> {
  let position = 0;
  const read = async (length: number) => {
    const buffer = Buffer.alloc(length);
    const { bytesRead } = await file.read(buffer, 0, length, position);
    position += bytesRead;
    return buffer.subarray(0, bytesRead);
  };
  for (;;) {
    const head = await read(headBytes);
    if (head.length === 0) return;
    const body = head.length === headBytes ? await read(head.readUInt32BE()) : head;
    // Cut off, it is no JSON, and this throws.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what stands there has been written by `frame`
    yield JSON.parse(body.toString()) as Item[];
  }
}

/** One of the runs that are merged, at the place that is next. */
interface Place<Item> {
  readonly pages: AsyncIterator<readonly Item[]>;
  page: readonly Item[];
  index: number;
  item: Item;
}

/** Merges sorted runs. */
async function* mergePages<Item extends Named>(
  runs: readonly AsyncIterable<readonly Item[]>[],
  choose: (a: Item, b: Item) => Item,
): AsyncGenerator<readonly Item[]> {
  const heap: Place<Item>[] = [];
  for (const run of runs) {
    const place = await openPlace(run[Symbol.asyncIterator]());
    if (place !== undefined) heap.push(place);
  }
  heap.sort((a, b) => compareNames(a.item.name, b.item.name));
  let merged: Item[] = [];
  let last: Item | undefined;
  for (let first = heap[0]; first !== undefined; first = heap[0]) {
    const { item } = first;
    if (last !== undefined && last.name !== item.name) merged.push(last);
    last = last?.name === item.name ? choose(last, item) : item;
    if (merged.length >= itemsInAPage) {
      yield merged;
      merged = [];
    }
    const next = first.page[++first.index];
    if (next !== undefined) {
      first.item = next;
    } else {
      const following = await openPlace(first.pages);
      // The last one takes the place of one that is at its end.
      const moved = following ?? heap.pop();
      if (moved !== undefined && heap.length > 0) heap[0] = moved;
    }
    sinkFirst(heap);
  }
  if (last !== undefined) merged.push(last);
  if (merged.length > 0) yield merged;
}

async function openPlace<Item>(pages: AsyncIterator<readonly Item[]>): Promise<Place<Item> | undefined> {
  for (let next = await pages.next(); next.done !== true; next = await pages.next()) {
    const [item] = next.value;
    if (item !== undefined) return { pages, page: next.value, index: 0, item };
  }
  return undefined;
}

/** Brings the first of a heap to where it belongs, so that the one with the first name comes first. */
function sinkFirst(heap: Place<Named>[]): void {
  const place = heap[0];
  if (place === undefined) return;
  let index = 0;
  for (;;) {
    const [left, right] = [heap[2 * index + 1], heap[2 * index + 2]];
    if (left === undefined) break;
    const isRight = right !== undefined && compareNames(right.item.name, left.item.name) < 0;
    const child = isRight ? right : left;
    if (compareNames(place.item.name, child.item.name) <= 0) break;
    heap[index] = child;
    index = 2 * index + (isRight ? 2 : 1);
  }
  heap[index] = place;
}
