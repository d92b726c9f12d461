import type { Report, StorageRecord, Synchronization } from '@oms-sync/core';
import type { Pages, StoredObject } from '@oms-sync/listing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Progress } from './checkpoint.ts';
import { runBackfill, type BackfillOptions } from './run.ts';
import { emptyTotals, type Part } from './state.ts';

const objectsOf = (count: number, part = 'p'): StoredObject[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `${part}${String(index).padStart(5, '0')}`,
    size: index,
    modified: index,
  }));

/** A source of parts, in pages of seven. */
function listParts(parts: ReadonlyMap<string, readonly StoredObject[]>, failAt = Infinity) {
  return async function* ({ range, last }: Part): Pages {
    const objects = (parts.get(range.prefix ?? '') ?? []).filter(
      ({ name }) => last === undefined || name > last,
    );
    for (let start = 0; start < objects.length; start += 7) {
      if (start >= failAt) throw new Error('the store is away');
      yield await Promise.resolve(objects.slice(start, start + 7));
    }
  };
}

/** An OMS that takes everything, but for what `outcome` says of a call. */
class Sink {
  readonly names: string[] = [];
  calls = 0;
  outcome: (call: number) => 'requested' | 'returned' | 'identity' | 'refused' | 'crash' = () => 'requested';

  readonly synchronize = async (
    records: readonly StorageRecord[],
  ): Promise<Pick<Synchronization, 'report' | 'fates'>> => {
    const outcome = this.outcome(this.calls++);
    await Promise.resolve();
    if (outcome === 'crash') throw new TypeError('a defect');
    const report: Report = {
      received: records.length,
      requested: outcome === 'requested' ? records.length : 0,
      unrequested: outcome === 'identity' || outcome === 'refused' ? records.length : 0,
      returned: outcome === 'returned' ? records.length : 0,
      filtered: 0,
      merged: 0,
    };
    if (outcome !== 'returned') {
      for (const record of records) if (record.kind === 'created') this.names.push(record.name);
    }
    const fates = records.map((): Synchronization['fates'][number] =>
      outcome === 'identity' || outcome === 'refused'
        ? { kind: 'unrequested', reason: { class: outcome, code: 'OMS.0001', message: 'No.' } }
        : { kind: outcome === 'returned' ? 'returned' : 'requested' },
    );
    return { report, fates };
  };
}

/** Keeps what was saved last. */
class SavedProgress {
  last: Progress | undefined;
  saves = 0;

  save(progress: Progress): void {
    this.saves++;
    this.last = structuredClone(progress);
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }
}

const partOf = (prefix: string): Part => ({ range: { prefix }, passed: 0, isDone: false });

function optionsFor(sink: Sink, options: Partial<BackfillOptions> = {}): BackfillOptions {
  return {
    list: listParts(new Map([['p', objectsOf(25)]])),
    selection: {},
    origin: { store: 'obs', bucket: 'source' },
    synchronize: sink.synchronize,
    checkpoint: new SavedProgress(),
    parallel: 2,
    chunkSize: 10,
    onProgress: () => undefined,
    stop: new AbortController().signal,
    ...options,
  };
}

