import {
  callStore,
  listPrefix,
  readFailedKey,
  readFailedList,
  systemClock,
  type FailedListName,
  type LogBucket,
  type LogObject,
  type Settings,
} from '@oms-sync/core';

/** How much is on the list of requested objects. */
export interface RequestedCount {
  /** Entries: an object each, one that was requested twice at most once per log object or line. */
  readonly entries: number;
  /** How many of them were written in the time that was asked about. */
  readonly inTime: number;
  /** False if the time for counting was up: there are more. */
  readonly isComplete: boolean;
}

/** How much is on the list of unrequested objects, or on that of parked ones. */
export interface UnrequestedCount {
  readonly entries: number;
  /** When the oldest of them came on the list, in milliseconds since 1970; undefined if there is none. */
  readonly oldestAt: number | undefined;
  /** How many for which class of reason. */
  readonly reasons: Readonly<Record<string, number>>;
  readonly isComplete: boolean;
}

export interface CountOptions {
  readonly logBucket: LogBucket;
  readonly settings: Pick<Settings, 'logBucket'>;
  /** Counting ends then, wherever it is; in milliseconds since 1970. */
  readonly until: number;
  /** Called with what each entry adds. */
  readonly onCounted: (entries: number) => void;
}

/** Files that are read at a time, to count their lines. */
const readsAtATime = 32;

/**
 * Counts the list of requested objects, in both layouts: log objects by listing them, lines by reading the files.
 *
 * @param time that {@link RequestedCount.inTime} is about.
 * @throws {LogBucketError}
 */
export async function countRequested(
  { logBucket, settings, until, onCounted }: CountOptions,
  time: { readonly from: number; readonly to: number },
): Promise<RequestedCount> {
  const prefix = listPrefix(settings.logBucket, 'success_object');
  let entries = 0;
  let inTime = 0;
  const store = { logBucket, clock: systemClock, random: Math.random, writeUntil: until };
  const attempt = <Result>(ask: () => Promise<Result>) => callStore(ask, store);
  const add = ({ lastModified }: LogObject, count: number) => {
    entries += count;
    if (lastModified.getTime() >= time.from && lastModified.getTime() < time.to) inTime += count;
    onCounted(count);
  };
  let files: LogObject[] = [];
  const readFiles = async () => {
    const bodies = await Promise.all(files.map(({ key }) => attempt(() => logBucket.get(key))));
    files.forEach((file, index) => add(file, countLines(bodies[index] ?? '')));
    files = [];
  };
  for await (const object of logBucket.list(prefix, { attempt })) {
    if (Date.now() >= until) return { entries, inTime, isComplete: false };
    const is = readFailedKey(prefix, object.key);
    // Also what only looks like a file has one line: it is the log object of an object with such a name.
    if (is.kind === 'file') files.push(object);
    else if (!object.key.endsWith('/') || object.size > 0) add(object, 1);
    if (files.length >= readsAtATime) await readFiles();
  }
  await readFiles();
  return { entries, inTime, isComplete: true };
}

function countLines(text: string): number {
  return text.split('\n').filter((line) => line !== '').length;
}

/**
 * Counts the list of unrequested objects, or that of parked ones, by reading every entry: an entry alone says since when
 * it is there.
 *
 * @throws {LogBucketError}
 */
export async function countUnrequested(
  { logBucket, settings, until, onCounted }: CountOptions,
  list: FailedListName,
): Promise<UnrequestedCount> {
  let entries = 0;
  let oldestAt: number | undefined;
  const reasons: Record<string, number> = {};
  const store = { logBucket, clock: systemClock, random: Math.random, writeUntil: until };
  for await (const entry of readFailedList({ ...store, settings, list })) {
    if (Date.now() >= until) return { entries, oldestAt, reasons, isComplete: false };
    entries++;
    onCounted(1);
    const reason = entry.reasonClass ?? 'unknown';
    reasons[reason] = (reasons[reason] ?? 0) + 1;
    const recordedAt = Date.parse(entry.recordedAt);
    if (entry.isName && !(recordedAt >= (oldestAt ?? Infinity)) && !Number.isNaN(recordedAt)) {
      oldestAt = recordedAt;
    }
  }
  return { entries, oldestAt, reasons, isComplete: true };
}
