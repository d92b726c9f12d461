import pLimit from 'p-limit';
import type { Clock } from './clock.ts';
import {
  listPrefix,
  listsFolder,
  makeFileKey,
  makeInvalidKey,
  makeObjectKeys,
  type ListName,
} from './list-keys.ts';
import { LogBucketError, type LogBucket, type LogObject } from './log-bucket.ts';
import { percentEncode } from './object-name.ts';
import type { Settings } from './settings.ts';
import type { Outcome } from './sync-run.ts';

/** An object, as a record reported it. */
export interface ReceivedObject {
  /** Which of the received records it was, from 0. */
  readonly index: number;
  /** The object's name; for an outcome of class `invalid`, the text that is no name. */
  readonly name: string;
  /** Unknown for a failed list that others have written. */
  readonly store: string | undefined;
  readonly bucket: string | undefined;
  readonly eventTime: string | undefined;
  readonly eventId: string | undefined;
  /** There if it was on the failed list before: since when, and how many requests held its name. */
  readonly earlier?: { readonly recordedAt: string | undefined; readonly attempts: number };
}

/** An object whose outcome goes on a list. */
export interface ListEntry extends ReceivedObject {
  readonly outcome: Outcome;
}

/** Log objects written at a time. */
const writesAtATime = 32;
const maxTries = 5;
const firstDelayMs = 100;
/** What an answer takes on a bad day. A try gets no less of the time that is left, and else half of it. */
const slowAnswerMs = 1000;

/** What it takes to call the log bucket. */
export interface StoreOptions {
  readonly logBucket: LogBucket;
  readonly clock: Clock;
  readonly random: () => number;
  /** What is not done by then counts as not done; milliseconds since 1970, or `Infinity`. */
  readonly writeUntil: number;
}

export interface ListWriterOptions extends StoreOptions {
  readonly settings: Pick<Settings, 'logBucket' | 'logLayout' | 'syncTaskId'>;
}

/** Entries that could not be put on their list, and why. */
export interface Unwritten {
  readonly entries: ReadonlySet<ListEntry>;
  readonly fault: LogBucketError;
}

/**
 * Puts the outcomes of one invocation on the lists of requested and unrequested objects.
 *
 * - Layout `object`: one log object per source object, written as soon as its outcome is known.
 *   `{list}/{name}`; a key over 1,024 bytes, or one that the store refuses, becomes `{list}/.long/{sha-256 of the name}`,
 *   and what is no name at all `failed_object/.invalid/{sha-256 of the text as JSON}`.
 * - Layout `list`: one text file per list, written at the end, that OMS takes as the input of a list migration;
 *   beside that of the failed a `.jsonl` with the reasons, which also holds what is no name at all.
 */
export class ListWriter {
  readonly #options: ListWriterOptions;
  readonly #inTurn = pLimit(writesAtATime);
  /** What is not on its list yet. */
  readonly #unwritten = new Map<ListEntry, ListName>();
  readonly #writes: Promise<void>[] = [];
  #fault: LogBucketError | undefined;
  #startedAt: number | undefined;

  constructor(options: ListWriterOptions) {
    this.#options = options;
  }

