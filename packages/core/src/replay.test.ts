import { anyName, FakeClock, MemoryLogBucket, testKeys } from '@oms-sync/testing';
import fc from 'fast-check';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { LogBucketError } from './log-bucket.ts';
import { Logger } from './logger.ts';
import { percentEncode } from './object-name.ts';
import { OmsError } from './oms-error.ts';
import { replay } from './replay.ts';
import { readSettings, type SettingName } from './settings.ts';
import { synchronize } from './synchronization.ts';

const failed = 'oms_source_record/failed_object/';
const succeeded = 'oms_source_record/success_object/';
const parked = `${failed}.parked/`;

interface Options {
  readonly settings?: Partial<Record<SettingName, string>>;
  /** What OMS answers; `undefined` is a success. */
  readonly oms?: (names: readonly string[]) => OmsError | undefined;
  readonly omsMs?: number;
}

/** A log bucket, an OMS and a clock, and what works with them. */
class Scene {
  readonly clock = new FakeClock();
  readonly logBucket = new MemoryLogBucket(this.clock.now);
  readonly lines: Record<string, unknown>[] = [];
  /** What OMS has accepted, in that order. */
  readonly sent: string[] = [];
  requests = 0;
  options: Options;

  constructor(options: Options = {}) {
    this.options = options;
  }

  #environment() {
    const texts: Partial<Record<SettingName, string>> = {
      sync_url: 'https://oms.example.com/v2/p/sync-tasks/task-1/events',
      log_bucket: 'logs',
      obs_endpoint: 'obs.example.com',
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      ...this.options.settings,
    };
    const settings = readSettings((name) => texts[name], ['obs']);
    return {
      settings,
      clock: this.clock,
      logBucket: this.logBucket,
      inTurn: pLimit(settings.maxInFlight),
      random: () => 0.5,
      logger: new Logger(settings.logLevel, (_, line) =>
        this.lines.push(JSON.parse(line) as Record<string, unknown>),
      ),
      oms: {
        createSyncEvents: async (names: readonly string[], timeoutMs: number) => {
          this.requests++;
          const { omsMs = 20 } = this.options;
          await this.clock.sleep(Math.min(omsMs, timeoutMs));
          if (omsMs > timeoutMs) throw unavailable();
          const error = this.options.oms?.(names);
          if (error) throw error;
          this.sent.push(...names);
        },
      },
    };
  }

  /** What an invocation would do whose objects OMS does not take. */
  async fail(names: readonly string[], error = unavailable(), settings: Options['settings'] = {}) {
    const { options } = this;
    this.options = { ...options, settings: { ...options.settings, ...settings }, oms: () => error };
    await synchronize(
      names.map((name) => ({ kind: 'created', store: 'obs', bucket: 'source', name, eventId: `of ${name}` })),
      { ...this.#environment(), deadline: Infinity },
    );
    this.options = options;
    this.lines.length = 0;
    this.requests = 0;
  }

  async replay(limits: { readonly deadlineMs?: number; readonly maxObjects?: number } = {}) {
    const startedAt = this.clock.now();
    const result = await replay({
      ...this.#environment(),
      deadline: startedAt + (limits.deadlineMs ?? Infinity),
      ...(limits.maxObjects !== undefined && { maxObjects: limits.maxObjects }),
    });
    const { received, ...parts } = result.report;
    expect(Object.values(parts).reduce((sum, part) => sum + part)).toBe(received);
    return { ...result, tookMs: this.clock.now() - startedAt };
  }

  /** Every name on the failed list, wherever it stands, parked or not. */
  onFailedList(prefix = failed): string[] {
    const names = [...this.logBucket.objects].flatMap(([key, { body }]) => {
      if (!key.startsWith(prefix) || key.endsWith('.txt')) return [];
      return body
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { name: string }).name);
    });
    return [...new Set(names)].sort();
  }

  entry(key: string): unknown {
    return JSON.parse(this.logBucket.objects.get(key)?.body ?? 'null');
  }
}

const unavailable = () =>
  new OmsError({ faultClass: 'passing', status: 503, code: 'HTTP.503', message: 'busy' });
const refused = () =>
  new OmsError({ faultClass: 'refused', status: 400, code: 'OMS.0064', message: 'Invalid parameters.' });
const locked = () =>
  new OmsError({ faultClass: 'identity', status: 403, code: 'OMS.0202', message: 'Account frozen.' });

