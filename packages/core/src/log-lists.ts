import { createHash, randomUUID } from 'node:crypto';
import pLimit from 'p-limit';
import type { Clock } from './clock.ts';
import { LogBucketError, type LogBucket } from './log-bucket.ts';
import { percentEncode } from './object-name.ts';
import type { LogBucketAddress } from './settings-address.ts';
import type { Settings } from './settings.ts';
import type { Outcome } from './sync-run.ts';

/** An object, as a record reported it. */
export interface ReceivedObject {
  /** Which of the received records it was, from 0. */
  readonly index: number;
  /** The object's name; for an outcome of class `invalid`, the text that is no name. */
  readonly name: string;
  readonly store: string;
  readonly bucket: string | undefined;
  readonly eventTime: string | undefined;
  readonly eventId: string | undefined;
}

/** An object whose outcome goes on a list. */
export interface ListEntry extends ReceivedObject {
  readonly outcome: Outcome;
}

/** The folder of all lists; the prefix of `log_bucket` stands in front of it. */
const listsFolder = 'oms_source_record';
/** Longest key of the stores, in bytes. Source: OBS, S3, Blob Storage and Cloud Storage agree on 1,024. */
const maxKeyBytes = 1024;
/** Log objects written at a time. */
const writesAtATime = 32;
const maxTriesOfAWrite = 5;
const firstDelayMs = 100;
const maxDelayMs = 2000;

type ListName = 'success_object' | 'failed_object';

function listPrefix(address: LogBucketAddress, list: ListName): string {
  return `${address.prefix}${listsFolder}/${list}/`;
}

/** Is it the key of a list of ours in the log bucket? Events about those are never synchronized. */
export function isListKey(address: LogBucketAddress, key: string): boolean {
  return (
    key.startsWith(listPrefix(address, 'success_object')) ||
    key.startsWith(listPrefix(address, 'failed_object'))
  );
}

export interface ListWriterOptions {
  readonly logBucket: LogBucket;
  readonly settings: Pick<Settings, 'logBucket' | 'logLayout' | 'syncTaskId'>;
  readonly clock: Clock;
  readonly random: () => number;
  /** What is not written by then counts as not written; milliseconds since 1970, or `Infinity`. */
  readonly writeUntil: number;
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
 *   `{list}/{name}`; a key over 1,024 bytes, or one that the store refuses, becomes `{list}/.long/{sha-256 of the name}`, and what is no name at all
 *   `failed_object/.invalid/{sha-256 of the text as JSON}`.
 * - Layout `list`: one text file per outcome, written at the end, that OMS takes as the input of a list migration;
 *   beside that of the failed a `.jsonl` with the reasons, which also holds what is no name at all.
 */
export class ListWriter {
  readonly #options: ListWriterOptions;
  readonly #inTurn = pLimit(writesAtATime);
  /** What is not on its list yet. */
  readonly #unwritten = new Set<ListEntry>();
  readonly #writes: Promise<void>[] = [];
  #fault: LogBucketError | undefined;
  #startedAt: number | undefined;

  constructor(options: ListWriterOptions) {
    this.#options = options;
  }

  add(entry: ListEntry): void {
    this.#unwritten.add(entry);
    if (this.#options.settings.logLayout === 'object') {
      const body = `${this.#toJson(entry)}\n`;
      this.#write([entry], [{ ...this.#objectKeys(entry), body, type: 'application/json' }]);
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
    const entries = new Set(this.#unwritten); // A late write must not change what is reported now.
    return {
      unwritten: entries.size === 0 ? undefined : { entries, fault: this.#fault ?? noTimeLeft },
      writeMs: this.#startedAt === undefined ? 0 : clock.now() - this.#startedAt,
    };
  }

  #writeListFiles(collected: readonly ListEntry[]): void {
    const { clock, settings } = this.#options;
    const now = new Date(clock.now()).toISOString();
    const path = `${now.slice(0, 10).replaceAll('-', '/')}/${now.replace(/[-:]/g, '')}-${randomUUID()}`;
    for (const list of ['success_object', 'failed_object'] as const) {
      const entries = collected.filter((entry) => listOf(entry) === list);
      const names = entries
        .filter((entry) => !isInvalid(entry))
        .map((entry) => `${percentEncode(entry.name)}\n`);
      const key = `${listPrefix(settings.logBucket, list)}${path}`;
      const files: ListFile[] = [];
      // The reasons first: whoever finds the list finds them too.
      if (list === 'failed_object') {
        const lines = entries.map((entry) => `${this.#toJson(entry)}\n`);
        files.push({ key: `${key}.jsonl`, body: lines.join(''), type: 'application/x-ndjson' });
      }
      // OMS takes nothing but this type, and no empty file. Source: OMS User Guide, list migration.
      if (names.length > 0) files.push({ key: `${key}.txt`, body: names.join(''), type: 'text/plain' });
      if (entries.length > 0) this.#write(entries, files);
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
      await this.#put(file);
    } catch (error) {
      const isRefusedKey = error instanceof LogBucketError && error.status === 400 && !error.passing;
      if (!isRefusedKey || file.otherKey === undefined) throw error;
      await this.#put({ ...file, key: file.otherKey });
    }
  }

  /** Puts one file, with retries of passing faults while there is time. */
  async #put(file: ListFile): Promise<void> {
    const { clock, logBucket, random, writeUntil } = this.#options;
    for (let tries = 1; ; tries++) {
      try {
        return await logBucket.put(file.key, file.body, file.type);
      } catch (error) {
        if (!(error instanceof LogBucketError) || !error.passing || tries >= maxTriesOfAWrite) throw error;
        const delayMs = random() * Math.min(firstDelayMs * 2 ** (tries - 1), maxDelayMs);
        if (clock.now() + delayMs >= writeUntil) throw error;
        await clock.sleep(delayMs);
      }
    }
  }

  #objectKeys(entry: ListEntry): { key: string; otherKey?: string } {
    const prefix = listPrefix(this.#options.settings.logBucket, listOf(entry));
    const hash = (text: string) => createHash('sha256').update(text).digest('hex');
    // As JSON, since two lone surrogates are the same in UTF-8.
    if (isInvalid(entry)) return { key: `${prefix}.invalid/${hash(JSON.stringify(entry.name))}` };
    const key = `${prefix}${entry.name}`;
    const otherKey = `${prefix}.long/${hash(entry.name)}`;
    const isPlain = Buffer.byteLength(key) <= maxKeyBytes && !/^\.(long|invalid)\//.test(entry.name);
    return isPlain ? { key, otherKey } : { key: otherKey };
  }

  #toJson(entry: ListEntry): string {
    const { outcome } = entry;
    return JSON.stringify({
      ...(isInvalid(entry) ? { invalid_name: entry.name } : { name: entry.name }),
      source_store: entry.store,
      source_bucket: entry.bucket,
      sync_task_id: this.#options.settings.syncTaskId,
      recorded_at: new Date(this.#options.clock.now()).toISOString(),
      attempts: outcome.attempts,
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

interface ListFile {
  readonly key: string;
  readonly otherKey?: string;
  readonly body: string;
  readonly type: string;
}

function listOf(entry: ListEntry): ListName {
  return entry.outcome.kind === 'requested' ? 'success_object' : 'failed_object';
}

function isInvalid({ outcome }: ListEntry): boolean {
  return outcome.kind === 'unrequested' && outcome.reason.class === 'invalid';
}

const noTimeLeft = new LogBucketError({
  operation: 'put',
  key: listsFolder,
  code: 'ETIMEDOUT',
  passing: true,
  message: 'the store did not answer before the invocation had to end',
});
