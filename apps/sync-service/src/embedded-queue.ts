import type { Clock, Logger } from '@oms-sync/core';
import type { ClassicLevel } from 'classic-level';
import type { Delivery } from './delivery.ts';
import { hashMessage, type Inbox, type Notification } from './inbox.ts';
import {
  asQueueError,
  checkSpace,
  openQueueFolder,
  QueueError,
  stateKey,
  type QueueFolder,
  type QueueState,
} from './queue-folder.ts';
import type { Source, SourceState, Submit } from './source.ts';

export interface EmbeddedQueueOptions {
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** So much of the disk is left to what settles; in bytes. */
  readonly reservedBytes?: number;
}

/** A notification that waits for its batch. */
interface Add {
  readonly notification: Notification;
  readonly resolve: (result: 'kept' | 'repeated') => void;
  readonly reject: (error: QueueError) => void;
}

/** Notifications of one batch at most: those that come while it is written share the next one. */
const addsInABatch = 1000;
/** Notifications that are read at a time, by number and by size. */
const readCount = 500;
const readBytes = 1024 * 1024;
const dayMs = 24 * 3_600_000;
const checkSpaceEveryMs = 1000;
const firstReopenMs = 1000;
const maxReopenMs = 30_000;

/**
 * Keeps notifications in a folder of this machine, in LevelDB:
 *
 * - `n` and a number: a notification; numbers grow in the order of arrival;
 * - `d`, a day, and a hash of source and message id: seen on that day, so a second one is a repeat;
 * - `state`: see {@link QueueState}.
 *
 * One batch is written at a time, and everything that comes meanwhile shares the next one: that is the group commit. A
 * batch with notifications is synced before any of them is acknowledged. A batch is whole or not there.
 */
export class EmbeddedQueue implements Inbox, Source {
  readonly name = 'queue';
  readonly #options: EmbeddedQueueOptions;
  #store: ClassicLevel;
  #state: QueueState;
  /** Why nothing can be read or written now. */
  #fault: QueueError | undefined;
  #adds: Add[] = [];
  #settled: number[] = [];
  /** What the batch that is being written settles. */
  #settling: readonly number[] = [];
  #writing: Promise<void> | undefined;
  #spaceCheckedAt = -Infinity;
  #lackOfSpace: QueueError | undefined;
  /** A day since 1970. */
  #tidiedOn: number | undefined;
  /** The number of the next notification to be delivered. */
  #position: number;
  /** What is delivered, or was found damaged, and is there still: its number, and when it was received. */
  readonly #delivered = new Map<number, number>();
  /** How many notifications fewer than `count` says were found; the next batch sets that right. */
  #missing = 0;
  /** What the store had when it was opened, and how much of that was found. */
  readonly #found: { readonly count: number; readonly next: number; read: number; isChecked: boolean };
  #feeding: Promise<void> | undefined;
  #isStopped = false;
  #isClosed = false;
  #onChange: (() => void)[] = [];

  private constructor({ store, state }: QueueFolder, options: EmbeddedQueueOptions) {
    this.#options = options;
    this.#store = store;
    this.#state = state;
    this.#position = state.head;
    this.#found = { count: state.count, next: state.next, read: 0, isChecked: false };
  }

  /**
   * Opens the queue, however long it is, in the time that 16 MB of log take to read.
   *
   * @throws {QueueError}
   */
  static async open(options: EmbeddedQueueOptions): Promise<EmbeddedQueue> {
    return new EmbeddedQueue(await openQueueFolder(options.folder), options);
  }

  /** How many notifications are there. */
  get backlog(): number {
    return this.#state.count - this.#missing;
  }

  /** When the oldest notification was received, in milliseconds since 1970; undefined if there is none. */
  get oldestReceivedAt(): number | undefined {
    return this.#delivered.values().next().value;
  }

  get state(): SourceState {
    return {
      status: this.#isStopped ? 'stopped' : this.#fault === undefined ? 'running' : 'failed',
      detail: (this.#fault ?? this.#lackOfSpace)?.message,
      place: this.#options.folder,
      backlog: { count: this.backlog, unit: 'messages' },
    };
  }

  add(notification: Notification): Promise<'kept' | 'repeated'> {
    return new Promise((resolve, reject) => {
      const fault = this.#fault ?? (this.#isClosed ? this.#closed() : undefined);
      if (fault !== undefined) return reject(fault);
      this.#adds.push({ notification, resolve, reject });
      this.#write();
    });
  }

  // oxlint-disable-next-line typescript/require-await -- a source starts by a promise; this one is open
  async start(submit: Submit): Promise<void> {
    this.#feeding = this.#feed(submit);
  }

  // oxlint-disable-next-line typescript/require-await -- what it waits for, room, comes when the dispatcher stops
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#announceChange();
  }

