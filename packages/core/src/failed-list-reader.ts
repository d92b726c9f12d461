import { readInvalidObject, readListFile, readLogObject, type FailedObject } from './failed-entry.ts';
import { listPrefix, readFailedKey, type FailedKey, type FailedListName } from './list-keys.ts';
import { isFolder, type LogObject } from './log-bucket.ts';
import { callStore, listKeys, type StoreOptions } from './log-lists.ts';
import type { Settings } from './settings.ts';

/** An entry of the failed or the parked list, and where it stands. */
export interface ListedObject extends FailedObject {
  readonly list: FailedListName;
  /** The log object or the file that holds it. */
  readonly key: string;
  /** There if a replay has it in hand: it stays so at most until then, in milliseconds since 1970. */
  readonly inHandUntil: number | undefined;
}

export interface FailedListReaderOptions extends StoreOptions {
  readonly settings: Pick<Settings, 'logBucket'>;
  readonly list: FailedListName;
  /** Names that are of no interest need not be read. */
  readonly isWanted?: (name: string) => boolean;
}

/** Log objects that are read at a time, ahead of the one that is yielded. */
const readsAhead = 32;

/**
 * Reads all of the failed or the parked list, in both layouts and as Huawei's template writes it, without taking
 * anything in hand: entry by entry in the order of the keys, in constant memory but for one file of layout `list`.
 *
 * What comes and goes meanwhile may be there or not; an entry that a replay takes in hand may be missed, or seen twice.
 *
 * @throws {LogBucketError} for what cannot be listed or read: a list that is not read to its end looks like a short one.
 */
export async function* readFailedList(
  options: FailedListReaderOptions,
): AsyncGenerator<ListedObject, void, undefined> {
  const prefix = listPrefix(options.settings.logBucket, options.list);
  const ahead: Promise<readonly ListedObject[]>[] = [];
  /** The file of reasons that was listed last: the names of the same stem are in it. */
  let reasonsStem: string | undefined;
  for await (const object of listKeys(prefix, options)) {
    const is = readFailedKey(prefix, object.key);
    if (is.kind === 'none' || isFolder(object)) continue;
    if (is.kind === 'file' && is.extension === 'txt' && is.stem === reasonsStem) continue;
    if (is.kind === 'file' && is.extension === 'jsonl' && object.size > 0) reasonsStem = is.stem;
    const read = readKey(object, is, options);
    // It is heard of when it is its turn.
    read.catch(() => undefined);
    ahead.push(read);
    if (ahead.length >= readsAhead) yield* (await ahead.shift()) ?? [];
  }
  for (const read of ahead) yield* await read;
}

async function readKey(
  object: LogObject,
  is: FailedKey,
  options: FailedListReaderOptions,
): Promise<readonly ListedObject[]> {
  const { isWanted = () => true } = options;
  if (is.kind === 'object' && is.name !== undefined && !isWanted(is.name)) return [];
  const get = (key: string) => callStore((ms) => options.logBucket.get(key, ms), options);
  // The reasons hold all the names, if they are there.
  if (is.kind === 'file' && is.extension === 'txt' && (await get(`${is.stem}.jsonl`))) return [];
  const body = await get(object.key);
  if (body === undefined) return [];
  const inHandUntil = is.kind === 'file' ? is.inHandUntil : undefined;
  return [...readBody(body, object, is)]
    .filter(({ name }) => isWanted(name))
    .map((entry) => ({ ...entry, list: options.list, key: object.key, inHandUntil }));
}

function* readBody(body: string, { lastModified }: LogObject, is: FailedKey): Generator<FailedObject> {
  if (is.kind === 'file') {
    yield* readListFile(body, is, lastModified).entries;
  } else if (is.kind === 'invalid') {
    yield readInvalidObject(body, lastModified);
  } else if (is.kind === 'object') {
    const object = readLogObject(body, is.name, lastModified);
    if (object !== undefined) yield object;
  }
}
