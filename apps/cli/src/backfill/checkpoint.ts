import { open, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '@oms-sync/log-bucket';
import { UsageError } from '../exit-code.ts';
import { emptyTotals, type Part, type Selection, type Totals } from './state.ts';

/** What a backfill has behind it: what is in here is settled, what is not may be done again. */
export interface Progress {
  /** As it was at the beginning: `now` and `7d` are another time by then. */
  readonly selection: Selection;
  readonly parts: readonly Part[];
  readonly totals: Totals;
}

/** A checkpoint could not be written: going on without one would begin anew after a kill. */
export class CheckpointError extends Error {
  override readonly name = 'CheckpointError';
}

/** What makes two backfills the same one, as texts. */
export type Identity = Readonly<Record<string, string | undefined>>;

/**
 * The file that a backfill goes on from after it was stopped or killed.
 *
 * It is replaced whole, and on the disk before the old one is gone. It may be a little behind, which costs requests for
 * objects that were requested already; it is never ahead.
 */
export class Checkpoint {
  readonly file: string;
  readonly #identity: Identity;
  #waiting: Progress | undefined;
  #writing: Promise<void> | undefined;
  #fault: CheckpointError | undefined;

  constructor(file: string, identity: Identity) {
    this.file = file;
    this.#identity = identity;
  }

  /**
   * @returns undefined if there is none.
   * @throws {UsageError} if it is of another backfill, or none at all.
   */
  async read(): Promise<Progress | undefined> {
    let text: string;
    try {
      text = await readFile(this.file, 'utf8');
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
      throw error;
    }
    const content = parseContent(text);
    if (content === undefined) {
      throw new UsageError(`--checkpoint: ${this.file} is no checkpoint of a backfill; name another file`);
    }
    const found = new Map(Object.entries(content.identity));
    const other = Object.entries(this.#identity).filter(([option, text]) => text !== found.get(option));
    if (other.length > 0) {
      const differences = other.map(
        ([option, text]) => `  ${option}: ${found.get(option) ?? 'none'} there, ${text ?? 'none'} here`,
      );
      throw new UsageError(
        `--checkpoint: ${this.file} is of another backfill:\n${differences.join('\n')}\nGo on with its options, or name another file.`,
      );
    }
    return content;
  }

  /**
   * Writes it soon. While one is being written, only the newest of those that wait counts.
   *
   * @throws {CheckpointError} if an earlier one could not be written.
   */
  save(progress: Progress): void {
    if (this.#fault !== undefined) throw this.#fault;
    this.#waiting = structuredClone(progress);
    this.#writing ??= this.#writeAll();
  }

  /**
   * Resolves when the last one that was saved is on the disk.
   *
   * @throws {CheckpointError} if one could not be written.
   */
  async flush(): Promise<void> {
    await this.#writing;
    if (this.#fault !== undefined) throw this.#fault;
  }

  async remove(): Promise<void> {
    await this.flush();
    await rm(this.file, { force: true });
  }

  async #writeAll(): Promise<void> {
    try {
      for (let next = this.#waiting; next !== undefined; next = this.#waiting) {
        this.#waiting = undefined;
        await replaceFile(this.file, `${JSON.stringify({ version, identity: this.#identity, ...next })}\n`);
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.#fault = new CheckpointError(`the checkpoint could not be written: ${reason}`, { cause: error });
    }
    this.#writing = undefined;
  }
}

const version = 1;

async function replaceFile(file: string, text: string): Promise<void> {
  const temporary = `${file}.new`;
  const handle = await open(temporary, 'w');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
  await syncFolder(path.dirname(path.resolve(file)));
}

// --- reading ---

function parseContent(text: string): (Progress & { readonly identity: object }) | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // The caller says what that means.
  }
  if (!isRecord(value) || value['version'] !== version) return undefined;
  const { identity, selection, parts, totals } = value;
  if (!isRecord(identity) || !isSelection(selection) || !isTotals(totals)) return undefined;
  if (!Array.isArray(parts) || !parts.every(isPart)) return undefined;
  return { identity, selection, parts, totals };
}

function isPart(value: unknown): value is Part {
  if (!isRecord(value) || !isRecord(value['range'])) return false;
  const { range, last, passed, isDone } = value;
  const texts = [range['prefix'], range['after'], range['before'], last];
  return (
    texts.every((text) => text === undefined || typeof text === 'string') &&
    typeof passed === 'number' &&
    typeof isDone === 'boolean'
  );
}

function isSelection(value: unknown): value is Selection {
  return (
    isRecord(value) &&
    ['since', 'until', 'minSize', 'maxSize'].every((name) =>
      ['undefined', 'number'].includes(typeof value[name]),
    )
  );
}

function isTotals(value: unknown): value is Totals {
  return isRecord(value) && Object.keys(emptyTotals()).every((name) => typeof value[name] === 'number');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
