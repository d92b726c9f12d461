import type { FolderObject } from '@oms-sync/log-bucket';

/** The names of a bucket that is only listed, in memory: a folder of millions of files would be no stand-in. */
export class Catalog {
  /** In the order of their bytes. */
  readonly #keys: readonly Buffer[];

  constructor(keys: Iterable<string>) {
    this.#keys = Array.from(keys, (key) => Buffer.from(key)).sort((a, b) => Buffer.compare(a, b));
  }

  /** Some objects behind a marker, and whether there are more. Each has the size of its name, and one time for all. */
  list(prefix: string, marker: string, count: number): { objects: FolderObject[]; isTruncated: boolean } {
    const start = Buffer.from(prefix);
    let index = Math.max(this.#find(start, false), this.#find(Buffer.from(marker), true));
    const objects: FolderObject[] = [];
    for (; objects.length < count && this.#hasPrefix(index, start); index++) {
      const key = this.#keys[index]?.toString('utf8') ?? '';
      objects.push({ key, size: key.length, lastModified });
    }
    return { objects, isTruncated: this.#hasPrefix(index, start) };
  }

  #hasPrefix(index: number, prefix: Buffer): boolean {
    return this.#keys[index]?.subarray(0, prefix.length).equals(prefix) === true;
  }

  /** Where the first key stands that is not in front of this one, or the first one behind it. */
  #find(key: Buffer, isBehind: boolean): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const order = Buffer.compare(this.#keys[middle] ?? key, key);
      if (order < 0 || (isBehind && order === 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

const lastModified = new Date('2026-01-01T00:00:00.000Z');