  add(entry: ListEntry, list: ListName): void {
    this.#unwritten.set(entry, list);
    if (this.#options.settings.logLayout === 'object') {
      const prefix = listPrefix(this.#options.settings.logBucket, list);
      const keys = isInvalid(entry)
        ? { key: makeInvalidKey(prefix, entry.name) }
        : makeObjectKeys(prefix, entry.name);
      this.#write([entry], [{ ...keys, body: `${this.#toJson(entry)}\n`, type: 'application/json' }]);
    }
  }

  /** Waits until everything is written, or can't be. */
  async finish(): Promise<{ readonly unwritten: Unwritten | undefined; readonly writeMs: number }> {
    const { clock, settings, writeUntil } = this.#options;
    if (settings.logLayout === 'list') this.#writeListFiles([...this.#unwritten]);
    const written = Promise.all(this.#writes);
    if (writeUntil === Infinity) {
      await written;
    } else {
      // A store that does not answer must not hold the invocation beyond its deadline.
      const stop = new AbortController();
      await Promise.race([written, clock.sleep(Math.max(0, writeUntil - clock.now()), stop.signal)]);
      stop.abort();
      this.#inTurn.clearQueue();
    }
    const entries = new Set(this.#unwritten.keys()); // A late write must not change what is reported now.
    return {
      unwritten: entries.size === 0 ? undefined : { entries, fault: this.#fault ?? noTimeLeft('put') },
      writeMs: this.#startedAt === undefined ? 0 : clock.now() - this.#startedAt,
    };
  }

  #writeListFiles(collected: readonly (readonly [ListEntry, ListName])[]): void {
    const { clock, settings } = this.#options;
    for (const list of new Set(collected.map(([, itsList]) => itsList))) {
      const entries = collected.flatMap(([entry, itsList]) => (itsList === list ? [entry] : []));
      const names = entries
        .filter((entry) => !isInvalid(entry))
        .map((entry) => `${percentEncode(entry.name)}\n`);
      const key = makeFileKey(listPrefix(settings.logBucket, list), clock.now());
      const files: ListFile[] = [];
      // The reasons first: whoever finds the list finds them too.
      if (list !== 'success_object') {
        const lines = entries.map((entry) => `${this.#toJson(entry)}\n`);
        files.push({ key: `${key}.jsonl`, body: lines.join(''), type: 'application/x-ndjson' });
      }
      // OMS takes nothing but this type, and no empty file. Source: OMS User Guide, list migration.
      if (names.length > 0) files.push({ key: `${key}.txt`, body: names.join(''), type: 'text/plain' });
      this.#write(entries, files);
    }
  }

  #write(entries: readonly ListEntry[], files: readonly ListFile[]): void {
    this.#startedAt ??= this.#options.clock.now();
    const write = this.#inTurn(async () => {
      for (const file of files) await this.#putOrElse(file);
      for (const entry of entries) this.#unwritten.delete(entry);
    });
    this.#writes.push(
      write.catch((error: unknown) => {
        if (!(error instanceof LogBucketError)) throw error;
        this.#fault ??= error;
      }),
    );
  }

  /** Puts one file, under its other key if the store does not take the first (a parallel file system refuses `a//b`). */
  async #putOrElse(file: ListFile): Promise<void> {
    try {
      await putFile(file, this.#options);
    } catch (error) {
      const isKeyRefused = error instanceof LogBucketError && error.isKeyRefused;
      if (!isKeyRefused || file.otherKey === undefined) throw error;
      await putFile({ ...file, key: file.otherKey }, this.#options);
    }
  }

  #toJson(entry: ListEntry): string {
    const { outcome, earlier } = entry;
    return JSON.stringify({
      ...(isInvalid(entry) ? { invalid_name: entry.name } : { name: entry.name }),
      source_store: entry.store,
      source_bucket: entry.bucket,
      sync_task_id: this.#options.settings.syncTaskId,
      recorded_at: new Date(this.#options.clock.now()).toISOString(),
      first_recorded_at: earlier?.recordedAt,
      attempts: (earlier?.attempts ?? 0) + outcome.attempts,
      event_time: entry.eventTime,
      event_id: entry.eventId,
      ...(outcome.kind === 'unrequested' && {
        reason_class: outcome.reason.class,
        error_code: outcome.reason.code,
        error_message: outcome.reason.message,
      }),
    });
  }
}

/** A file for the log bucket. */
export interface ListFile {
  readonly key: string;
  readonly otherKey?: string;
  readonly body: string;
  readonly type: string;
}

/**
 * Puts one file, with retries of passing faults while there is time.
 *
 * @throws {LogBucketError}
 */
export function putFile({ key, body, type }: ListFile, options: StoreOptions): Promise<void> {
  return callStore((timeLimitMs) => options.logBucket.put(key, body, type, timeLimitMs), options);
}

/**
 * Calls the log bucket, again after a passing fault while there is time.
 *
 * @throws {LogBucketError}
 */
export async function callStore<Result>(
  call: (timeLimitMs: number) => Promise<Result>,
  { clock, random, writeUntil }: StoreOptions,
): Promise<Result> {
  for (let tries = 1; ; tries++) {
    const leftMs = writeUntil - clock.now();
    try {
      // Who gets no answer tries again while there is time, and when it is over nobody waits any longer.
      return await call(Math.max(leftMs / 2, Math.min(leftMs, slowAnswerMs)));
    } catch (error) {
      if (!(error instanceof LogBucketError) || !error.passing || tries >= maxTries) throw error;
      const delayMs = random() * firstDelayMs * 2 ** (tries - 1);
      if (clock.now() + delayMs >= writeUntil) throw error;
      await clock.sleep(delayMs);
    }
  }
}

/**
 * Lists what begins with a prefix; a page that fails in passing is asked for again.
 *
 * @throws {LogBucketError}
 */
export function listKeys(prefix: string, options: StoreOptions): AsyncIterable<LogObject> {
  return options.logBucket.list(prefix, { attempt: (ask) => callStore(ask, options) });
}

function isInvalid({ outcome }: ListEntry): boolean {
  return outcome.kind === 'unrequested' && outcome.reason.class === 'invalid';
}

/** What to say of a store that let the time pass. */
export function noTimeLeft(operation: 'put' | 'list'): LogBucketError {
  return new LogBucketError({
    operation,
    key: listsFolder,
    code: 'ETIMEDOUT',
    passing: true,
    message: 'the store did not answer before the invocation had to end',
  });
}
