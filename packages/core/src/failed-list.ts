import pLimit from 'p-limit';
import { listPrefix, makeFileKey, makeReplayKey, readFailedKey, type FailedKey } from './list-keys.ts';
import { LogBucketError, type LogObject } from './log-bucket.ts';
import { callStore, putFile, type StoreOptions } from './log-lists.ts';
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
  /** The class of the reason why it is on the list. */
  readonly reasonClass: string | undefined;
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
  /** Objects whose log object may not be gone, or may go later than it should: they need another run. */
  readonly doubtful: readonly FailedObject[];
  /** Until then nobody else takes it in hand. */
  readonly inHandUntil: number;
}

/** What is on the failed list for replays. */
export interface FailedKeys {
  /** The ones that were written first, in that order; not more than asked for. */
  readonly oldest: readonly LogObject[];
  /** How many there are beside them, as far as they were listed. */
  readonly more: number;
  /** False if it could not be listed to the end. */
  readonly isComplete: boolean;
}

export interface FailedListOptions extends StoreOptions {
  readonly settings: Pick<Settings, 'logBucket' | 'syncTaskId'>;
}

/** A lot has so many objects, or few more than the file that brought it there. */
const objectsInALot = 100;
/** Calls to the log bucket at a time. */
const callsAtATime = 32;

/**
 * So long may a claim remove log objects, and so long is it its own. A run that was frozen in between removes nothing
 * when it wakes up: others may have settled what it had in hand, and what stands there now is newer.
 */
const removeForMs = 60_000;
const inHandForMs = 2 * removeForMs;

const emptyLot: Lot = { objects: [], others: [], keys: [], doubtful: [], inHandUntil: Infinity };

function combine(a: Lot, b: Lot): Lot {
  return {
    objects: [...a.objects, ...b.objects],
    others: [...a.others, ...b.others],
    keys: [...a.keys, ...b.keys],
    doubtful: [...a.doubtful, ...b.doubtful],
    inHandUntil: Math.min(a.inHandUntil, b.inHandUntil),
  };
}

/** What could not be read. */
const unreadable = Symbol('unreadable');

/** The log object of a source object. */
interface Claimed {
  readonly key: string;
  readonly object: FailedObject;
}

