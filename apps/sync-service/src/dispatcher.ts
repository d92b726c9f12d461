import { setMaxListeners } from 'node:events';
import {
  countFates,
  type Clock,
  type Fate,
  type Instance,
  type LogSink,
  type Reason,
  type Report,
} from '@oms-sync/core';
import type { Delivery } from './delivery.ts';

export interface DispatcherOptions {
  readonly instance: Pick<Instance, 'synchronize'>;
  readonly clock: Clock;
  /** A number from 0 to below 1, as `Math.random` gives it. */
  readonly random: () => number;
  readonly log: LogSink;
  /** How many records are settled together at most: as many as can be under way to OMS at a time. */
  readonly recordsInARun: number;
  /** What could not be requested by a passing fault is tried again until it is so old, then it goes on the failed list. */
  readonly retryMaxAgeMs: number;
  readonly observer?: DispatchObserver;
}

/**
 * Learns what becomes of records, for metrics. For each source, what was received is what was settled, handed back, or is
 * held still.
 */
export interface DispatchObserver {
  received(source: string, records: number): void;
  /** The counts of the conservation law of a delivery that is settled; nothing in it is returned. */
  settled(source: string, report: Report): void;
  /** They could not be settled now, and are tried again. */
  delayed(source: string, records: number): void;
  handedBack(source: string, records: number): void;
  /** An object of a delivery that is settled is on the failed list. */
  unrequested(source: string, name: string, reason: Reason): void;
}

/** A delivery on its way. */
interface Held {
  readonly delivery: Delivery;
  readonly submittedAt: number;
  waitingSince: number;
  /** When it was dispatched first. */
  triedAt: number | undefined;
  tries: number;
}

/** Names of many messages share requests; so long does the first of them wait for others. */
const maxWaitMs = 50;
/** One settles while another waits for its slowest request. A run that is not full is none of the many. */
const maxRuns = { full: 10, otherwise: 3 };
/**
 * So many times what fits into a run may wait to be tried again: beyond that, what fails goes on the failed list, which
 * takes no memory and is replayed.
 */
const runsDelayed = 20;
/** So many records are tried when OMS took none of the run before. */
const recordsInAProbe = 10;
/** Nothing new waits for longer than that because of what fails: it may have been one name. */
const maxRestMs = 5000;
const firstDelayMs = 1000;
const maxDelayMs = 60_000;

/**
 * Settles what the sources deliver: names of many deliveries share the requests to OMS, and each delivery is acknowledged
 * when all of its records are settled. What is returned is tried again with growing waits, and stays with its source
 * meanwhile.
 */