function numbered(count: number, what = 'photos'): string[] {
  return Array.from({ length: count }, (_, index) => `${what}/${String(index).padStart(5, '0')} ü+.jpg`);
}

const dayMs = 24 * 3_600_000;

describe.each(['object', 'list'] as const)('replay, layout %s', (layout) => {
  const settings = { log_layout: layout };

  it('requests what is on the failed list and takes it off', async () => {
    const scene = new Scene({ settings });
    const names = [...numbered(250), 'x'.repeat(1024), 'ends with /'];
    await scene.fail(names.slice(0, 100));
    await scene.fail(names.slice(100));
    const { report, parked: count, left, problem } = await scene.replay();
    expect([...scene.sent].sort()).toEqual([...names].sort());
    expect(report).toEqual({
      received: 252,
      requested: 252,
      unrequested: 0,
      filtered: 0,
      merged: 0,
      returned: 0,
    });
    expect([count, left, problem]).toEqual([0, 0, undefined]);
    expect(scene.logBucket.keys(failed)).toEqual([]);
    expect(scene.logBucket.keys(succeeded)).not.toEqual([]);
    expect(scene.lines).toMatchObject([{ event: 'sync', level: 'info', replay: true, requested: 252 }]);
  });

  it('gives back any name', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(anyName, { minLength: 1, maxLength: 30 }), async (names) => {
        const scene = new Scene({ settings });
        await scene.fail(names);
        await scene.replay();
        expect([...scene.sent].sort()).toEqual([...names].sort());
        expect(scene.logBucket.keys(failed)).toEqual([]);
      }),
      { numRuns: 100 },
    );
  });

  it('puts what fails again on the list again: with the new reason, and since when', async () => {
    const scene = new Scene({ settings: { ...settings, max_attempts: '2' } });
    await scene.fail(['a', 'b'], unavailable());
    const since = new Date(scene.clock.now() - 60_000).getTime();
    await scene.clock.sleep(3_600_000);
    scene.options = { ...scene.options, oms: (names) => (names.includes('b') ? refused() : undefined) };
    const { report } = await scene.replay();
    expect(report).toMatchObject({ received: 2, requested: 1, unrequested: 1 });
    expect(scene.onFailedList()).toEqual(['b']);
    const key = [...scene.logBucket.objects.keys()].find((each) => /failed_object.*(b|\.jsonl)$/.test(each));
    const entry = scene.entry(key ?? '') as Record<string, string>;
    expect(entry).toMatchObject({ error_code: 'OMS.0064', attempts: 4, event_id: 'of b' });
    expect(Date.parse(entry['first_recorded_at'] ?? '')).toBeGreaterThan(since);
    expect(Date.parse(entry['recorded_at'] ?? '')).toBeGreaterThan(since + 3_600_000);
    expect(scene.lines).toMatchObject([{ event: 'sync' }, { event: 'unrequested', level: 'warn' }]);
  });

  it('parks what OMS still refuses after a day, and never sends it again', async () => {
    const scene = new Scene({ settings, oms: (names) => (names.includes('bad') ? refused() : undefined) });
    await scene.fail(['bad', 'good'], refused());
    await scene.clock.sleep(dayMs - 60_000);
    expect(await scene.replay()).toMatchObject({ parked: 0, report: { requested: 1, unrequested: 1 } });
    await scene.clock.sleep(120_000);
    expect(await scene.replay()).toMatchObject({ parked: 1, report: { received: 1, unrequested: 1 } });
    expect(scene.onFailedList(parked)).toEqual(['bad']);
    expect(scene.onFailedList()).toEqual(['bad']);
    const { requests } = scene;
    expect(await scene.replay()).toMatchObject({ left: 0, report: { received: 0 } });
    expect(scene.requests).toBe(requests);
  });

  it('parks what is older than replay_max_age, after a last try', async () => {
    const scene = new Scene({ settings: { ...settings, replay_max_age: '12h' } });
    await scene.fail(['a', 'b']);
    await scene.clock.sleep(dayMs / 2);
    scene.options = {
      ...scene.options,
      oms: (names) => (names.includes('a') ? unavailable() : undefined),
    };
    const first = await scene.replay();
    // `b` got through alone, or with it, if it was in its batch to the end.
    expect(first.report.requested + first.parked).toBe(2);
    expect(scene.onFailedList(parked)).toContain('a');
    expect([...scene.onFailedList(parked), ...scene.sent].sort()).toEqual(['a', 'b']);
  });

  it('does not let names that always fail keep the others waiting', async () => {
    const scene = new Scene({
      settings: { ...settings, max_attempts: '1' },
      oms: (names) => (names.some((name) => name.startsWith('bad')) ? refused() : undefined),
    });
    for (const name of numbered(40, 'bad')) await scene.fail([name], refused());
    for (const name of numbered(40)) await scene.fail([name]);
    await scene.fail(numbered(400, 'bad too'), refused());
    await scene.fail(numbered(100, 'last'));
    const { report } = await scene.replay();
    expect(report).toMatchObject({ requested: 140, unrequested: 440, returned: 0 });
    expect(scene.onFailedList()).toEqual([...numbered(40, 'bad'), ...numbered(400, 'bad too')].sort());
  });

  it.each([
    ['is away', unavailable, 40],
    ['accepts nobody', locked, 10],
  ])('stops early when OMS %s, and leaves the rest as it is', async (_, error, requestsAtMost) => {
    const scene = new Scene({ settings: { ...settings, max_attempts: '2' } });
    for (let file = 0; file < 10; file++) await scene.fail(numbered(100, String(file)));
    scene.options = { ...scene.options, oms: error };
    const { report, left } = await scene.replay();
    expect(report.requested).toBe(0);
    expect(report.received).toBe(100);
    expect(left).toBe(layout === 'object' ? 900 : 9);
    expect(scene.requests).toBeLessThanOrEqual(requestsAtMost);
    expect(scene.onFailedList()).toHaveLength(1000);
  });

  it('takes the oldest first, and no more than it may', async () => {
    const scene = new Scene({ settings });
    for (let hour = 0; hour < 6; hour++) {
      // Not in the order of their names.
      await scene.fail(numbered(100, `hour ${(hour * 5 + 3) % 6}`));
      await scene.clock.sleep(3_600_000);
    }
    const { left } = await scene.replay({ maxObjects: 200 });
    expect([...scene.sent].sort()).toEqual([...numbered(100, 'hour 2'), ...numbered(100, 'hour 3')].sort());
    expect(left).toBe(layout === 'object' ? 400 : 4);
    await scene.replay({ maxObjects: 1000 });
    expect(scene.sent).toHaveLength(600);
    expect(scene.logBucket.keys(failed)).toEqual([]);
  });

  it.each([3000, 60_000])('ends in time when OMS is silent: %d ms', async (deadlineMs) => {
    const scene = new Scene({ settings: { ...settings, request_timeout_ms: '60000' } });
    await scene.fail(numbered(500));
    scene.options = { ...scene.options, omsMs: 10 * dayMs };
    const { report, tookMs } = await scene.replay({ deadlineMs });
    expect(tookMs).toBeLessThan(deadlineMs);
    expect(report).toMatchObject({ received: layout === 'object' ? 100 : 500, requested: 0 });
    expect(scene.onFailedList()).toHaveLength(500);
  });

  it('ends in time when OMS is slow, with progress from run to run', async () => {
    const scene = new Scene({ settings: { ...settings, max_in_flight: '1' }, omsMs: 250 });
    await scene.fail(numbered(200));
    for (let run = 0, before = 0; scene.onFailedList().length > 0; run++, before = scene.sent.length) {
      const { tookMs } = await scene.replay({ deadlineMs: 3000 });
      expect(tookMs).toBeLessThan(3000);
      expect(scene.sent.length).toBeGreaterThan(before);
      expect(run).toBeLessThan(100);
    }
    expect(new Set(scene.sent)).toEqual(new Set(numbered(200)));
  });

  it('ends in time when the log bucket is silent', async () => {
    for (const operation of ['list', 'get', 'put', 'delete']) {
      const scene = new Scene({ settings });
      await scene.fail(numbered(200));
      scene.logBucket.fail = async (what) => {
        if (what === operation) await scene.clock.sleep(10 * dayMs);
      };
      const { tookMs } = await scene.replay({ deadlineMs: 3000 });
      expect(tookMs, operation).toBeLessThan(3000);
      expect(scene.onFailedList(), operation).toHaveLength(200);
    }
  });

  it('two runs at once do no harm', async () => {
    const scene = new Scene({ settings, oms: (names) => (names.includes('bad') ? refused() : undefined) });
    await scene.fail([...numbered(300), 'bad']);
    scene.logBucket.fail = async () => scene.clock.sleep(3);
    await Promise.all([scene.replay(), scene.replay()]);
    expect(new Set(scene.sent)).toEqual(new Set(numbered(300)));
    expect(scene.onFailedList()).toEqual(['bad']);
  });

  it('leaves alone what is not its own: other tasks, what is no name', async () => {
    const scene = new Scene({ settings });
    const other = { sync_url: 'https://oms.example.com/v2/p/sync-tasks/task-2/events' };
    await scene.fail(['theirs'], unavailable(), other);
    await scene.logBucket.put(`${failed}.invalid/0`, '{"invalid_name":"%"}\n', 'application/json');
    const before = scene.logBucket.keys(failed);
    await scene.logBucket.put(`${failed}folder/`, '', '');
    await scene.replay();
    expect(scene.sent).toEqual(['folder/']);
    expect(scene.logBucket.keys(failed)).toEqual(before);
    expect(scene.lines[0]).toMatchObject({ of_other_tasks: 1 });
  });

  it('does not wait for a key that cannot be read or removed, and says so', async () => {
    const scene = new Scene({ settings });
    await scene.fail(numbered(10));
    await scene.fail(['odd'], unavailable(), { log_layout: 'object' });
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'get' && key.endsWith('/odd')) throw storeFault(operation, key);
    };
    const { report, problem } = await scene.replay();
    expect(report).toMatchObject({ received: 10, requested: 10 });
    expect(problem?.message).toContain('odd');
    expect(scene.lines[0]).toMatchObject({ level: 'error' });
    expect(scene.onFailedList()).toEqual(['odd']);
  });

  it.each(['list', 'put'])(
    'says so when the log bucket refuses to %s, and sends nothing twice',
    async (what) => {
      const scene = new Scene({ settings });
      await scene.fail(numbered(10));
      scene.logBucket.fail = (operation, key) => {
        if (operation === what) throw storeFault(operation, key);
      };
      const { problem } = await scene.replay();
      expect(problem).toBeInstanceOf(LogBucketError);
      expect(scene.onFailedList()).toEqual(numbered(10));
    },
  );
});

