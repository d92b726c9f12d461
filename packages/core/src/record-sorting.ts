import { isListKey } from './list-keys.ts';
import type { ListEntry, ReceivedObject } from './log-lists.ts';
import { selectFolder, selectName } from './name-filter.ts';
import { isObjectName } from './object-name.ts';
import type { LogBucketAddress } from './settings-address.ts';
import type { Settings } from './settings.ts';
import type { StorageRecord } from './storage-record.ts';

/** The records of one invocation, each in exactly one place. */
export interface SortedRecords {
  /** The names that are to be requested, each as its first record has it. */
  readonly names: ReadonlyMap<string, ReceivedObject>;
  /** Which records came again with a name that is in `names`, and which record that was first. */
  readonly merged: ReadonlyMap<number, number>;
  /** Which records are left out, and why. */
  readonly filtered: ReadonlyMap<number, string>;
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
  const filtered = new Map<number, string>();
  const merged = new Map<number, number>();
  const invalid: ListEntry[] = [];
  const unknown: { index: number; reason: string }[] = [];
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
      filtered.set(index, record.reason);
      continue;
    }
    const text = record.kind === 'invalid' ? record.text : record.name;
    const object = toObject(index, record, text);
    const first = names.get(text);
    if (isOfLogBucket && isOwnList(settings.logBucket, text)) {
      filtered.set(index, 'list of ours');
    } else if (record.kind === 'invalid') {
      if (record.isFolder === true && !selectFolder(settings.filter, text))
        filtered.set(index, 'name filter');
      else
        invalid.push(
          toInvalidEntry(
            object,
            record.isFolder === true ? 'DirectoryRenamed' : 'InvalidName',
            record.reason,
          ),
        );
    } else if (!isObjectName(text)) {
      invalid.push(toInvalidEntry(object, 'InvalidName', 'the name is empty or holds a lone surrogate'));
    } else if (!selectName(settings.filter, text)) {
      filtered.set(index, 'name filter');
    } else if (first !== undefined) {
      merged.set(index, first.index);
    } else {
      names.set(text, object);
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

function toInvalidEntry(
  object: ReceivedObject,
  code: 'InvalidName' | 'DirectoryRenamed',
  message: string,
): ListEntry {
  const reason = { class: 'invalid', code, message } as const;
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
  { store, bucket }: { store: string | undefined; bucket: string | undefined },
): boolean {
  if (address.store !== store) return false;
  if (address.store === 'az') return `${address.account}/${address.container}` === bucket;
  return 'bucket' in address && address.bucket === bucket;
}
