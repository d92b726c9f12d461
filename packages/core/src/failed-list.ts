import pLimit from 'p-limit';
import type { Clock } from './clock.ts';
import { listPrefix, makeFileKey, makeReplayKey, readFailedKey, type FailedKey } from './list-keys.ts';
import { LogBucketError, type LogBucket, type LogObject } from './log-bucket.ts';
import { putFile } from './log-lists.ts';
import { isObjectName } from './object-name.ts';
import type { Settings } from './settings.ts';

/** An object of the failed list. Only its name is sure to be there: others may have written the list. */
export interface FailedObject {
  readonly name: string;
  readonly store: string | undefined;
  readonly bucket: string | undefined;
  /** The task that did not take it. */
  readonly syncTaskId: string | undefined;
  /** When it came on the list first, ISO 8601. */
  readonly recordedAt: string | undefined;
  /** How many requests held its name. */
  readonly attempts: number;
  readonly eventTime: string | undefined;
  readonly eventId: string | undefined;
  /** Its entry, a line of JSON. */
  readonly line: string;
}

/** A part of the failed list that a replay has in hand. */
export interface Lot {
  readonly objects: readonly FailedObject[];
  /** Entries that are no object to be requested, as they stand on the list. */
  readonly others: readonly string[];
  /** What holds it; nobody else writes there. */
  readonly keys: readonly string[];
}

/** What is on the failed list for replays. */
export interface FailedKeys {
  /** The ones that were written first, in that order; not more than asked for. */
  readonly oldest: readonly LogObject[];
  /** How many there are beside them, as far as they were listed. */
  readonly more: number;
  /** False if the time did not suffice to list all of them. */
  readonly isComplete: boolean;
}

export interface FailedListOptions {
  readonly logBucket: LogBucket;
  readonly settings: Pick<Settings, 'logBucket' | 'syncTaskId'>;
  readonly clock: Clock;
  readonly random: () => number;
  /** No call is tried again after this; milliseconds since 1970, or `Infinity`. */
  readonly writeUntil: number;
}

/** A lot has so many objects, or few more than the file that brought it there. */
const objectsInALot = 100;
/** Calls to the log bucket at a time. */
const callsAtATime = 32;

const emptyLot: Lot = { objects: [], others: [], keys: [] };

function combine(a: Lot, b: Lot): Lot {
  return {
    objects: [...a.objects, ...b.objects],
    others: [...a.others, ...b.others],
    keys: [...a.keys, ...b.keys],
  };
}

/** The log object of a source object. */
interface Claimed {
  readonly key: string;
  readonly object: FailedObject;
}

/**
 * The failed list as the queue of replays, in both layouts.
 *
 * It never loses an object to a failure that is written meanwhile. A log object has the name of its source object, so a
 * newer failure may replace it at any time: it is removed before its name is sent again, never after, and until it is
 * settled it stands in a file under `.replay/` that nobody else writes. If the replay is cut off, the next one finds it
 * there.
 */
export class FailedList {
  /** A key that could not be read, or removed, and why: the others are not kept waiting for it. */
  fault: LogBucketError | undefined;
  /** Entries of other synchronization tasks; they are left alone. */
  ofOtherTasks = 0;
  /** How many of the keys that it was to take it has looked at. */
  taken = 0;
  readonly #options: FailedListOptions;
  readonly #prefix: string;
  readonly #inTurn = pLimit(callsAtATime);

  constructor(options: FailedListOptions) {
    this.#options = options;
    this.#prefix = listPrefix(options.settings.logBucket, 'failed_object');
  }