function storeFault(operation: string, key: string): LogBucketError {
  if (operation !== 'get' && operation !== 'put' && operation !== 'list') throw new TypeError(operation);
  return new LogBucketError({
    operation,
    key,
    status: 403,
    code: 'AccessDenied',
    passing: false,
    message: 'no',
  });
}

describe('replay of lists that others have written', () => {
  it('takes the key for the name where the body has none, as in the lists of the template', async () => {
    const scene = new Scene();
    await scene.logBucket.put(`${failed}a b`, '', '');
    await scene.logBucket.put(`${failed}c`, 'not JSON', '');
    await scene.logBucket.put(`${failed}d`, '"JSON"', '');
    await scene.logBucket.put(`${failed}.long/unknown`, 'no name anywhere', '');
    await scene.replay();
    expect([...scene.sent].sort()).toEqual(['a b', 'c', 'd']);
    expect(scene.logBucket.keys(failed)).toEqual(['.long/unknown']);
  });

  const file = '2026/01/01/20260101T000000.000Z-01234567-89ab-4def-8123-456789abcdef';

  it('takes a text file without its reasons', async () => {
    const scene = new Scene();
    const names = ['a b', 'ü/+%', '2026'];
    await scene.logBucket.put(
      `${failed}${file}.txt`,
      names.map((name) => `${percentEncode(name)}\n`).join(''),
      '',
    );
    await scene.replay();
    expect(scene.sent).toEqual(names);
    expect(scene.logBucket.keys(failed)).toEqual([]);
  });

  it('parks the lines that are no names, as they are', async () => {
    const scene = new Scene();
    const lines = [
      '{"name":"a"}',
      '{"invalid_name":"%zz"}',
      'half a li',
      '{"name":"\\ud800"}',
      '{"name":"b"}',
    ];
    await scene.logBucket.put(`${failed}${file}.jsonl`, `${lines.join('\n')}\n`, '');
    const { report, parked: count } = await scene.replay();
    expect([report.received, report.requested, report.unrequested, count]).toEqual([5, 2, 3, 3]);
    const [key = '', ...others] = scene.logBucket.keys(failed);
    expect(others).toEqual([]);
    expect(key).toMatch(/^\.parked\/\d{4}\/\d\d\/\d\d\/.*\.jsonl$/);
    expect(scene.logBucket.objects.get(`${failed}${key}`)?.body).toBe(
      `${[lines[1], lines[2], lines[3]].join('\n')}\n`,
    );
    expect((await scene.replay()).report.received).toBe(0);
  });

  it('knows an object that is called like a file of ours', async () => {
    const scene = new Scene();
    const names = [`${file}.txt`, `${file}.jsonl`];
    await scene.fail(names);
    await scene.replay();
    // Beside its reasons, names are not looked at: the second is for the next run.
    await scene.replay();
    expect([...scene.sent].sort()).toEqual(names.sort());
    expect(scene.logBucket.keys(failed)).toEqual([]);
  });
});

