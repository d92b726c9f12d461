import type { Fate, Report, StorageRecord, Synchronization } from '@oms-sync/core';
import type { Pages, StoredObject } from '@oms-sync/listing';
import type { Checkpoint } from './checkpoint.ts';
import { selectObject, type Part, type Selection, type Totals } from './state.ts';

export interface BackfillOptions {
  /** The objects of a part that are not settled yet; it may give settled ones again. */
  readonly list: (part: Part) => Pages;
  readonly selection: Selection;
  /** Where the objects are, as records say it. */
  readonly origin: { readonly store: string; readonly bucket: string | undefined };
  /** Settles records, or counts them. */
  readonly synchronize: (
    records: readonly StorageRecord[],
  ) => Promise<Pick<Synchronization, 'report' | 'fates'>>;
  /** Left out for what is only counted. */
  readonly checkpoint: Pick<Checkpoint, 'save' | 'flush'> | undefined;
  /** Parts at a time. */
  readonly parallel: number;
  /** Objects that are settled together. */
  readonly chunkSize: number;
  /** Called when there is more in the totals. */
  readonly onProgress: (totals: Readonly<Totals>) => void;
  /** Stops the run after the chunks that are in hand. */
  readonly stop: AbortSignal;
}

/** Why a backfill did not go on, although its source could be listed. */
export type Halt =
  | { readonly kind: 'stopped' }
  /** Objects are neither requested nor on a list: the lists could not be written. */
  | { readonly kind: 'returned'; readonly message: string }
  /** OMS took nothing of a chunk: no other would fare better. Its objects are on the failed list. */
  | { readonly kind: 'refused'; readonly message: string };

/** Where listed objects are so few that it is worth a look at many pages at once. */
const pagesAChunk = 100;

/**
 * Lists parts side by side and requests what they hold, chunk by chunk. The totals and the parts are changed in place, a
 * chunk at a time, when all that the chunk had is settled, and then saved.
 *
 * @returns why it did not get to the end; undefined if it did.
 * @throws {SourceError} and what else the listing throws; everything that was settled until then is saved.
 */
export async function runBackfill(
  parts: readonly Part[],
  totals: Totals,
  options: BackfillOptions,
): Promise<Halt | undefined> {
  const run = new BackfillRun(parts, totals, options);
  const waiting = parts.filter(({ isDone }) => !isDone);
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) await run.workThrough(part);
  };
  const workers = await Promise.allSettled(Array.from({ length: options.parallel }, work));
  await options.checkpoint?.flush();
  for (const worker of workers) if (worker.status === 'rejected') throw worker.reason;
  return run.halt;
}

class BackfillRun {
  halt: Halt | undefined;
  #hasFailed = false;
  readonly #parts: readonly Part[];
  readonly #totals: Totals;
  readonly #options: BackfillOptions;

  constructor(parts: readonly Part[], totals: Totals, options: BackfillOptions) {
    this.#parts = parts;
    this.#totals = totals;
    this.#options = options;
  }

  async workThrough(part: Part): Promise<void> {
    if (this.#isOver()) return;
    const { list, selection, chunkSize } = this.#options;
    try {
      for await (const chunk of chunksOf(readAhead(list(part)), selection, chunkSize)) {
        if (this.#isOver() || !(await this.#settle(chunk))) return;
        part.last = chunk.last;
        part.passed += chunk.listed;
        this.#save();
      }
      part.isDone = true;
      this.#save();
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
  }

  #isOver(): boolean {
    if (this.#options.stop.aborted) this.halt ??= { kind: 'stopped' };
    return this.halt !== undefined || this.#hasFailed;
  }

  #save(): void {
    const { checkpoint, selection } = this.#options;
    checkpoint?.save({ selection, parts: this.#parts, totals: this.#totals });
    this.#options.onProgress(this.#totals);
  }

  /** Requests a chunk. Gives false if some of it is not settled. */
  async #settle({ listed, selected }: Chunk): Promise<boolean> {
    const { synchronize, origin } = this.#options;
    const totals = this.#totals;
    if (selected.length > 0) {
      const { report, fates } = await synchronize(selected.map((object) => toRecord(object, origin)));
      if (report.returned > 0) {
        this.halt ??= { kind: 'returned', message: describeReturned(report) };
        return false;
      }
      for (const name of reportNames) totals[name] += report[name];
      const message = findRefusal(report, fates);
      if (message !== undefined) this.halt ??= { kind: 'refused', message };
    }
    totals.listed += listed;
    totals.leftOut += listed - selected.length;
    totals.bytes += selected.reduce((sum, { size }) => sum + size, 0);
    return true;
  }
}

const reportNames = ['received', 'requested', 'unrequested', 'filtered', 'merged', 'returned'] as const;

/** An object as what an event would say of it. */
export function toRecord(
  { name }: StoredObject,
  { store, bucket }: { readonly store: string; readonly bucket: string | undefined },
): StorageRecord {
  return { kind: 'created', name, store, bucket };
}

function describeReturned({ returned, received }: Report): string {
  return `${returned} of ${received} objects could not be settled: neither requested nor written down. See log_bucket, and --verbose.`;
}

/** Why nothing of a chunk was requested, if that is not about its names. */
function findRefusal({ requested }: Report, fates: readonly Fate[]): string | undefined {
  if (requested > 0) return undefined;
  for (const fate of fates) {
    if (fate.kind !== 'unrequested') continue;
    const { class: faultClass, code, message } = fate.reason;
    if (faultClass !== 'refused' && faultClass !== 'invalid') return `${code}: ${message}`;
  }
  return undefined;
}

// --- chunks ---

/** Objects that are settled together. */
interface Chunk {
  readonly listed: number;
  /** The last name that was listed. */
  readonly last: string;
  readonly selected: readonly StoredObject[];
}

async function* chunksOf(pages: Pages, selection: Selection, size: number): AsyncGenerator<Chunk> {
  let listed = 0;
  let last: string | undefined;
  let selected: StoredObject[] = [];
  let pageCount = 0;
  for await (const page of pages) {
    pageCount++;
    for (const object of page) {
      listed++;
      last = object.name;
      if (selectObject(selection, object)) selected.push(object);
      if (selected.length < size) continue;
      yield { listed, last, selected };
      [listed, last, selected, pageCount] = [0, undefined, [], 0];
    }
    if (pageCount < pagesAChunk || last === undefined) continue;
    yield { listed, last, selected };
    [listed, last, selected, pageCount] = [0, undefined, [], 0];
  }
  if (last !== undefined) yield { listed, last, selected };
}

/** Asks for the next page while this one is worked through. */
async function* readAhead(pages: Pages): Pages {
  const iterator = pages[Symbol.asyncIterator]();
  let next = iterator.next();
  try {
    for (;;) {
      const result = await next;
      if (result.done === true) return;
      next = iterator.next();
      // Whoever takes the next page gets the fault.
      next.catch(() => undefined);
      yield result.value;
    }
  } finally {
    await iterator.return?.();
  }
}
