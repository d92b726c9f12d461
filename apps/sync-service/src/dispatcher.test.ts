import type { Fate, Invocation, StorageRecord } from '@oms-sync/core';
import { FakeClock } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import type { Delivery } from './delivery.ts';
import { Dispatcher } from './dispatcher.ts';

type Answer = (names: readonly string[], canRedeliver: (index: number) => boolean) => readonly Fate['kind'][];

/** A dispatcher before a sync run that does what a test says. */
function begin(
  answer: Answer,
  options: {
    retryMaxAgeMs?: number;
    recordsInARun?: number;
    sleepMs?: (names: readonly string[]) => number;
  } = {},
) {
  const clock = new FakeClock();
  const startedAt = clock.now();
  const runs: { readonly at: number; readonly names: readonly string[] }[] = [];
  const journal: string[] = [];
  const dispatcher = new Dispatcher({
    clock,
    random: () => 1,
    log: () => undefined,
    recordsInARun: options.recordsInARun ?? 100,
    retryMaxAgeMs: options.retryMaxAgeMs ?? 600_000,
    observer: {
      received: (source, count) => journal.push(`${source}: received ${count}`),
      settled: (source, report) => journal.push(`${source}: settled ${report.received}`),
      delayed: (source, count) => journal.push(`${source}: delayed ${count}`),
      handedBack: (source, count) => journal.push(`${source}: handed back ${count}`),
      unrequested: (source, name, { code }) => journal.push(`${source}: ${name} ${code}`),
    },
    instance: {
      async synchronize(records: readonly StorageRecord[], invocation: Invocation) {
        const names = records.map((record) => ('name' in record ? record.name : ''));
        runs.push({ at: clock.now() - startedAt, names });
        await clock.sleep(options.sleepMs?.(names) ?? 10);
        const kinds = answer(names, (index) => invocation.canRedeliver?.(index) === true);
        const fates = kinds.map((kind): Fate => {
          if (kind === 'merged') return { kind, into: 0 };
          if (kind === 'filtered') return { kind, reason: 'a test' };
          if (kind === 'unrequested') {
            return { kind, reason: { class: 'refused', code: 'OMS.0064', message: 'no' } };
          }
          return { kind };
        });
        const report = {
          received: fates.length,
          requested: 0,
          unrequested: 0,
          filtered: 0,
          merged: 0,
          returned: 0,
        };
        return { report, fates, problem: undefined };
      },
    },
  });
  const ended: string[] = [];
  const deliver = (...names: string[]): Delivery => ({
    source: 'test',
    records: names.map((name) => ({ kind: 'created', name, store: 's3', bucket: 'b' })),
    settle: () => ended.push(`settled ${names.join()}`),
    handBack: () => ended.push(`handed back ${names.join()}`),
  });
  return { clock, startedAt, dispatcher, runs, ended, deliver, journal };
}

const accept: Answer = (names) => names.map(() => 'requested');

