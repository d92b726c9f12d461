import { readInvalidObject } from './failed-entry.ts';
import { FailedList, inParts, type Selection } from './failed-list.ts';
import { listPrefix } from './list-keys.ts';
import { LogBucketError, type LogObject } from './log-bucket.ts';
import { callStore, listKeys, type StoreOptions } from './log-lists.ts';
import type { Settings } from './settings.ts';

export interface ClearingOptions extends StoreOptions {
  readonly settings: Pick<Settings, 'logBucket' | 'syncTaskId'>;
  readonly selection: Selection;
  /** What was written on the list since then stays on it: nobody has seen it. Milliseconds since 1970. */
  readonly before: number;
  readonly signal?: AbortSignal | undefined;
  /** Called with the number of entries that are removed. */
  readonly onProgress?: ((removed: number) => void) | undefined;
}

/** What became of the entries that were to be removed. */
export interface Clearing {
  readonly removed: number;
  /** Why the list could not be read or written to its end: something of what was selected is still there. */
  readonly problem: LogBucketError | undefined;
}

const keysInAPart = 100;

/**
 * Removes entries from the failed or the parked list for good, without requesting them. What is not selected stays,
 * and if it is cut off, what it had in hand is on the list still.
 *
 * A failure that is written in the moment between reading and removing its older entry is removed with it: no store can
 * remove an object only if it has not changed.
 *
 * Never throws but for a defect.
 */
export async function clearFailedList(options: ClearingOptions): Promise<Clearing> {
  const failedList = new FailedList({ ...options, selection: onlyBefore(options) });
  let removed = 0;
  let problem: LogBucketError | undefined;
  try {
    // Part by part, so that what is read is removed at once.
    for await (const part of inParts(until(failedList.walk(), options), keysInAPart)) {
      for await (const lot of failedList.take(part)) {
        await failedList.release(lot, []);
        removed += lot.objects.length - lot.doubtful.length;
        options.onProgress?.(removed);
      }
    }
    for await (const { key } of findInvalid(options)) {
      await callStore((ms) => options.logBucket.delete(key, ms), options);
      removed++;
      options.onProgress?.(removed);
    }
  } catch (error) {
    if (!(error instanceof LogBucketError)) throw error;
    problem = error;
  }
  return { removed, problem: problem ?? failedList.fault };
}

/** A newer failure may have taken the place of what was listed. A time that nobody can read says nothing. */
function onlyBefore({ selection, before }: ClearingOptions): Selection {
  return {
    ...selection,
    selects: (entry) => !(Date.parse(entry.recordedAt) >= before) && selection.selects(entry),
  };
}

async function* until(
  keys: AsyncIterable<LogObject>,
  { before, signal }: Pick<ClearingOptions, 'before' | 'signal'>,
): AsyncGenerator<LogObject, void, undefined> {
  for await (const object of keys) {
    if (signal?.aborted === true) return;
    if (object.lastModified.getTime() < before) yield object;
  }
}

/** The log objects of what is no name. Their keys are hashes of what they hold, so none is ever another one. */
async function* findInvalid(options: ClearingOptions): AsyncGenerator<LogObject, void, undefined> {
  const { logBucket, selection, settings } = options;
  const prefix = `${listPrefix(settings.logBucket, selection.list)}.invalid/`;
  for await (const object of until(listKeys(prefix, options), options)) {
    const body = await callStore((ms) => logBucket.get(object.key, ms), options);
    if (body === undefined) continue;
    const entry = readInvalidObject(body, object.lastModified);
    const isOfTask = entry.syncTaskId === undefined || entry.syncTaskId === settings.syncTaskId;
    if ((isOfTask || selection.ofAnyTask) && selection.selects(entry)) yield object;
  }
}
