import type { Report } from '@oms-sync/core';
import type { ListRange, StoredObject } from '@oms-sync/listing';

/** A part of what is listed, and how much of it is settled. Parts are worked through side by side. */
export interface Part {
  readonly range: ListRange;
  /** The last name that is settled. */
  last?: string | undefined;
  /** How many objects are settled. */
  passed: number;
  isDone: boolean;
}

/** What became of everything that was listed: `listed = leftOut + received`, and the law of {@link Report}. */
export type Totals = { -readonly [Name in keyof Report]: number } & {
  listed: number;
  /** By time or size. */
  leftOut: number;
  /** Of what was not left out. */
  bytes: number;
};

export function emptyTotals(): Totals {
  return {
    listed: 0,
    leftOut: 0,
    bytes: 0,
    received: 0,
    requested: 0,
    unrequested: 0,
    filtered: 0,
    merged: 0,
    returned: 0,
  };
}

/** Which of the objects that are listed are to be requested. Bounds in milliseconds since 1970 and in bytes. */
export interface Selection {
  /** Modified then or later. */
  readonly since?: number | undefined;
  /** Modified before. */
  readonly until?: number | undefined;
  readonly minSize?: number | undefined;
  readonly maxSize?: number | undefined;
}

export function selectObject(
  { since = -Infinity, until = Infinity, minSize = 0, maxSize = Infinity }: Selection,
  { modified, size }: StoredObject,
): boolean {
  return modified >= since && modified < until && size >= minSize && size <= maxSize;
}
