import { createHash, randomUUID } from 'node:crypto';
import { isObjectName } from './object-name.ts';
import type { LogBucketAddress } from './settings-address.ts';

/** The folder of all lists; the prefix of `log_bucket` stands in front of it. */
export const listsFolder = 'oms_source_record';
/** Longest key of the stores, in bytes. Source: OBS, S3, Blob Storage and Cloud Storage agree on 1,024. */
const maxKeyBytes = 1024;

const listNames = ['success_object', 'failed_object', 'parked_object'] as const;

/** A list: what was requested, what was not, and of the latter what no replay tries again. */
export type ListName = (typeof listNames)[number];

/** A list of objects that were not requested. */
export type FailedListName = Exclude<ListName, 'success_object'>;

/** What the keys of a list begin with. */
export function listPrefix(address: LogBucketAddress, list: ListName): string {
  return `${address.prefix}${listsFolder}/${list}/`;
}

/** Is it the key of a list of ours in the log bucket? Events about those are never synchronized. */
export function isListKey(address: LogBucketAddress, key: string): boolean {
  return (
    listNames.some((list) => key.startsWith(listPrefix(address, list))) ||
    key.startsWith(probePrefix(address))
  );
}

/** The key of an object that is written to see whether the log bucket takes one, and removed. It is on no list. */
export function makeProbeKey(address: LogBucketAddress): string {
  return `${probePrefix(address)}${randomUUID()}`;
}

function probePrefix(address: LogBucketAddress): string {
  return `${address.prefix}${listsFolder}/.probe/`;
}

/** Folders of a list in which names are no names of objects. */
const ownFolders = /^\.(long|invalid|replay)\//;

/** The key of a log object, and the one that it has if the store refuses the first. */
export function makeObjectKeys(prefix: string, name: string): { key: string; otherKey?: string } {
  const key = `${prefix}${name}`;
  const otherKey = `${prefix}.long/${hash(name)}`;
  const isPlain = Buffer.byteLength(key) <= maxKeyBytes && !ownFolders.test(name);
  return isPlain ? { key, otherKey } : { key: otherKey };
}

/** The key of a log object about a text that is no name. */
export function makeInvalidKey(prefix: string, text: string): string {
  // As JSON, since two lone surrogates are the same in UTF-8.
  return `${prefix}.invalid/${hash(JSON.stringify(text))}`;
}

/** The key of a file of a list, without its extension: unique, and in the order of time. */
export function makeFileKey(prefix: string, now: number): string {
  const time = new Date(now).toISOString();
  return `${prefix}${time.slice(0, 10).replaceAll('-', '/')}/${makeFileName(time)}`;
}

/** The key of a file that holds what a replay has in hand: no other one touches it until then. */
export function makeReplayKey(prefix: string, inHandUntil: number): string {
  return `${prefix}.replay/${makeFileName(new Date(inHandUntil).toISOString())}.jsonl`;
}

function makeFileName(time: string): string {
  return `${time.replace(/[-:]/g, '')}-${randomUUID()}`;
}

/** What a key of the failed list stands for, as far as the key tells. */
export type FailedKey =
  /** A log object; its name is that of the object, unless only the body has it. */
  | { readonly kind: 'object'; readonly name: string | undefined }
  /** A file of many objects. `stem` is its key without the extension. A source object may have such a name too. */
  | {
      readonly kind: 'file';
      readonly stem: string;
      readonly extension: 'jsonl' | 'txt';
      readonly name: string;
      /** When it was written, in milliseconds since 1970; for a file that a replay has in hand, until when it has. */
      readonly time: number;
      /** For a file that a replay has in hand; in milliseconds since 1970. */
      readonly inHandUntil: number | undefined;
    }
  /** The log object of what is no name. */
  | { readonly kind: 'invalid' }
  /** Nothing of a list, or a folder. */
  | { readonly kind: 'none' };

const fileName =
  /^(\.replay|\d{4}\/\d\d\/\d\d)\/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d\.\d{3})Z-[\da-f-]{36}\.(jsonl|txt)$/;

/** Reads a key under `prefix`, that of the failed list. */
export function readFailedKey(prefix: string, key: string): FailedKey {
  const name = key.slice(prefix.length);
  const [, folder, year, month, day, hours, minutes, seconds, extension] = fileName.exec(name) ?? [];
  if (extension === 'jsonl' || extension === 'txt') {
    const time = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
    const stem = key.slice(0, -extension.length - 1);
    const inHandUntil = folder === '.replay' ? time : undefined;
    return { kind: 'file', stem, extension, name, time, inHandUntil };
  }
  if (/^\.invalid\/./.test(name)) return { kind: 'invalid' };
  if (name.startsWith('.long/')) return { kind: 'object', name: undefined };
  return ownFolders.test(name) || !isObjectName(name) ? { kind: 'none' } : { kind: 'object', name };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
