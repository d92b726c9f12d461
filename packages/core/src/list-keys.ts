import { createHash, randomUUID } from 'node:crypto';
import { isObjectName } from './object-name.ts';
import type { LogBucketAddress } from './settings-address.ts';

/** The folder of all lists; the prefix of `log_bucket` stands in front of it. */
export const listsFolder = 'oms_source_record';
/** Longest key of the stores, in bytes. Source: OBS, S3, Blob Storage and Cloud Storage agree on 1,024. */
const maxKeyBytes = 1024;

/** A list: what was requested, what was not, and the part of the latter that no replay tries again. */
export type ListName = 'success_object' | 'failed_object' | 'failed_object/.parked';

/** What the keys of a list begin with. */
export function listPrefix(address: LogBucketAddress, list: ListName): string {
  return `${address.prefix}${listsFolder}/${list}/`;
}

/** Is it the key of a list of ours in the log bucket? Events about those are never synchronized. */
export function isListKey(address: LogBucketAddress, key: string): boolean {
  return (
    key.startsWith(listPrefix(address, 'success_object')) ||
    key.startsWith(listPrefix(address, 'failed_object'))
  );
}

/** The key of a log object, and the one that it has if the store refuses the first. */
export function makeObjectKeys(prefix: string, name: string): { key: string; otherKey?: string } {
  const key = `${prefix}${name}`;
  const otherKey = `${prefix}.long/${hash(name)}`;
  const isPlain = Buffer.byteLength(key) <= maxKeyBytes && !/^\.(long|invalid|parked|replay)\//.test(name);
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

/** The key of a file that holds what a replay has in hand. */
export function makeReplayKey(prefix: string, now: number): string {
  return `${prefix}.replay/${makeFileName(new Date(now).toISOString())}.jsonl`;
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
    }
  /** Nothing to replay: what is no name, what is parked, a folder. */
  | { readonly kind: 'none' };

const fileName = /^(?:\d{4}\/\d\d\/\d\d|\.replay)\/\d{8}T\d{6}\.\d{3}Z-[\da-f-]{36}\.(jsonl|txt)$/;

/** Reads a key under `prefix`, that of the failed list. */
export function readFailedKey(prefix: string, key: string): FailedKey {
  const name = key.slice(prefix.length);
  const extension = fileName.exec(name)?.[1];
  if (extension === 'jsonl' || extension === 'txt') {
    return { kind: 'file', stem: key.slice(0, -extension.length - 1), extension, name };
  }
  if (name.startsWith('.long/')) return { kind: 'object', name: undefined };
  const isNone = /^\.(invalid|parked|replay)\//.test(name) || !isObjectName(name);
  return isNone ? { kind: 'none' } : { kind: 'object', name };
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