  /**
   * Lists it until the time is up.
   *
   * @throws {LogBucketError}
   */
  async findOldest(count: number, until: number): Promise<FailedKeys> {
    const oldest: LogObject[] = [];
    let found = 0;
    let isComplete = true;
    const keepOldest = () => {
      oldest.sort((a, b) => a.lastModified.getTime() - b.lastModified.getTime());
      oldest.length = Math.min(oldest.length, count);
    };
    let stem: string | undefined;
    for await (const object of this.#options.logBucket.list(this.#prefix)) {
      if (this.#options.clock.now() >= until) {
        isComplete = false;
        break;
      }
      const is = this.#readKey(object.key);
      // Names and reasons of one file stand side by side.
      const isSecondHalf = is.kind === 'file' && is.stem === stem && is.extension === 'txt';
      stem = is.kind === 'file' ? is.stem : undefined;
      if (is.kind === 'none' || isSecondHalf) continue;
      found++;
      oldest.push(object);
      if (oldest.length >= 2 * count) keepOldest();
    }
    keepOldest();
    return { oldest, more: found - oldest.length, isComplete };
  }

  /**
   * Takes what stands under these keys in hand, lot by lot.
   *
   * @throws {LogBucketError} if it cannot be written down as in hand.
   */
  async *take(keys: readonly LogObject[]): AsyncGenerator<Lot, void, undefined> {
    for (let start = 0; start < keys.length; start += objectsInALot) {
      const part = keys
        .slice(start, start + objectsInALot)
        .map(({ key }) => ({ key, is: this.#readKey(key) }));
      const objects = part.flatMap(({ key, is }) => (is.kind === 'object' ? [{ key, name: is.name }] : []));
      let lot = await this.#takeObjects(objects);
      this.taken += objects.length;
      for (const { key, is } of part) {
        if (is.kind !== 'file') continue;
        // One at a time, since each may be long.
        lot = combine(lot, await this.#takeFile(key, is));
        this.taken++;
        if (lot.objects.length < objectsInALot) continue;
        yield lot;
        lot = emptyLot;
      }
      if (lot.keys.length > 0) yield lot;
    }
  }

  /**
   * Takes a lot off the list, but for those of its objects that are not settled.
   *
   * @throws {LogBucketError} if those cannot be written down; then all of the lot stays on the list.
   */
  async release({ objects, others, keys }: Lot, unsettled: readonly FailedObject[]): Promise<void> {
    const { clock, settings } = this.#options;
    if (unsettled.length > 0 && unsettled.length === objects.length && others.length === 0) return;
    if (others.length > 0) {
      const parked = listPrefix(settings.logBucket, 'failed_object/.parked');
      await this.#putLines(`${makeFileKey(parked, clock.now())}.jsonl`, others);
    }
    if (unsettled.length > 0) {
      const lines = unsettled.map(({ line }) => line);
      await this.#putLines(makeReplayKey(this.#prefix, clock.now()), lines);
    }
    await Promise.all(keys.map((key) => this.#inTurn(() => this.#remove(key))));
  }

  async #takeObjects(
    objects: readonly { readonly key: string; readonly name: string | undefined }[],
  ): Promise<Lot> {
    const read = objects.map(({ key, name }) => this.#inTurn(() => this.#readObject(key, name)));
    return this.#claim((await Promise.all(read)).filter((object) => object !== undefined));
  }

  async #readObject(key: string, name: string | undefined): Promise<Claimed | undefined> {
    const body = await this.#read(key);
    if (body === undefined) return undefined; // Another replay was faster, or it can't be read.
    const object = parseEntry(body) ?? {};
    const trueName = name ?? object.name;
    if (trueName === undefined || this.#isOfOtherTask(object)) return undefined;
    return { key, object: complete(object, trueName) };
  }

  /** Writes log objects down as in hand, and then removes them. */
  async #claim(claimed: readonly Claimed[]): Promise<Lot> {
    if (claimed.length === 0) return emptyLot;
    const key = makeReplayKey(this.#prefix, this.#options.clock.now());
    const objects = claimed.map(({ object }) => object);
    const lines = objects.map(({ line }) => line);
    await this.#putLines(key, lines);
    await Promise.all(claimed.map((each) => this.#inTurn(() => this.#remove(each.key))));
    return { objects, others: [], keys: [key] };
  }

  async #takeFile(key: string, { stem, extension, name }: FailedKey & { kind: 'file' }): Promise<Lot> {
    const reasonsKey = `${stem}.jsonl`;
    // The reasons hold all the names.
    if (extension === 'txt' && (await this.#read(reasonsKey)) !== undefined) return emptyLot;
    const body = await this.#read(key);
    if (body === undefined) return emptyLot;
    const single = parseEntry(body);
    if (single?.name === name) {
      // No file of ours, but the log object of a source object that is called like one.
      return this.#isOfOtherTask(single) ? emptyLot : this.#claim([{ key, object: complete(single, name) }]);
    }
    const lines = body.split('\n').filter((line) => line !== '');
    const entries = lines.map((line) => ({
      line,
      entry: extension === 'txt' ? parseListLine(line) : parseEntry(line),
    }));
    // All of a file is of one task.
    const known = entries.find(({ entry }) => entry !== undefined)?.entry;
    if (known !== undefined && this.#isOfOtherTask(known)) return emptyLot;
    return {
      objects: entries.flatMap(({ entry }) =>
        entry?.name === undefined ? [] : [complete(entry, entry.name)],
      ),
      others: entries.flatMap(({ line, entry }) => (entry?.name === undefined ? [line] : [])),
      keys: extension === 'txt' ? [key] : [key, `${stem}.txt`],
    };
  }

  #readKey(key: string): FailedKey {
    return readFailedKey(this.#prefix, key);
  }

  #isOfOtherTask({ syncTaskId }: Partial<FailedObject>): boolean {
    const isOther = syncTaskId !== undefined && syncTaskId !== this.#options.settings.syncTaskId;
    if (isOther) this.ofOtherTasks++;
    return isOther;
  }

  async #read(key: string): Promise<string | undefined> {
    return this.#attempt(() => this.#options.logBucket.get(key));
  }

  async #remove(key: string): Promise<void> {
    await this.#attempt(() => this.#options.logBucket.delete(key));
  }

  async #attempt<Result>(call: () => Promise<Result>): Promise<Result | undefined> {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof LogBucketError)) throw error;
      this.fault ??= error;
      return undefined;
    }
  }

  #putLines(key: string, lines: readonly string[]): Promise<void> {
    const body = lines.map((line) => `${line}\n`).join('');
    return putFile({ key, body, type: 'application/x-ndjson' }, this.#options);
  }
}

/** Reads an entry; undefined for what is none. Fields of another type count as missing. */
function parseEntry(text: string): Partial<FailedObject> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // The template's log objects hold something else, and their names are their keys.
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const fields = new Map(Object.entries(value));
  const getText = (field: string) => {
    const member: unknown = fields.get(field);
    return typeof member === 'string' ? member : undefined;
  };
  const name = getText('name');
  const attempts: unknown = fields.get('attempts');
  return {
    ...(name !== undefined && isObjectName(name) && { name }),
    store: getText('source_store'),
    bucket: getText('source_bucket'),
    syncTaskId: getText('sync_task_id'),
    recordedAt: getText('first_recorded_at') ?? getText('recorded_at'),
    attempts: typeof attempts === 'number' && Number.isSafeInteger(attempts) ? attempts : 0,
    eventTime: getText('event_time'),
    eventId: getText('event_id'),
    line: JSON.stringify(value),
  };
}

/** Reads a line of a file that is made for OMS: a URL-encoded name. */
function parseListLine(line: string): Partial<FailedObject> | undefined {
  try {
    return { name: decodeURIComponent(line) };
  } catch {
    return undefined; // A broken escape: no name.
  }
}

function complete(object: Partial<FailedObject>, name: string): FailedObject {
  return {
    store: undefined,
    bucket: undefined,
    syncTaskId: undefined,
    recordedAt: undefined,
    attempts: 0,
    eventTime: undefined,
    eventId: undefined,
    ...object,
    name,
    line: object.name === name && object.line !== undefined ? object.line : JSON.stringify({ name }),
  };
}
