import { callStore, type ListedObject, type LogObject, type StoreOptions } from '@oms-sync/core';
import { sortByName, type Named, type NameSortingOptions } from './name-sorting.ts';

/** Why an object may not be at the destination, as a failed list has it. */
export interface GapReason extends Named {
  /** `unrequested`: it is on our failed list. `oms`: OMS was asked for it and failed. */
  readonly list: 'unrequested' | 'oms';
  /** An error code, such as `OMS.0064` or `NoSuchKey`. */
  readonly code: string;
  readonly message: string;
  /** When that was, in milliseconds since 1970. */
  readonly time: number;
}

/** Lines of OMS's failed lists that are none. */
export interface UnreadLines {
  count: number;
}

const reasonsInAPage = 1000;

/**
 * The reasons of both failed lists in the order of their names; of several for one name, the last.
 *
 * @throws {LogBucketError} if a list cannot be read.
 */
export function sortReasons(
  lists: readonly AsyncIterable<GapReason>[],
  options: Omit<NameSortingOptions<GapReason>, 'choose'> = {},
): AsyncGenerator<readonly GapReason[], void, undefined> {
  return sortByName(inPages(lists), { ...options, choose: (a, b) => (a.time >= b.time ? a : b) });
}

async function* inPages(
  lists: readonly AsyncIterable<GapReason>[],
): AsyncGenerator<readonly GapReason[], void, undefined> {
  let page: GapReason[] = [];
  for (const list of lists) {
    for await (const reason of list) {
      page.push(reason);
      if (page.length < reasonsInAPage) continue;
      yield page;
      page = [];
    }
  }
  yield page;
}

/** What our own failed or parked list says. */
export async function* toReasons(entries: AsyncIterable<ListedObject>): AsyncGenerator<GapReason> {
  for await (const { isName, name, errorCode, errorMessage, reasonClass, recordedAt } of entries) {
    if (!isName) continue;
    yield {
      name,
      list: 'unrequested',
      code: errorCode ?? reasonClass ?? 'unknown',
      message: errorMessage ?? '',
      time: Date.parse(recordedAt),
    };
  }
}

/** The folder of a synchronization task in its destination bucket. Source: OMS User Guide, synchronization tasks. */
export const omsFolder = 'oms/';
const resultLists = `${omsFolder}syn`;
/** So many lists are read ahead; each may have 100,000 lines. */
const listsAhead = 4;

/**
 * What OMS says that it could not copy: `oms/syn…/failed_object_lists/….txt` in the destination bucket.
 *
 * @param options.logBucket the destination bucket.
 * @param unread counts the lines that cannot be understood.
 * @throws {LogBucketError} if a list cannot be read.
 */
export async function* readOmsFailures(
  options: StoreOptions,
  unread: UnreadLines,
): AsyncGenerator<GapReason> {
  const ahead: Promise<readonly GapReason[]>[] = [];
  const attempt = <Page>(ask: () => Promise<Page>) => callStore(ask, options);
  for await (const object of options.logBucket.list(resultLists, { attempt })) {
    if (!/\/failed_object_lists\/.*\.txt$/s.test(object.key)) continue;
    const reading = readList(options, object, unread);
    reading.catch(() => undefined); // It is heard of when it is its turn.
    ahead.push(reading);
    if (ahead.length >= listsAhead) yield* (await ahead.shift()) ?? [];
  }
  for (const reading of ahead) yield* await reading;
}

async function readList(
  options: StoreOptions,
  { key, lastModified }: LogObject,
  unread: UnreadLines,
): Promise<readonly GapReason[]> {
  const reasons: GapReason[] = [];
  const body = await callStore((timeLimitMs) => options.logBucket.get(key, timeLimitMs), options);
  for (const line of (body ?? '').split(/\r?\n/)) {
    if (line.trim() === '') continue;
    const reason = readLine(line, lastModified);
    if (reason === undefined) unread.count++;
    else reasons.push(reason);
  }
  return reasons;
}

/**
 * Error code, time, encoded name, name, message. What stands between them is not documented: a tab, or else a comma,
 * neither of which is in any of the first three.
 */
function readLine(line: string, written: Date): GapReason | undefined {
  const [code, time = '', encoded, plain, ...message] = line.split(line.includes('\t') ? '\t' : ',');
  const name = encoded && decodeName(encoded.trim(), plain);
  if (!code || !name) return undefined;
  const parsed = Date.parse(time);
  return {
    name,
    list: 'oms',
    code: code.trim(),
    message: message.join(' ').trim(),
    time: Number.isNaN(parsed) ? written.getTime() : parsed,
  };
}

/** Whether a bare plus is a space is not documented either; where the plain name is there, it tells. */
function decodeName(encoded: string, plain: string | undefined): string | undefined {
  try {
    const asForm = decodeURIComponent(encoded.replaceAll('+', ' '));
    return asForm === plain ? asForm : decodeURIComponent(encoded);
  } catch {
    return undefined; // A broken escape: no name.
  }
}
