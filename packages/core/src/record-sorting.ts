import { isListKey } from './list-keys.ts';
import type { ListEntry, ReceivedObject } from './log-lists.ts';
import { selectName } from './name-filter.ts';
import { isObjectName } from './object-name.ts';
import type { LogBucketAddress } from './settings-address.ts';
import type { Settings } from './settings.ts';
import type { StorageRecord } from './storage-record.ts';

/** The records of one invocation, each in exactly one place. */
export interface SortedRecords {
  /** The names that are to be requested, each as its first record has it. */
  readonly names: ReadonlyMap<string, ReceivedObject>;
  /** How many came again with a name that is in `names`. */
  readonly merged: number;
  /** Why, and how many. */
  readonly filtered: ReadonlyMap<string, number>;
  /** What is no name at all, as it goes on the failed list. */
  readonly invalid: readonly ListEntry[];
  /** Which records nobody understands, and why. */
  readonly unknown: readonly { readonly index: number; readonly reason: string }[];
  /** How many records, of whatever kind, were of the log bucket itself. */
  readonly ofLogBucket: number;
  /** Time of the oldest event, in milliseconds since 1970. */
  readonly oldest: number | undefined;
}

/** Sorts out what is to be requested, and merges equal names: OMS copies an object as it is then, so once is enough. */
export function sortRecords(
  records: readonly StorageRecord[],
  settings: Pick<Settings, 'logBucket' | 'filter'>,
): SortedRecords {
  const names = new Map<string, ReceivedObject>();
  const filtered = new Map<string, number>();
  const invalid: ListEntry[] = [];
  const unknown: { index: number; reason: string }[] = [];
  let merged = 0;
  let ofLogBucket = 0;
  let oldest: number | undefined;
  for (const [index, record] of records.entries()) {
    if (record.kind === 'unknown') {
      unknown.push({ index, reason: record.reason });
      continue;
    }
    const isOfLogBucket = isSameBucket(settings.logBucket, record);
    if (isOfLogBucket) ofLogBucket++;
    const time = Date.parse(record.eventTime ?? '');
    if (!Number.isNaN(time)) oldest = Math.min(oldest ?? time, time);

    if (record.kind === 'ignored') {
      addOne(filtered, record.reason);
    } else if (
      isOfLogBucket &&
      isOwnList(settings.logBucket, record.kind === 'invalid' ? record.text : record.name)
    ) {
      addOne(filtered, 'list of ours');
    } else if (record.kind === 'invalid') {
      invalid.push(toInvalidEntry(toObject(index, record, record.text), record.reason));
    } else if (!isObjectName(record.name)) {
      invalid.push(
        toInvalidEntry(toObject(index, record, record.name), 'the name is empty or holds a lone surrogate'),
      );
    } else if (!selectName(settings.filter, record.name)) {
      addOne(filtered, 'name filter');
    } else if (names.has(record.name)) {
      merged++;
    } else {
      names.set(record.name, toObject(index, record, record.name));
    }
  }
  return { names, merged, filtered, invalid, unknown, ofLogBucket, oldest };
}

function toObject(
  index: number,
  { store, bucket, eventTime, eventId }: Exclude<StorageRecord, { kind: 'unknown' }>,
  name: string,
): ReceivedObject {
  return { index, name, store, bucket, eventTime, eventId };
}

function toInvalidEntry(object: ReceivedObject, message: string): ListEntry {
  const reason = { class: 'invalid', code: 'InvalidName', message } as const;
  return { ...object, outcome: { kind: 'unrequested', attempts: 0, reason } };
}

/**
 * Is it a list of ours? In either reading of its key: with a wrong `eventgrid_key_encoding` each list would else trigger
 * the next one. Ours begin with letters and slashes only, which decoding leaves alone.
 */
function isOwnList(address: LogBucketAddress, key: string): boolean {
  return isListKey(address, key) || isListKey(address, key.replace(/%2F/gi, '/'));
}

/** Is it the log bucket? A bucket is compared with its store. */
function isSameBucket(
  address: LogBucketAddress,
  { store, bucket }: { store: string; bucket: string | undefined },
): boolean {
  if (address.store !== store) return false;
  switch (address.store) {
    case 'obs':
    case 's3':
    case 'gs':
      return address.bucket === bucket;
    case 'az':
      return `${address.account}/${address.container}` === bucket;
    case 'file':
      return false;
  }
}

function addOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