describe('replay beside failures that are written meanwhile', () => {
  /**
   * Objects change while replays run, overlap, and are killed; each change fails and goes on the failed list. Whenever
   * it ends, each object was accepted by OMS after its last change, or is on the list.
   */
  it('loses no change, whatever the order', async () => {
    const changes = fc.array(
      fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), atMs: fc.integer({ min: 0, max: 400 }) }),
      { minLength: 1, maxLength: 12 },
    );
    const runs = fc.array(
      fc.record({
        atMs: fc.integer({ min: 0, max: 400 }),
        callsUntilKilled: fc.integer({ min: 1, max: 60 }),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const pace = fc.infiniteStream<number>(fc.integer({ min: 0, max: 40 }));
    await fc.assert(
      fc.asyncProperty(
        changes,
        runs,
        pace,
        fc.constantFrom('object', 'list'),
        async (changed, replays, paces, layout) => {
          const scene = new Scene({ settings: { log_layout: layout } });
          const lastChange = new Map<string, number>();
          const lastSent = new Map<string, number>();
          const wait = () => scene.clock.sleep(Number(paces.next().value));
          const line = (name: string) => JSON.stringify({ name, sync_task_id: 'task-1' });
          const write = async (name: string) => {
            lastChange.set(name, scene.clock.now());
            await wait();
            scene.logBucket.objects.set(`${failed}${name}`, {
              body: line(name),
              contentType: 'application/json',
              lastModified: new Date(scene.clock.now()),
            });
          };
          const store = scene.logBucket;
          const runOnce = async ({ callsUntilKilled }: { callsUntilKilled: number }) => {
            let calls = 0;
            // A killed run neither calls nor hears anything any more.
            const call = async <Result>(act: () => Promise<Result>): Promise<Result> => {
              await wait();
              if (++calls > callsUntilKilled) return new Promise(() => undefined);
              const result = await act();
              await wait();
              return result;
            };
            const killed = new Promise<void>((resolve) => {
              void scene.clock.sleep(5000).then(resolve);
            });
            const settings = readSettings(
              (name) =>
                ({
                  sync_url: 'https://oms.example.com/v2/p/sync-tasks/task-1/events',
                  log_bucket: 'logs',
                  obs_endpoint: 'obs.example.com',
                  hw_ak: testKeys.accessKey,
                  hw_sk: testKeys.secretKey,
                  log_layout: layout,
                })[name as string],
              ['obs'],
            );
            const running = replay({
              settings,
              clock: scene.clock,
              random: () => 0.5,
              inTurn: pLimit(10),
              deadline: Infinity,
              logger: new Logger('error', () => undefined),
              logBucket: {
                prepare: () => Promise.resolve(),
                put: (key, body, type) => call(() => store.put(key, body, type)),
                get: (key) => call(() => store.get(key)),
                delete: (key) => call(() => store.delete(key)),
                async *list(prefix) {
                  const found = [];
                  for await (const object of store.list(prefix)) found.push(object);
                  await call(() => Promise.resolve());
                  yield* found;
                },
              },
              oms: {
                createSyncEvents: (names) =>
                  call(() => {
                    for (const name of names) lastSent.set(name, scene.clock.now());
                    return Promise.resolve();
                  }),
              },
            });
            await Promise.race([running, killed]);
          };
          await Promise.all([
            ...changed.map(async ({ name, atMs }) => {
              await scene.clock.sleep(atMs);
              await write(name);
            }),
            ...replays.map(async (run) => {
              await scene.clock.sleep(run.atMs);
              await runOnce(run);
            }),
          ]);
          const listed = scene.onFailedList();
          for (const [name, changedAt] of lastChange) {
            if (!listed.includes(name)) expect(lastSent.get(name)).toBeGreaterThanOrEqual(changedAt);
          }
          // And the next run heals everything.
          await runOnce({ callsUntilKilled: Infinity });
          expect(scene.onFailedList()).toEqual([]);
          for (const [name, changedAt] of lastChange) {
            expect(lastSent.get(name)).toBeGreaterThanOrEqual(changedAt);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