  /** Ends when everything that was added or settled is written, if it can be. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isStopped = true;
    this.#announceChange();
    await this.#feeding;
    await this.#writing;
    await this.#store.close();
  }

  // --- writing ---

  #write(): void {
    this.#writing ??= this.#writeAll();
  }

  async #writeAll(): Promise<void> {
    await Promise.resolve(); // Whatever else is in this turn of the loop comes along.
    while (this.#adds.length > 0 || this.#settled.length > 0 || this.#fault !== undefined) {
      if (this.#fault !== undefined && !(await this.#reopen())) break;
      const adds = this.#adds.splice(0, addsInABatch);
      this.#settling = this.#settled.splice(0);
      try {
        await this.#writeBatch(await this.#refuseWithoutSpace(adds), this.#settling);
        this.#settling = [];
      } catch (error) {
        const fault = this.#fail(error);
        for (const { reject } of [...adds, ...this.#adds.splice(0)]) reject(fault);
      }
      this.#announceChange();
    }
    this.#writing = undefined; // In the same breath as the look above, or what comes in between would wait for ever.
  }

  /** Gives what there is space for: all or nothing. */
  async #refuseWithoutSpace(adds: readonly Add[]): Promise<readonly Add[]> {
    const { clock, folder, reservedBytes } = this.#options;
    if (adds.length === 0) return adds;
    if (clock.now() - this.#spaceCheckedAt >= checkSpaceEveryMs) {
      this.#spaceCheckedAt = clock.now();
      const before = this.#lackOfSpace;
      this.#lackOfSpace = await checkSpace(folder, reservedBytes).then(
        () => undefined,
        (error: unknown) => asQueueError(folder, error),
      );
      if (before === undefined && this.#lackOfSpace !== undefined) this.#logFault(this.#lackOfSpace);
    }
    if (this.#lackOfSpace === undefined) return adds;
    for (const { reject } of adds) reject(this.#lackOfSpace);
    return [];
  }

  async #writeBatch(adds: readonly Add[], settled: readonly number[]): Promise<void> {
    if (adds.length === 0 && settled.length === 0) return;
    const today = Math.floor(this.#options.clock.now() / dayMs);
    const marks = adds.map(({ notification }) => hashMessage(notification));
    const seen = await this.#findSeen(new Set(marks.filter((mark) => mark !== undefined)), today);
    const operations: { type: 'put'; key: string; value: string }[] = [];
    const repeated = new Set<number>();
    const missing = this.#missing;
    let { next } = this.#state;
    for (const [index, { notification }] of adds.entries()) {
      const mark = marks[index];
      if (mark !== undefined) {
        if (seen.has(mark)) {
          repeated.add(index);
          continue;
        }
        seen.add(mark);
        operations.push({ type: 'put', key: seenKey(today, mark), value: '' });
      }
      const { source, receivedAt, records } = notification;
      const value = JSON.stringify({ source, receivedAt, records });
      operations.push({ type: 'put', key: notificationKey(next++), value });
    }
    const kept = adds.length - repeated.size;
    const state: QueueState = {
      format: 1,
      batch: this.#state.batch + 1,
      head: this.#delivered.keys().next().value ?? this.#position,
      next,
      count: this.#state.count + kept - settled.length - missing,
    };
    await this.#store.batch(
      [
        ...operations,
        ...settled.map((number) => ({ type: 'del' as const, key: notificationKey(number) })),
        { type: 'put', key: stateKey, value: JSON.stringify(state) },
      ],
      // What is settled may be settled again after a loss of power; what is acknowledged must be there.
      { sync: kept > 0 },
    );
    this.#state = state;
    this.#missing -= missing;
    this.#forget(settled);
    for (const [index, { resolve }] of adds.entries()) resolve(repeated.has(index) ? 'repeated' : 'kept');
    this.#tidyUp(today);
  }