describe('a backfill', () => {
  it('requests everything once, in chunks, and adds up what became of it', async () => {
    const sink = new Sink();
    const totals = emptyTotals();
    expect(await runBackfill([partOf('p')], totals, optionsFor(sink))).toBeUndefined();
    expect(sink.names).toEqual(objectsOf(25).map(({ name }) => name));
    expect(sink.calls).toBe(3);
    expect(totals).toMatchObject({ listed: 25, leftOut: 0, received: 25, requested: 25, bytes: 300 });
  });

  it('leaves out what is too old or new, small or large', async () => {
    const sink = new Sink();
    const totals = emptyTotals();
    const selection = { since: 5, until: 20, minSize: 7, maxSize: 15 };
    await runBackfill([partOf('p')], totals, optionsFor(sink, { selection }));
    expect(sink.names).toEqual(
      objectsOf(16)
        .slice(7)
        .map(({ name }) => name),
    );
    expect(totals).toMatchObject({ listed: 25, leftOut: 16, received: 9 });
  });

  it('saves how far it is although nothing is selected', async () => {
    const checkpoint = new SavedProgress();
    const list = listParts(new Map([['p', objectsOf(2000)]]));
    const options = optionsFor(new Sink(), { selection: { since: 1e9 }, checkpoint, list });
    await runBackfill([partOf('p')], emptyTotals(), options);
    expect(checkpoint.saves).toBeGreaterThan(2);
    expect(checkpoint.last?.parts[0]).toMatchObject({ passed: 2000, last: 'p01999', isDone: true });
  });

  it.each([
    ['is not settled', 'returned', { kind: 'returned' }],
    ['nothing of is taken', 'identity', { kind: 'refused', message: 'OMS.0001: No.' }],
  ] as const)('stops at a chunk that %s', async (_what, outcome, halt) => {
    const sink = new Sink();
    sink.outcome = (call) => (call === 1 ? outcome : 'requested');
    const checkpoint = new SavedProgress();
    const totals = emptyTotals();
    expect(await runBackfill([partOf('p')], totals, optionsFor(sink, { checkpoint }))).toMatchObject(halt);
    expect(sink.calls).toBe(2);
    // What is on the failed list is settled.
    expect(checkpoint.last?.parts[0]?.passed).toBe(outcome === 'returned' ? 10 : 20);
    expect(totals.returned).toBe(0);
  });

  it('goes on where it is only about the names', async () => {
    const sink = new Sink();
    sink.outcome = () => 'refused';
    expect(await runBackfill([partOf('p')], emptyTotals(), optionsFor(sink))).toBeUndefined();
    expect(sink.names).toHaveLength(25);
  });

  it('stops after the chunks in hand', async () => {
    const sink = new Sink();
    const stop = new AbortController();
    sink.outcome = () => (stop.abort(), 'requested');
    const checkpoint = new SavedProgress();
    const options = optionsFor(sink, { stop: stop.signal, checkpoint });
    expect(await runBackfill([partOf('p')], emptyTotals(), options)).toEqual({ kind: 'stopped' });
    expect(checkpoint.last?.parts[0]).toMatchObject({ passed: 10, isDone: false });
  });

  it('keeps what was settled when the listing fails', async () => {
    const sink = new Sink();
    const checkpoint = new SavedProgress();
    const list = listParts(new Map([['p', objectsOf(25)]]), 14);
    const run = runBackfill([partOf('p')], emptyTotals(), optionsFor(sink, { list, checkpoint }));
    await expect(run).rejects.toThrow('the store is away');
    expect(checkpoint.last?.parts[0]).toMatchObject({ passed: 10, last: 'p00009', isDone: false });
  });

  it('skips nothing, wherever it ends and begins again', async () => {
    const sizes = fc.array(fc.nat(40), { minLength: 1, maxLength: 5 });
    const ends = fc.array(
      fc.record({ call: fc.nat(6), how: fc.constantFrom('crash', 'returned', 'identity') }),
      {
        maxLength: 4,
      },
    );
    await fc.assert(
      fc.asyncProperty(sizes, ends, fc.integer({ min: 1, max: 4 }), async (counts, endings, parallel) => {
        const all = new Map(counts.map((count, index) => [`${index}/`, objectsOf(count, `${index}/`)]));
        const names = [...all.values()].flat().map(({ name }) => name);
        const sink = new Sink();
        let saved: Progress = { selection: {}, parts: [...all.keys()].map(partOf), totals: emptyTotals() };
        for (const ending of [...endings, undefined]) {
          const first = sink.calls;
          sink.outcome = (call) => (ending?.call === call - first ? ending.how : 'requested');
          const checkpoint = new SavedProgress();
          const { parts, totals } = structuredClone(saved);
          const options = optionsFor(sink, { list: listParts(all), checkpoint, parallel });
          await runBackfill(parts, totals, options).catch(() => undefined);
          saved = checkpoint.last ?? saved;
        }
        expect([...new Set(sink.names)].sort()).toEqual(names);
        expect(saved.totals.listed).toBe(names.length);
        expect(saved.totals.requested + saved.totals.unrequested).toBe(names.length);
      }),
      { numRuns: 200 },
    );
  });
});
