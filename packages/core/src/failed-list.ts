import pLimit from 'p-limit';
import { readListFile, readLogObject, type FailedObject } from './failed-entry.ts';
import {
  listPrefix,
  makeFileKey,
  makeReplayKey,
  readFailedKey,
  type FailedKey,
  type FailedListName,
} from './list-keys.ts';
import { isFolder, LogBucketError, type LogObject } from './log-bucket.ts';
import { callStore, listKeys, putFile, type StoreOptions } from './log-lists.ts';
import type { Settings } from './settings.ts';

/** A part of the failed list that a replay has in hand. */
export interface Lot {
  readonly objects: readonly FailedObject[];
  /** Entries that are no names, to be parked as they stand on the list. */
  readonly others: readonly FailedObject[];
  /** Entries of the same files that stay on the list. */
  readonly kept: readonly FailedObject[];
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

/** What is to be taken off a list; everything else stays on it. */
export interface Selection {
  readonly list: FailedListName;
  /** Is this entry meant? `isName` is false for what is no name. */
  readonly selects: (object: FailedObject) => boolean;
  /** Entries of other synchronization tasks than that of the settings, too. */
  readonly ofAnyTask: boolean;
}

export interface FailedListOptions extends StoreOptions {
  readonly settings: Pick<Settings, 'logBucket' | 'syncTaskId'>;
  /** Without one, all of the failed list; what is no name is parked then. */
  readonly selection?: Selection | undefined;
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

const emptyLot: Lot = { objects: [], others: [], kept: [], keys: [], doubtful: [], inHandUntil: Infinity };

function combine(a: Lot, b: Lot): Lot {
  return {
    objects: [...a.objects, ...b.objects],
    others: [...a.others, ...b.others],
    kept: [...a.kept, ...b.kept],
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
  /** Files that another replay has in hand; they are left alone. */
  inHand = 0;
  /** Files that came on the list while it was walked. */
  newer = 0;
  readonly #options: FailedListOptions;
  readonly #prefix: string;
  readonly #inTurn = pLimit(callsAtATime);

  constructor(options: FailedListOptions) {
    this.#options = options;
    this.#prefix = listPrefix(options.settings.logBucket, options.selection?.list ?? 'failed_object');
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
      for await (const object of this.#list()) {
        if (this.#options.clock.now() >= until) {
          isComplete = false;
          break;
        }
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
   * All keys, in their order, but for files that are written from now on: what fails again while the list is walked would
   * come round for ever.
   *
   * @throws {LogBucketError} if it cannot be listed to its end.
   */
  async *walk(): AsyncGenerator<LogObject, void, undefined> {
    const startedAt = this.#options.clock.now();
    for await (const object of this.#list()) {
      const is = this.#readKey(object.key);
      if (is.kind === 'file' && is.time > startedAt) this.newer++;
      else yield object;
    }
  }

  /** The keys that hold something to be taken in hand. */
  async *#list(): AsyncGenerator<LogObject, void, undefined> {
    let stem: string | undefined;
    for await (const object of listKeys(this.#prefix, this.#options)) {
      const is = this.#readKey(object.key);
      // Names and reasons of one file stand side by side.
      const isSecondHalf = is.kind === 'file' && is.stem === stem && is.extension === 'txt';
      stem = is.kind === 'file' ? is.stem : undefined;
      const isInHand = is.kind === 'file' && (is.inHandUntil ?? 0) > this.#options.clock.now();
      if (isInHand) this.inHand++;
      const isNothing = is.kind === 'none' || is.kind === 'invalid' || isFolder(object);
      if (!isNothing && !isSecondHalf && !isInHand) yield object;
    }
  }

  /**
   * Takes what stands under these keys in hand, lot by lot.
   *
   * @throws {LogBucketError} if it cannot be written down as in hand, or nothing can be removed.
   */
  async *take(keys: Iterable<LogObject> | AsyncIterable<LogObject>): AsyncGenerator<Lot, void, undefined> {
    let isFirst = true;
    /** Files, and log objects that are read but not yet written down as in hand. */
    let lot = emptyLot;
    let read: Claimed[] = [];
    for await (const part of inParts(keys, objectsInALot)) {
      // Without the permission, each run would write a file and request everything again.
      if (isFirst)
        await this.#call((ms) => this.#options.logBucket.delete(`${this.#prefix}.replay/none`, ms));
      isFirst = false;
      const objects = part.filter(({ key }) => this.#readKey(key).kind === 'object');
      read.push(...(await this.#readObjects(objects)));
      this.taken += objects.length;
      const files = part.filter((object) => !objects.includes(object));
      for (const file of [...files, undefined]) {
        // One at a time, since each may be long.
        if (file !== undefined) {
          const { claimed, ...taken } = await this.#takeFile(file);
          lot = combine(lot, taken);
          read.push(...claimed);
          this.taken++;
        }
        if (lot.objects.length + lot.others.length + read.length < objectsInALot) continue;
        yield combine(lot, await this.#claim(read));
        lot = emptyLot;
        read = [];
      }
    }
    lot = combine(lot, await this.#claim(read));
    if (lot.keys.length > 0) yield lot;
  }

  /**
   * Takes a lot off the list, but for those of its objects that are not settled.
   *
   * @throws {LogBucketError} if those cannot be written down; then all of the lot stays on the list.
   */
  async release(
    { objects, others, kept, keys, doubtful, inHandUntil }: Lot,
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
    const staying = [...rest, ...kept];
    if (staying.length > 0) await this.#putLines(makeReplayKey(this.#prefix, clock.now()), staying);
    await Promise.all(keys.map((key) => this.#inTurn(() => this.#remove(key))));
  }

  async #readObjects(objects: readonly LogObject[]): Promise<Claimed[]> {
    const read = objects.map((object) => this.#inTurn(() => this.#readObject(object)));
    return (await Promise.all(read)).filter((object) => object !== undefined);
  }

  async #readObject({ key, lastModified }: LogObject): Promise<Claimed | undefined> {
    const is = this.#readKey(key);
    const body = await this.#read(key);
    // Another run was faster, or it is for another time.
    if (body === undefined || body === unreadable || is.kind !== 'object') return undefined;
    const object = readLogObject(body, is.name, lastModified);
    return object === undefined || !this.#isMeant(object) ? undefined : { key, object };
  }

  /** Writes log objects down as in hand, and then removes them. */
  async #claim(claimed: readonly Claimed[]): Promise<Lot> {
    if (claimed.length === 0) return emptyLot;
    const { clock } = this.#options;
    const removeUntil = clock.now() + removeForMs;
    const inHandUntil = clock.now() + inHandForMs;
    const objects = claimed.map(({ object }) => object);
    const key = makeReplayKey(this.#prefix, inHandUntil);
    await this.#putLines(key, objects);
    const removed = await Promise.all(
      claimed.map((each) =>
        this.#inTurn(async () => clock.now() < removeUntil && (await this.#remove(each.key))),
      ),
    );
    const keys = [key];
    if (clock.now() >= inHandUntil) {
      // The file may be gone: another run may have settled it meanwhile.
      const secondKey = makeReplayKey(this.#prefix, clock.now());
      await this.#putLines(secondKey, objects);
      keys.push(secondKey);
    }
    const doubtful = objects.filter((_, index) => removed[index] !== true);
    return { ...emptyLot, objects, keys, doubtful, inHandUntil };
  }

  /** What a file holds; `claimed` if it is the log object of a source object that is called like a file of ours. */
  async #takeFile({ key, lastModified }: LogObject): Promise<Lot & { readonly claimed: Claimed[] }> {
    const nothing = { ...emptyLot, claimed: [] };
    const is = this.#readKey(key);
    if (is.kind !== 'file') return nothing;
    if (is.extension === 'txt') {
      const reasons = await this.#read(`${is.stem}.jsonl`);
      // The reasons hold all the names, if they are there; they may be if they cannot be read.
      if (reasons !== undefined && reasons !== '') return nothing;
    }
    const body = await this.#read(key);
    if (body === undefined || body === unreadable) return nothing;
    const { isLogObject, entries } = readListFile(body, is, lastModified);
    const meant = new Set(entries.filter((entry) => this.#isMeant(entry)));
    if (isLogObject) return { ...nothing, claimed: [...meant].map((object) => ({ key, object })) };
    if (meant.size === 0 && entries.length > 0) return nothing;
    const isParked = (entry: FailedObject) => this.#options.selection === undefined && !entry.isName;
    return {
      ...nothing,
      objects: [...meant].filter((entry) => !isParked(entry)),
      others: [...meant].filter((entry) => isParked(entry)),
      kept: entries.filter((entry) => !meant.has(entry)),
      keys: is.extension === 'jsonl' && entries.length > 0 ? [key, `${is.stem}.txt`] : [key],
    };
  }

  #readKey(key: string): FailedKey {
    return readFailedKey(this.#prefix, key);
  }

  #isMeant(object: FailedObject): boolean {
    const { selection, settings } = this.#options;
    if (selection?.selects(object) === false) return false;
    const isOfTask = object.syncTaskId === undefined || object.syncTaskId === settings.syncTaskId;
    if (isOfTask || selection?.ofAnyTask === true) return true;
    this.ofOtherTasks++;
    return false;
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

  #putLines(key: string, objects: readonly FailedObject[]): Promise<void> {
    const body = objects.map(({ line }) => `${line}\n`).join('');
    return putFile({ key, body, type: 'application/x-ndjson' }, this.#options);
  }
}

/** Takes so many at a time. */
export async function* inParts<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  size: number,
): AsyncGenerator<readonly Item[], void, undefined> {
  let part: Item[] = [];
  for await (const item of items) {
    part.push(item);
    if (part.length < size) continue;
    yield part;
    part = [];
  }
  if (part.length > 0) yield part;
}
