import type { Pages } from './stored-object.ts';

/** Which of a bucket's objects to list; all bounds hold at once. */
export interface ListRange {
  /** What the whole names begin with. */
  readonly prefix?: string | undefined;
  /** Names behind this one, in the order of {@link compareNames}; not this one itself. */
  readonly after?: string | undefined;
  /** Names in front of this one, in the same order; not this one itself. */
  readonly before?: string | undefined;
  /** Objects that are asked for at a time, where few are wanted; left out, as many as the store gives. */
  readonly pageSize?: number | undefined;
}

/** A bucket whose objects can be listed. */
export interface ObjectSource {
  /** As people write it: `s3://bucket/folder/`. */
  readonly address: string;
  /** Whether its listings come in the order of {@link compareNames}: that of the names' UTF-8 bytes. */
  readonly isOrdered: boolean;
  /**
   * The objects of a range, whole or not at all: a page that fails for a moment is asked for again, and what cannot be
   * listed to its end throws. Nothing is asked for before the first page is taken.
   *
   * @throws {SourceError}
   */
  list(range?: ListRange): Pages;
}

/** A source could not be listed to its end. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
  /** As in {@link ObjectSource.address}. */
  readonly address: string;

  constructor(address: string, message: string, cause?: unknown) {
    super(`${address}: ${message}`, { cause });
    this.address = address;
  }
}