/**
 * The failed list as the queue of replays, in both layouts.
 *
 * It never loses an object to a failure that is written meanwhile. A log object has the name of its source object, so a
 * newer failure may replace it at any time. So it is removed before its name is sent again, and until that is settled it
 * stands in a file under `.replay/`. No other run touches that file for two minutes, and its own run removes log objects
 * only in the first of them. If the run is cut off, a later one finds the file.
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
   * Lists it until the time is up, or until the store fails: what was listed by then can be replayed all the same.
   *
   * @throws {LogBucketError} if nothing could be listed.
   */
  async findOldest(count: number, until: number): Promise<FailedKeys> {
    const oldest: LogObject[] = [];
    let found = 0;
    let isComplete = true;
    const keepOldest = () => {
      oldest.sort((a, b) => a.lastModified.getTime() - b.lastModified.getTime());
      oldest.length = Math.min(oldest.length, count);
    };
    try {
      let stem: string | undefined;
      for await (const object of this.#options.logBucket.list(this.#prefix)) {
        const now = this.#options.clock.now();
        if (now >= until) {
          isComplete = false;
          break;
        }
        const is = this.#readKey(object.key);
        // Names and reasons of one file stand side by side.
        const isSecondHalf = is.kind === 'file' && is.stem === stem && is.extension === 'txt';
        stem = is.kind === 'file' ? is.stem : undefined;
        const isInHand = is.kind === 'file' && is.inHandUntil !== undefined && is.inHandUntil > now;
        // A store with folders lists them too.
        const isFolder = object.key.endsWith('/') && object.size === 0;
        if (is.kind === 'none' || isSecondHalf || isInHand || isFolder) continue;
        found++;
        oldest.push(object);
        if (oldest.length >= 2 * count) keepOldest();
      }
    } catch (error) {
      if (found === 0) throw error;
      this.#note(error);
      isComplete = false;
    }
    keepOldest();
    return { oldest, more: found - oldest.length, isComplete };
  }

  /**
   * Takes what stands under these keys in hand, lot by lot.
   *
   * @throws {LogBucketError} if it cannot be written down as in hand, or nothing can be removed.
   */
  async *take(keys: readonly LogObject[]): AsyncGenerator<Lot, void, undefined> {
    // Without the permission, each run would write a file and request everything again.
    if (keys.length > 0)
      await this.#call((ms) => this.#options.logBucket.delete(`${this.#prefix}.replay/none`, ms));
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
  async release(
    { objects, others, keys, doubtful, inHandUntil }: Lot,
    unsettled: readonly FailedObject[],
  ): Promise<void> {
    const { clock, settings } = this.#options;
    const rest = [...new Set([...unsettled, ...doubtful])];
    const isStillThere = clock.now() < inHandUntil;
    if (rest.length > 0 && rest.length === objects.length && others.length === 0 && isStillThere) return;
    if (others.length > 0) {
      const key = makeFileKey(listPrefix(settings.logBucket, 'parked_object'), clock.now());
      await this.#putLines(`${key}.jsonl`, others);
    }
    if (rest.length > 0) {
      const lines = rest.map(({ line }) => line);
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
    // Another run was faster, or it is for another time.
    if (body === undefined || body === unreadable) return undefined;
    const object = parseEntry(body) ?? {};
    const trueName = name ?? object.name;
    if (trueName === undefined || this.#isOfOtherTask(object)) return undefined;
    return { key, object: complete(object, trueName) };
  }

  /** Writes log objects down as in hand, and then removes them. */
  async #claim(claimed: readonly Claimed[]): Promise<Lot> {
    if (claimed.length === 0) return emptyLot;
    const { clock } = this.#options;
    const removeUntil = clock.now() + removeForMs;
    const inHandUntil = clock.now() + inHandForMs;
    const objects = claimed.map(({ object }) => object);
    const lines = objects.map(({ line }) => line);
    const key = makeReplayKey(this.#prefix, inHandUntil);
    await this.#putLines(key, lines);
    const removed = await Promise.all(
      claimed.map((each) =>
        this.#inTurn(async () => clock.now() < removeUntil && (await this.#remove(each.key))),
      ),
    );
    const keys = [key];
    if (clock.now() >= inHandUntil) {
      // The file may be gone: another run may have settled it meanwhile.
      const secondKey = makeReplayKey(this.#prefix, clock.now());
      await this.#putLines(secondKey, lines);
      keys.push(secondKey);
    }
    const doubtful = objects.filter((_, index) => removed[index] !== true);
    return { objects, others: [], keys, doubtful, inHandUntil };
  }

  async #takeFile(key: string, { stem, extension, name }: FailedKey & { kind: 'file' }): Promise<Lot> {
    if (extension === 'txt') {
      const reasons = await this.#read(`${stem}.jsonl`);
      // The reasons hold all the names, if they are there; they may be if they cannot be read.
      if (reasons !== undefined && reasons !== '') return emptyLot;
    }
    const body = await this.#read(key);
    if (body === undefined || body === unreadable) return emptyLot;
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
    if (entries.some(({ entry }) => entry !== undefined && this.#isOfOtherTask(entry))) return emptyLot;
    return {
      ...emptyLot,
      objects: entries.flatMap(({ entry }) =>
        entry?.name === undefined ? [] : [complete(entry, entry.name)],
      ),
      others: entries.flatMap(({ line, entry }) => (entry?.name === undefined ? [line] : [])),
      keys: extension === 'jsonl' && lines.length > 0 ? [key, `${stem}.txt`] : [key],
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

  /** The body, or undefined when there is none. */
  async #read(key: string): Promise<string | typeof unreadable | undefined> {
    try {
      return await this.#call((ms) => this.#options.logBucket.get(key, ms));
    } catch (error) {
      this.#note(error);
      return unreadable;
    }
  }

  /** @returns whether it is gone. */
  async #remove(key: string): Promise<boolean> {
    try {
      await this.#call((ms) => this.#options.logBucket.delete(key, ms));
      return true;
    } catch (error) {
      this.#note(error);
      return false;
    }
  }

  #note(error: unknown): void {
    if (!(error instanceof LogBucketError)) throw error;
    this.fault ??= error;
  }

  #call<Result>(call: (timeLimitMs: number) => Promise<Result>): Promise<Result> {
    return callStore(call, this.#options);
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
    reasonClass: getText('reason_class'),
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
    reasonClass: undefined,
    ...object,
    name,
    line: object.name === name && object.line !== undefined ? object.line : JSON.stringify({ name }),
  };
}
