import type { StorageRecord } from '@oms-sync/core';

/** A record that somebody understands. One that nobody does is for its source to refuse: it is never dispatched. */
export type KnownRecord = Exclude<StorageRecord, { readonly kind: 'unknown' }>;

/**
 * Something that a source acknowledges as one: a message, a row, a transaction. The source keeps it until it is settled,
 * and delivers it again if the service ends before.
 */
export interface Delivery {
  /** The name of the source, as in the metrics. */
  readonly source: string;
  readonly records: readonly KnownRecord[];
  /** Since when it waits, in milliseconds since 1970, if its source knows: what it says of itself, by any clock. */
  readonly waitingSince?: number | undefined;
  /** Everything in it is requested, or on a list, or needs neither: now it may be acknowledged. Called once at most. */
  settle(): void;
  /** The service stops before it is settled: others may have it. Called once at most, and not after {@link settle}. */
  handBack(): void;
}