export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #waiting: Held[] = [];
  readonly #delayed = new Set<Held>();
  #delayedRecords = 0;
  readonly #running = new Set<Promise<void>>();
  #waitingRecords = 0;
  /** All that are not settled, in the order in which they came. */
  readonly #held = new Set<Held>();
  #heldRecords = 0;
  #isPaused = false;
  #isStopped = false;
  /** How many runs in a row have settled nothing. */
  #runsInVain = 0;
  #problem: string | undefined;
  /** Nothing is begun before; milliseconds since 1970. */
  #restUntil = 0;
  #roomIsFree: (() => void)[] = [];
  #alarm: AbortController | undefined;
  #alarmAt: number | undefined;
  readonly #stopped = new AbortController();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    setMaxListeners(0, this.#stopped.signal); // Each delivery that waits for its next try has one.
  }

  /** Records that were submitted and are not settled. */
  get held(): number {
    return this.#heldRecords;
  }

  /** When the oldest of those was submitted, in milliseconds since 1970; undefined if there is none. */
  get oldestHeldSince(): number | undefined {
    const [oldest] = this.#held;
    return oldest?.submittedAt;
  }

  /**
   * Since when the oldest of those waits, here or at its source, in milliseconds since 1970. What sources deliver first
   * has waited for longest, so that it tells of their backlogs too.
   */
  get oldestWaitingSince(): number | undefined {
    let oldest = Infinity;
    for (const { delivery, submittedAt } of this.#held) {
      oldest = Math.min(oldest, submittedAt, delivery.waitingSince ?? Infinity);
    }
    return oldest === Infinity ? undefined : oldest;
  }

  /** Did OMS, or the log bucket, take nothing lately? */
  get isResting(): boolean {
    return this.#runsInVain > 0;
  }

  /** Why something of the last run has to be tried again, for people; undefined if nothing has. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /**
   * Takes a delivery. Resolves when there is room for the next one: sources wait for that.
   * After {@link stop} it hands the delivery back at once.
   */
  async submit(delivery: Delivery): Promise<void> {
    if (this.#isStopped) return delivery.handBack();
    const now = this.#options.clock.now();
    const held: Held = { delivery, submittedAt: now, waitingSince: now, triedAt: undefined, tries: 0 };
    this.#held.add(held);
    this.#heldRecords += delivery.records.length;
    this.#options.observer?.received(delivery.source, delivery.records.length);
    this.#enqueue(held);
    const hasRoom = () => this.#isStopped || this.#waitingRecords < 2 * this.#options.recordsInARun;
    while (!hasRoom()) await new Promise<void>((resolve) => this.#roomIsFree.push(resolve));
  }

  /** Begins nothing more until {@link resume}; what is under way is finished. */
  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#dispatch();
  }

  /** Finishes what is under way and hands everything else back. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#alarm?.abort();
    this.#stopped.abort();
    for (const held of [...this.#waiting.splice(0), ...this.#delayed]) this.#handBack(held);
    this.#delayed.clear();
    this.#makeRoom();
    await Promise.all(this.#running);
  }

  #enqueue(held: Held): void {
    this.#waiting.push(held);
    this.#waitingRecords += held.delivery.records.length;
    this.#dispatch();
  }

  /** Begins as many runs as there are records and room for. */
  #dispatch(): void {
    for (;;) {
      const [first] = this.#waiting;
      if (first === undefined || this.#isPaused || this.#isStopped) return;
      const isProbe = this.#runsInVain > 0;
      const { clock, recordsInARun } = this.#options;
      const isFull = this.#waitingRecords >= recordsInARun;
      if (this.#running.size >= (isProbe ? 1 : isFull ? maxRuns.full : maxRuns.otherwise)) return;
      const beginAt = Math.max(this.#restUntil, isFull ? 0 : first.waitingSince + maxWaitMs);
      if (beginAt > clock.now()) return this.#wakeAt(beginAt);
      this.#begin(this.#takeRecords(isProbe ? Math.min(recordsInAProbe, recordsInARun) : recordsInARun));
    }
  }

  #wakeAt(time: number): void {
    if (this.#alarmAt === time) return; // Each delivery asks for it.
    this.#alarm?.abort();
    const alarm = (this.#alarm = new AbortController());
    this.#alarmAt = time;
    const { clock } = this.#options;
    void clock.sleep(time - clock.now(), alarm.signal).then(() => {
      if (alarm.signal.aborted) return;
      this.#alarmAt = undefined;
      this.#dispatch();
    });
  }

  /** The deliveries that have waited for longest, with so many records; at least one delivery. */
  #takeRecords(count: number): readonly Held[] {
    let records = 0;
    let taken = 0;
    for (const { delivery } of this.#waiting) {
      if (taken > 0 && records + delivery.records.length > count) break;
      records += delivery.records.length;
      taken++;
    }
    this.#waitingRecords -= records;
    return this.#waiting.splice(0, taken);
  }

  #begin(batch: readonly Held[]): void {
    const run = this.#settle(batch).finally(() => {
      this.#running.delete(run);
      this.#makeRoom();
      this.#dispatch();
    });
    this.#running.add(run);
    this.#makeRoom();
  }

  #makeRoom(): void {
    for (const goOn of this.#roomIsFree.splice(0)) goOn();
  }

  async #settle(batch: readonly Held[]): Promise<void> {
    const { instance, clock, log, retryMaxAgeMs, recordsInARun, observer } = this.#options;
    const hasRoom = () => this.#delayedRecords < runsDelayed * recordsInARun;
    const now = clock.now();
    for (const held of batch) {
      held.triedAt ??= now;
      held.tries++;
    }
    const records = batch.flatMap(({ delivery }) => delivery.records);
    const owners = batch.flatMap((held) => held.delivery.records.map(() => held));
    const { fates, problem } = await instance.synchronize(records, {
      deadline: Infinity,
      requestId: undefined,
      canRedeliver: (index) => hasRoom() && clock.now() - (owners[index]?.triedAt ?? 0) < retryMaxAgeMs,
      log,
    });
    let settled = 0;
    let start = 0;
    for (const held of batch) {
      const { delivery } = held;
      const own = fates.slice(start, start + delivery.records.length);
      start += delivery.records.length;
      if (own.some((fate) => isReturned(fate, fates))) {
        this.#retry(held);
      } else {
        settled++;
        this.#letGo(held);
        observer?.settled(delivery.source, countFates(own));
        this.#tellUnrequested(delivery, own);
        delivery.settle();
      }
    }
    this.#problem = problem?.message;
    if (settled > 0) this.#runsInVain = this.#restUntil = 0;
    else this.#rest();
  }

  #tellUnrequested({ source, records }: Delivery, fates: readonly Fate[]): void {
    for (const [index, fate] of fates.entries()) {
      const record = records[index];
      if (fate.kind !== 'unrequested' || record === undefined || record.kind === 'ignored') continue;
      const name = record.kind === 'created' ? record.name : record.text;
      this.#options.observer?.unrequested(source, name, fate.reason);
    }
  }

  /** Tries it again later, alone in its turn; it stays with its source. */
  #retry(held: Held): void {
    if (this.#isStopped) return this.#handBack(held);
    const { clock, observer } = this.#options;
    observer?.delayed(held.delivery.source, held.delivery.records.length);
    this.#delayed.add(held);
    this.#delayedRecords += held.delivery.records.length;
    void clock.sleep(this.#delayMs(held.tries), this.#stopped.signal).then(() => {
      if (!this.#delayed.delete(held)) return;
      this.#delayedRecords -= held.delivery.records.length;
      held.waitingSince = clock.now();
      this.#enqueue(held);
    });
  }

  /** Everything waits after a run in vain: the next one will fare no better at once. */
  #rest(): void {
    this.#runsInVain++;
    const restMs = Math.min(this.#delayMs(this.#runsInVain), maxRestMs);
    this.#restUntil = this.#options.clock.now() + restMs;
  }

  #delayMs(tries: number): number {
    const ceiling = Math.min(firstDelayMs * 2 ** (tries - 1), maxDelayMs);
    return ceiling / 2 + (this.#options.random() * ceiling) / 2;
  }

  #handBack(held: Held): void {
    this.#letGo(held);
    this.#options.observer?.handedBack(held.delivery.source, held.delivery.records.length);
    held.delivery.handBack();
  }

  #letGo(held: Held): void {
    this.#held.delete(held);
    this.#heldRecords -= held.delivery.records.length;
  }
}

function isReturned(fate: Fate, all: readonly Fate[]): boolean {
  return fate.kind === 'merged' ? all[fate.into]?.kind === 'returned' : fate.kind === 'returned';
}