  /** Which of these messages were seen today or yesterday. */
  async #findSeen(marks: ReadonlySet<string>, today: number): Promise<Set<string>> {
    if (marks.size === 0) return new Set();
    const list = [...marks];
    const keys = [today, today - 1].flatMap((day) => list.map((mark) => seenKey(day, mark)));
    const found = await this.#store.hasMany(keys, { fillCache: false });
    return new Set(list.filter((_, index) => found[index] === true || found[index + list.length] === true));
  }

  /**
   * Forgets what was seen before yesterday, and what a loss of power has brought back of what was settled. After a start
   * and once a day, beside everything else.
   */
  #tidyUp(today: number): void {
    if (this.#tidiedOn === today) return;
    this.#tidiedOn = today;
    const ranges = [
      { gte: seenKey(0, ''), lt: seenKey(today - 1, '') },
      { gte: notificationKey(0), lt: notificationKey(this.#state.head) },
    ];
    Promise.all(ranges.map((range) => this.#store.clear(range))).catch((error: unknown) => {
      if (!this.#isClosed) this.#logFault(asQueueError(this.#options.folder, error));
      this.#tidiedOn = undefined;
    });
  }

  // --- faults ---

  /**
   * Opens the store again after a fault, as soon as that works. Nothing may be written to it as it is: a failed write may
   * have left half a record, and LevelDB would not find what stands behind that.
   *
   * @returns false if the queue was closed meanwhile.
   */
  async #reopen(): Promise<boolean> {
    const { clock, folder, logger } = this.#options;
    const tried = this.#state.batch + 1;
    await this.#store.close();
    for (let delayMs = firstReopenMs; !this.#isClosed; delayMs = Math.min(2 * delayMs, maxReopenMs)) {
      await Promise.race([clock.sleep(delayMs), this.#change()]);
      if (this.#isClosed) break;
      try {
        const { store, state } = await openQueueFolder(folder);
        this.#store = store;
        this.#state = state;
        // The batch may be there after all: nothing of it is to be counted twice.
        if (state.batch < tried) this.#settled.unshift(...this.#settling);
        else this.#forget(this.#settling);
        this.#settling = [];
        this.#fault = undefined;
        logger.log('info', 'queue works again', { folder });
        return true;
      } catch (error) {
        this.#fail(error);
      }
    }
    return false;
  }

  #forget(settled: readonly number[]): void {
    for (const number of settled) this.#delivered.delete(number);
  }

  #fail(error: unknown): QueueError {
    const fault = asQueueError(this.#options.folder, error);
    this.#fault = fault;
    this.#logFault(fault);
    return fault;
  }

  #logFault({ message, reason }: QueueError): void {
    this.#options.logger.log('error', 'queue', { reason, message });
  }

  #closed(): QueueError {
    return new QueueError('closed', this.#options.folder, 'is closed: the service stops.');
  }

  // --- delivering ---

  async #feed(submit: Submit): Promise<void> {
    while (!this.#isStopped) {
      const change = this.#change(); // From before the look: what comes during it counts.
      const entries = await this.#read();
      if (entries.length === 0) await change;
      for (const [number, text] of entries) {
        if (this.#isStopped) return;
        await this.#deliver(number, text, submit);
      }
    }
  }

  /** The next notifications; none if there are none now. */
  async #read(): Promise<readonly (readonly [number, string])[]> {
    this.#checkFound();
    if (this.#fault !== undefined || this.#position >= this.#state.next) return [];
    const { next } = this.#state;
    // From where it is, and not from the first key: what is settled there leaves marks that a search has to pass.
    const range = { gte: notificationKey(this.#position), lt: notificationKey(next) };
    const iterator = this.#store.iterator({ ...range, fillCache: false, highWaterMarkBytes: readBytes });
    try {
      const entries = await iterator.nextv(readCount);
      if (entries.length === 0) this.#position = next;
      return entries.map(([key, value]) => [Number(key.slice(1)), value] as const);
    } catch (error) {
      if (this.#fault === undefined) this.#fail(error);
      this.#write(); // That opens it again.
      return [];
    } finally {
      await iterator.close();
    }
  }

  async #deliver(number: number, text: string, submit: Submit): Promise<void> {
    this.#position = number + 1;
    if (number < this.#found.next) this.#found.read++;
    const stored = parseStored(text);
    this.#delivered.set(number, stored?.receivedAt ?? this.#options.clock.now());
    if (stored === undefined) {
      // It stays where it is, and the age of the oldest tells.
      this.#logFault(this.#damaged(`notification ${number} cannot be read`));
      return;
    }
    const delivery: Delivery = {
      source: stored.source,
      records: stored.records,
      waitingSince: stored.receivedAt,
      settle: () => {
        this.#settled.push(number);
        this.#write();
      },
      handBack: () => undefined, // It is there, and comes again after the next start.
    };
    await submit(delivery);
  }

  /**
   * When all that the store had is read: is it what it should have had? A hole in its log shows here. More than that is
   * what a loss of power has brought back of what was settled: it is settled once more.
   */
  #checkFound(): void {
    const { count, next, read, isChecked } = this.#found;
    if (isChecked || this.#position < next) return;
    this.#found.isChecked = true;
    this.#missing = count - read;
    if (read >= count) return;
    this.#logFault(this.#damaged(`it should hold ${count} notifications and holds ${read}`));
  }

  #damaged(what: string): QueueError {
    const message = `is damaged: ${what}. What is missing is found by comparing the buckets (\`oms-sync reconcile\`).`;
    return new QueueError('damaged', this.#options.folder, message);
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#onChange.push(resolve));
  }

  #announceChange(): void {
    for (const goOn of this.#onChange.splice(0)) goOn();
  }
}

function notificationKey(number: number): string {
  return `n${String(number).padStart(16, '0')}`;
}

function seenKey(day: number, mark: string): string {
  return `d${String(Math.max(0, day)).padStart(8, '0')}${mark}`;
}

type Stored = Pick<Notification, 'source' | 'receivedAt' | 'records'>;

function parseStored(text: string): Stored | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isStored(value) ? value : undefined;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return undefined;
  }
}

/** Only as far as it tells that we have written it. */
function isStored(value: unknown): value is Stored {
  return (
    typeof value === 'object' &&
    value !== null &&
    'source' in value &&
    typeof value.source === 'string' &&
    'receivedAt' in value &&
    typeof value.receivedAt === 'number' &&
    'records' in value &&
    Array.isArray(value.records)
  );
}