describe('the dispatcher', () => {
  it('settles names of many deliveries together, after a short wait for others', async () => {
    const { clock, dispatcher, runs, ended, deliver } = begin(accept);
    await dispatcher.submit(deliver('a'));
    await clock.sleep(20);
    await dispatcher.submit(deliver('b', 'c'));
    await clock.sleep(1000);
    expect(runs).toEqual([{ at: 50, names: ['a', 'b', 'c'] }]);
    expect(ended).toEqual(['settled a', 'settled b,c']);
    expect(dispatcher.held).toBe(0);
  });

  it('waits for nobody when a run is full', async () => {
    const { clock, dispatcher, runs, deliver } = begin(accept, { recordsInARun: 2 });
    await dispatcher.submit(deliver('a'));
    await dispatcher.submit(deliver('b'));
    await clock.sleep(1000);
    expect(runs[0]).toEqual({ at: 0, names: ['a', 'b'] });
  });

  it('takes no more than it can hold until there is room', async () => {
    const { clock, dispatcher, deliver, ended } = begin(accept, { recordsInARun: 2 });
    let taken = 0;
    const source = (async () => {
      for (let index = 0; index < 50; index++) {
        await dispatcher.submit(deliver(`n${index}`));
        taken++;
      }
    })();
    await clock.sleep(0);
    expect(taken).toBeLessThan(10 * 2 + 2 * 2); // Ten runs of two, and what waits for the next ones.
    await source;
    await clock.sleep(1000);
    expect(ended).toHaveLength(50);
  });

  it('keeps a delivery until all of it is settled, and tries it again with growing waits', async () => {
    let times = 0;
    const { clock, dispatcher, runs, ended, deliver } = begin((names) =>
      names.map((name) => (name === 'b' && ++times <= 3 ? 'returned' : 'requested')),
    );
    await dispatcher.submit(deliver('a'));
    await dispatcher.submit(deliver('b', 'c'));
    await clock.sleep(60_000);
    expect(ended).toEqual(['settled a', 'settled b,c']);
    const waits = runs.map(({ at }, index) => at - (runs[index - 1]?.at ?? 0));
    expect(waits[2]).toBeGreaterThan(waits[1] ?? 0);
    expect(waits[3]).toBeGreaterThan(waits[2] ?? 0);
  });

  it('returns a record that shares the fate of a returned one', async () => {
    let times = 0;
    const { clock, startedAt, dispatcher, ended, deliver, journal } = begin((names) =>
      times++ === 0 ? ['returned', 'merged', 'requested'] : names.map(() => 'requested'),
    );
    await dispatcher.submit(deliver('a'));
    await dispatcher.submit(deliver('a'));
    await dispatcher.submit(deliver('b'));
    await clock.sleep(100);
    expect(ended).toEqual(['settled b']);
    expect(journal.slice(3)).toEqual(['test: delayed 1', 'test: delayed 1', 'test: settled 1']);
    expect(dispatcher.held).toBe(2);
    expect(dispatcher.oldestHeldSince).toBe(startedAt);
    expect(dispatcher.oldestWaitingSince).toBe(startedAt);
    await clock.sleep(10_000);
    expect(ended).toEqual(['settled b', 'settled a', 'settled a']);
    expect(dispatcher.oldestHeldSince).toBeUndefined();
  });

  it('lets nothing be returned for a passing fault that is older than the limit', async () => {
    const { clock, dispatcher, ended, runs, deliver } = begin(
      (names, canRedeliver) => names.map((_, index) => (canRedeliver(index) ? 'returned' : 'unrequested')),
      { retryMaxAgeMs: 30_000 },
    );
    await dispatcher.submit(deliver('a'));
    await clock.sleep(120_000);
    expect(ended).toEqual(['settled a']);
    expect(runs.at(-1)?.at).toBeGreaterThan(30_000);
  });

  it('probes with few names while OMS takes nothing', async () => {
    let isAway = true;
    const { clock, dispatcher, runs, ended, deliver } = begin((names) =>
      names.map(() => (isAway ? 'returned' : 'requested')),
    );
    const names = Array.from({ length: 100 }, (_, index) => `n${index}`);
    for (const name of names) await dispatcher.submit(deliver(name));
    await clock.sleep(20_000);
    expect(dispatcher.isResting).toBe(true);
    expect(runs.length).toBeLessThan(12);
    expect(runs.slice(1).every((run) => run.names.length <= 10)).toBe(true);
    isAway = false;
    await clock.sleep(120_000);
    expect(dispatcher.isResting).toBe(false);
    expect(ended).toHaveLength(100);
  });

  it('lets what fails again and again not keep what is new waiting', async () => {
    const { clock, dispatcher, ended, deliver } = begin((names) =>
      names.map((name) => (name === 'poison' ? 'returned' : 'requested')),
    );
    await dispatcher.submit(deliver('poison'));
    await clock.sleep(300_000);
    await dispatcher.submit(deliver('a'));
    await clock.sleep(6000);
    expect(ended).toEqual(['settled a']);
  });

  it('holds a bounded number of those that fail, and lets the others be listed', async () => {
    let listed = 0;
    const { clock, dispatcher, deliver } = begin(
      (names, canRedeliver) =>
        names.map((name, index) => {
          if (name === 'good') return 'requested';
          if (canRedeliver(index)) return 'returned';
          listed++;
          return 'unrequested';
        }),
      { recordsInARun: 10, retryMaxAgeMs: Infinity },
    );
    for (let index = 0; index < 2000; index++)
      await dispatcher.submit(deliver(index % 5 === 0 ? 'good' : 'bad'));
    await clock.sleep(1000);
    expect(dispatcher.held).toBeLessThan(400);
    expect(listed).toBeGreaterThan(1000);
  });

  it('goes on while the slowest requests of some runs keep their deliveries', async () => {
    const { clock, dispatcher, ended, deliver } = begin(accept, {
      recordsInARun: 10,
      sleepMs: (names) => (names.includes('slow') ? 60_000 : 10),
    });
    for (let index = 0; index < 500; index++) {
      await dispatcher.submit(deliver(index % 100 === 0 ? 'slow' : `n${index}`));
    }
    await clock.sleep(1000);
    expect(ended.length).toBeGreaterThanOrEqual(450);
  });

  it('begins nothing while it is paused', async () => {
    const { clock, dispatcher, runs, deliver } = begin(accept);
    dispatcher.pause();
    await dispatcher.submit(deliver('a'));
    await clock.sleep(10_000);
    expect(runs).toEqual([]);
    dispatcher.resume();
    await clock.sleep(1000);
    expect(runs).toHaveLength(1);
  });

  it('finishes what is under way when it stops, and hands back the rest', async () => {
    const { clock, dispatcher, ended, deliver } = begin((names) =>
      names.map((name) => (name === 'b' ? 'returned' : 'requested')),
    );
    await dispatcher.submit(deliver('a'));
    await dispatcher.submit(deliver('b'));
    await clock.sleep(55);
    await dispatcher.submit(deliver('c'));
    await dispatcher.stop();
    expect([...ended].sort()).toEqual(['handed back b', 'handed back c', 'settled a']);
    await dispatcher.submit(deliver('d'));
    expect(ended).toContain('handed back d');
    expect(dispatcher.held).toBe(0);
  });
});
