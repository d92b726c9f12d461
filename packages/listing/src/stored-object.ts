/** An object of a bucket, as a listing or an inventory gives it. */
export interface StoredObject {
  /** As it is: decoded, never normalised. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** When it was modified last, in milliseconds since 1970. */
  readonly modified: number;
}

/** Objects in pages, since a step for each of millions would cost more than what is done with it. */
export type Pages = AsyncIterable<readonly StoredObject[]>;
