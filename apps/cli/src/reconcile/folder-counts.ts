export interface FolderCount {
  /** `photos/2026/`; empty for the whole bucket. */
  readonly folder: string;
  readonly missing: number;
  readonly stale: number;
}

interface OpenFolder {
  readonly folder: string;
  missing: number;
  stale: number;
  /** The most that one folder in it has. */
  largestChild: number;
}

const maxDepth = 4;
const maxKept = 500;

/**
 * Counts gaps by folder, at any number of folders in constant memory: names come in their order, so a folder is over when
 * the first name outside of it comes, and only those with the most gaps are kept.
 */
export class FolderCounts {
  /** From the outside in. */
  readonly #open: OpenFolder[] = [];
  #closed: FolderCount[] = [];

  /** Names in their order. */
  add(kind: 'missing' | 'stale', name: string): void {
    while (this.#open.length > 0 && !name.startsWith(this.#open.at(-1)?.folder ?? '')) this.#close();
    let end = this.#open.at(-1)?.folder.length ?? 0;
    while (this.#open.length < maxDepth) {
      const slash = name.indexOf('/', end);
      if (slash === -1) break;
      end = slash + 1;
      this.#open.push({ folder: name.slice(0, end), missing: 0, stale: 0, largestChild: 0 });
    }
    for (const folder of this.#open) folder[kind]++;
  }

  /** The folders with the most gaps, in the order of their names. Where all of a folder is in one folder in it, only that. */
  findTop(count: number): readonly FolderCount[] {
    while (this.#open.length > 0) this.#close();
    this.#keepLargest(count);
    // A folder stands in front of what is in it; elsewhere any order does.
    return [...this.#closed].sort((a, b) => (a.folder < b.folder ? -1 : 1));
  }

  #close(): void {
    const closed = this.#open.pop();
    if (closed === undefined) return;
    const { folder, missing, stale, largestChild } = closed;
    const parent = this.#open.at(-1);
    if (parent !== undefined) parent.largestChild = Math.max(parent.largestChild, missing + stale);
    if (largestChild === missing + stale) return;
    this.#closed.push({ folder, missing, stale });
    if (this.#closed.length >= 2 * maxKept) this.#keepLargest(maxKept);
  }

  #keepLargest(count: number): void {
    this.#closed = this.#closed.sort((a, b) => b.missing + b.stale - a.missing - a.stale).slice(0, count);
  }
}
