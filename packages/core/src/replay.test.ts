import { anyName, FakeClock, MemoryLogBucket, testKeys } from '@oms-sync/testing';
import fc from 'fast-check';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { LogBucketError } from './log-bucket.ts';
import { Logger } from './logger.ts';
import { percentEncode } from './object-name.ts';
import { OmsError } from './oms-error.ts';
import { replay, type ReplayOptions } from './replay.ts';
import { readSettings, type SettingName } from './settings.ts';
import { synchronize } from './synchronization.ts';

const failed = 'oms_source_record/failed_object/';
const succeeded = 'oms_source_record/success_object/';
const parked = 'oms_source_record/parked_object/';

interface Options {
  readonly settings?: Partial<Record<SettingName, string>>;
  /** What OMS answers; `undefined` is a success. */
  readonly oms?: (names: readonly string[]) => OmsError | undefined;
  readonly omsMs?: number;
  readonly onRequest?: () => void;
}

interface Limits extends Partial<Pick<ReplayOptions, 'maxObjects' | 'logBucket' | 'oms' | 'requestId'>> {
  readonly deadlineMs?: number;
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
          this.options.onRequest?.();
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

  async replay({ deadlineMs = Infinity, ...others }: Limits = {}) {
    const startedAt = this.clock.now();
    const result = await replay({
      ...this.#environment(),
      ...others,
      deadline: startedAt + deadlineMs,
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

/** Makes the log object of a name, or its file, that old. */
function touch(scene: Scene, name: string, time: number): void {
  for (const [key, object] of scene.logBucket.objects) {
    const isIt = key.startsWith(failed) && (key.endsWith(`/${name}`) || object.body.includes(`"${name}"`));
    if (isIt) scene.logBucket.objects.set(key, { ...object, lastModified: new Date(time) });
  }
}

describe.each(['object', 'list'] as const)('replay, layout %s', (layout) => {
  const settings = { log_layout: layout };

  it('requests what is on the failed list and takes it off', async () => {
    const scene = new Scene({ settings });
    const names = [...numbered(250), 'x'.repeat(1024), 'ends with /'];
    await scene.fail(names.slice(0, 100));
    await scene.fail(names.slice(100));
    const { report, parked: count, leftKeys, problem } = await scene.replay();
    expect([...scene.sent].sort()).toEqual([...names].sort());
    expect(report).toEqual({
      received: 252,
      requested: 252,
      unrequested: 0,
      filtered: 0,
      merged: 0,
      returned: 0,
    });
    expect([count, leftKeys, problem]).toEqual([0, 0, undefined]);
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

  it('parks what OMS refuses again after a day, when it accepts others', async () => {
    const scene = new Scene({ settings, oms: (names) => (names.includes('bad') ? refused() : undefined) });
    await scene.fail(['bad', 'good'], refused());
    await scene.clock.sleep(dayMs - 60_000);
    expect(await scene.replay()).toMatchObject({ parked: 0, report: { requested: 1, unrequested: 1 } });
    await scene.clock.sleep(120_000);
    expect(await scene.replay()).toMatchObject({ parked: 0, report: { requested: 0, unrequested: 1 } });
    // In a lot of its own, before.
    await scene.fail(numbered(100));
    for (const name of numbered(100)) touch(scene, name, scene.clock.now() - 2 * dayMs);
    expect(await scene.replay()).toMatchObject({ parked: 1, report: { requested: 100, unrequested: 1 } });
    expect(scene.onFailedList(parked)).toEqual(['bad']);
    expect(scene.onFailedList()).toEqual([]);
    const { requests } = scene;
    expect(await scene.replay()).toMatchObject({ leftKeys: 0, report: { received: 0 } });
    expect(scene.requests).toBe(requests);
  });

  it('parks what OMS refuses again after a week, also when it accepts nothing', async () => {
    const scene = new Scene({ settings, oms: refused });
    await scene.fail(['bad'], refused());
    await scene.clock.sleep(7 * dayMs);
    expect(await scene.replay()).toMatchObject({ parked: 1 });
  });

  it('parks nothing at its first refusal, however old it is', async () => {
    const scene = new Scene({ settings, oms: refused });
    await scene.fail(['a'], locked());
    await scene.clock.sleep(30 * dayMs);
    expect(await scene.replay()).toMatchObject({ parked: 0, report: { unrequested: 1 } });
    expect(await scene.replay()).toMatchObject({ parked: 1 });
  });

  it('parks nothing because of the task, and asks little while there is none', async () => {
    const noTask = () =>
      new OmsError({ faultClass: 'refused', status: 400, code: 'OMS.0054', message: 'Invalid task ID.' });
    const scene = new Scene({ settings, oms: noTask });
    for (let file = 0; file < 5; file++) await scene.fail(numbered(100, String(file)), noTask());
    await scene.clock.sleep(30 * dayMs);
    for (let run = 0; run < 3; run++) {
      expect(await scene.replay()).toMatchObject({ parked: 0, report: { received: 100 } });
    }
    scene.options = { settings };
    await scene.replay();
    expect(scene.sent).toHaveLength(500);
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
    for (let file = 0; file < 4; file++) await scene.fail(numbered(100, `bad ${file}`), refused());
    await scene.fail(numbered(100, 'last'));
    // A run in which nothing is accepted ends; the next one goes on behind it.
    const { report } = await scene.replay();
    expect(report).toMatchObject({ requested: 40, returned: 0 });
    await scene.replay();
    expect(scene.sent).toHaveLength(140);
    expect(scene.onFailedList()).toHaveLength(440);
  });

  it.each([
    ['is away', unavailable, 40],
    ['accepts nobody', locked, 10],
  ])('stops early when OMS %s, and leaves the rest as it is', async (_, error, requestsAtMost) => {
    const scene = new Scene({ settings: { ...settings, max_attempts: '2' } });
    for (let file = 0; file < 10; file++) await scene.fail(numbered(100, String(file)));
    scene.options = { ...scene.options, oms: error };
    const { report, leftKeys } = await scene.replay();
    expect(report.requested).toBe(0);
    expect(report.received).toBe(100);
    expect(leftKeys).toBe(layout === 'object' ? 900 : 9);
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
    const { leftKeys } = await scene.replay({ maxObjects: 200 });
    expect([...scene.sent].sort()).toEqual([...numbered(100, 'hour 2'), ...numbered(100, 'hour 3')].sort());
    expect(leftKeys).toBe(layout === 'object' ? 400 : 4);
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
      const { tookMs, problem } = await scene.replay({ deadlineMs: 3000 });
      expect(tookMs, operation).toBeLessThan(3000);
      expect(scene.onFailedList(), operation).toHaveLength(200);
      // Silence must not look like an empty list.
      expect(problem?.code, operation).toBe('ETIMEDOUT');
      expect(scene.lines[0], operation).toMatchObject({
        level: 'error',
        left_is_exact: operation !== 'list',
      });
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
    await scene.logBucket.put(`${failed}folder/`, '', '');
    const before = scene.logBucket.keys(failed);
    await scene.replay();
    expect(scene.sent).toEqual([]);
    expect(scene.logBucket.keys(failed)).toEqual(before);
    expect(scene.lines).toMatchObject([
      { event: 'sync' },
      { event: 'not replayed', level: 'warn', of_other_tasks: 1 },
    ]);
  });

  it('tries again what fails in passing, and goes on with what was listed', async () => {
    const scene = new Scene({ settings });
    await scene.fail(numbered(150));
    const failures = new Map<string, number>();
    scene.logBucket.fail = (operation, key) => {
      const count = (failures.get(`${operation} ${key}`) ?? 0) + 1;
      failures.set(`${operation} ${key}`, count);
      if (operation !== 'list' && count % 2 === 1) throw storeFault(operation, key, true);
    };
    expect(await scene.replay()).toMatchObject({ report: { requested: 150 }, problem: undefined });
    expect(scene.logBucket.keys(failed)).toEqual([]);

    await scene.fail(numbered(30, 'more'), unavailable(), { log_layout: 'object' });
    const list = scene.logBucket.list.bind(scene.logBucket);
    scene.logBucket.list = async function* (prefix) {
      let count = 0;
      for await (const object of list(prefix)) {
        if (++count > 10) throw storeFault('list', prefix, true);
        yield object;
      }
    };
    const { report, problem } = await scene.replay();
    expect(report).toMatchObject({ received: 10, requested: 10 });
    expect(problem?.operation).toBe('list');
  });

  it('leaves half of the requests in flight to live events', async () => {
    const scene = new Scene({ settings: { ...settings, max_in_flight: '4' } });
    await scene.fail(numbered(500));
    let inFlight = 0;
    let most = 0;
    scene.options = {
      ...scene.options,
      oms: () => {
        inFlight--;
        return undefined;
      },
      onRequest: () => {
        most = Math.max(most, ++inFlight);
      },
    };
    await scene.replay();
    expect(most).toBe(2);
  });

  it('says how long the oldest entry has been on the list, however often it was tried', async () => {
    const scene = new Scene({ settings, oms: refused });
    await scene.fail(['a'], refused());
    for (let day = 0; day < 3; day++) {
      await scene.clock.sleep(dayMs);
      await scene.replay();
    }
    const { oldest_record_age_ms: ageMs } = scene.lines.at(-2) ?? {};
    expect(ageMs).toBeGreaterThanOrEqual(3 * dayMs);
  });

  it('is not held up by what is of another task', async () => {
    const scene = new Scene({ settings });
    const other = { sync_url: 'https://oms.example.com/v2/p/sync-tasks/task-2/events' };
    await scene.fail(numbered(300, 'theirs'), unavailable(), { ...other, log_layout: 'object' });
    await scene.clock.sleep(1000);
    await scene.fail(numbered(20));
    await scene.replay({ maxObjects: 20 });
    expect(scene.sent).toHaveLength(20);
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

  it.each(['list', 'put', 'delete'])(
    'says so when the log bucket refuses to %s, and sends nothing',
    async (what) => {
      const scene = new Scene({ settings });
      await scene.fail(numbered(10));
      scene.logBucket.fail = (operation, key) => {
        if (operation === what) throw storeFault(operation, key);
      };
      const { problem } = await scene.replay();
      expect(problem).toBeInstanceOf(LogBucketError);
      expect(scene.onFailedList()).toEqual(numbered(10));
      // What a file holds nobody else can change: it needs no writing before.
      expect(scene.sent).toEqual(what === 'put' && layout === 'list' ? numbered(10) : []);
    },
  );
});

function storeFault(operation: string, key: string, passing = false): LogBucketError {
  if (operation !== 'get' && operation !== 'put' && operation !== 'list' && operation !== 'delete') {
    throw new TypeError(operation);
  }
  return new LogBucketError({
    operation,
    key,
    status: passing ? 503 : 403,
    code: passing ? 'SlowDown' : 'AccessDenied',
    passing,
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

  it('takes the names where the file of the reasons is empty', async () => {
    const scene = new Scene();
    await scene.logBucket.put(`${failed}${file}.jsonl`, '', '');
    await scene.logBucket.put(`${failed}${file}.txt`, 'a\nb\n', '');
    await scene.replay();
    await scene.replay();
    expect(scene.sent).toEqual(['a', 'b']);
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
    expect(scene.logBucket.keys(failed)).toEqual([]);
    const [key = '', ...others] = scene.logBucket.keys(parked);
    expect(others).toEqual([]);
    expect(key).toMatch(/^\d{4}\/\d\d\/\d\d\/.*\.jsonl$/);
    expect(scene.logBucket.objects.get(`${parked}${key}`)?.body).toBe(
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

describe('a replay', () => {
  const entry = (name: string, recordedAt?: string, fields: Record<string, unknown> = {}) =>
    JSON.stringify({ name, recorded_at: recordedAt, sync_task_id: 'task-1', ...fields });

  it('logs one line with the conservation law, the cost and the age of the oldest entry', async () => {
    const scene = new Scene({ oms: (names) => (names.includes('c') ? refused() : undefined) });
    await scene.logBucket.put(`${failed}a`, entry('a', '2026-01-02T03:04:00.678Z'), '');
    await scene.logBucket.put(`${failed}.long/0`, entry('a', '2026-01-02T03:04:01.678Z'), '');
    await scene.logBucket.put(`${failed}b`, entry('b', 'yesterday'), '');
    await scene.logBucket.put(`${failed}c`, entry('c'), '');
    scene.logBucket.fail = (operation) => (operation === 'put' ? scene.clock.sleep(10) : undefined);
    await scene.replay({ requestId: 'request-1' });
    expect(scene.lines[0]).toEqual({
      event: 'sync',
      level: 'info',
      replay: true,
      received: 4,
      requested: 2,
      unrequested: 1,
      filtered: 0,
      merged: 1,
      returned: 0,
      parked: 0,
      left_keys: 0,
      left_is_exact: true,
      requests: 3,
      retries: 0,
      ms: 60,
      oms_ms: 40,
      log_bucket_ms: 10,
      oldest_record_age_ms: 5000,
      request_id: 'request-1',
    });
    expect(scene.lines).toHaveLength(2);
  });

  it('keeps of two entries for a name the older one', async () => {
    const scene = new Scene({ oms: refused });
    const lines = [
      entry('a', '2026-01-02T00:00:00Z', { event_id: 'second' }),
      entry('a', '2026-01-01T00:00:00Z', { event_id: 'first' }),
      entry('a', '2026-01-03T00:00:00Z', { event_id: 'third' }),
    ];
    await scene.logBucket.put(
      `${failed}2026/01/01/20260101T000000.000Z-01234567-89ab-4def-8123-456789abcdef.jsonl`,
      `${lines.join('\n')}\n`,
      '',
    );
    const { report } = await scene.replay();
    expect(report).toMatchObject({ received: 3, unrequested: 1, merged: 2 });
    expect(scene.entry(`${failed}a`)).toMatchObject({
      event_id: 'first',
      first_recorded_at: '2026-01-01T00:00:00Z',
    });
  });

  it('does not list until there is no time to send', async () => {
    const scene = new Scene();
    for (const name of numbered(30)) await scene.logBucket.put(`${failed}${name}`, entry(name), '');
    const list = scene.logBucket.list.bind(scene.logBucket);
    scene.logBucket.list = async function* (prefix) {
      for await (const object of list(prefix)) {
        yield object;
        await scene.clock.sleep(1000);
      }
    };
    const { report, leftKeys } = await scene.replay({ deadlineMs: 30_000 });
    expect(report).toMatchObject({ received: 12, requested: 12 });
    expect(leftKeys).toBe(0);
    expect(scene.lines).toMatchObject([{ level: 'info', left_is_exact: false }]);
  });

  it('begins nothing that it has no time for', async () => {
    const scene = new Scene();
    await scene.logBucket.put(`${failed}a`, entry('a'), '');
    const { report, problem } = await scene.replay({ deadlineMs: 1000 });
    expect(report).toMatchObject({ received: 1, returned: 1 });
    expect(problem).toBeUndefined();
    expect(scene.requests).toBe(0);
    expect(scene.onFailedList()).toEqual(['a']);
  });

  it('settles a long file in parts, and leaves the rest of it if the time is up', async () => {
    const scene = new Scene({ settings: { log_layout: 'list', max_in_flight: '2' }, omsMs: 100 });
    await scene.fail(numbered(2500));
    // A request of ten names at a time, 100 ms each.
    const { report } = await scene.replay({ deadlineMs: 25_000 });
    expect(report).toEqual({
      received: 2500,
      requested: 2210,
      unrequested: 0,
      filtered: 0,
      merged: 0,
      returned: 290,
    });
    expect(scene.onFailedList()).toEqual(numbered(2500).slice(2210));
    const lists = scene.logBucket
      .keys(succeeded)
      .map((key) => scene.logBucket.objects.get(`${succeeded}${key}`));
    expect(lists.map((list) => list?.body.trimEnd().split('\n').length)).toEqual([1000, 1000, 210]);
  });

  it('parks nothing by an age that it does not know', async () => {
    const scene = new Scene({ settings: { replay_max_age: '1m' }, oms: refused });
    await scene.logBucket.put(`${failed}a`, entry('a', 'long ago', { reason_class: 'refused' }), '');
    expect(await scene.replay()).toMatchObject({ parked: 0, report: { unrequested: 1 } });
  });

  it('says which task it is for when there are entries of others', async () => {
    const scene = new Scene();
    await scene.logBucket.put(`${failed}a`, entry('a', undefined, { sync_task_id: 'task-2' }), '');
    await scene.replay({ requestId: 'request-1' });
    expect(scene.lines.slice(1)).toEqual([
      {
        event: 'not replayed',
        level: 'warn',
        of_other_tasks: 1,
        message:
          '1 entries of the failed list are of other synchronization tasks than task-1: give each task a log bucket, or a prefix in one, of its own',
        request_id: 'request-1',
      },
    ]);
  });

  it('has no age of the oldest entry where there is none', async () => {
    const scene = new Scene();
    await scene.replay();
    expect(scene.lines).toHaveLength(1);
    expect(scene.lines[0]).not.toHaveProperty('oldest_record_age_ms');
  });

  it('counts what is tried once more', async () => {
    const scene = new Scene({ oms: () => (scene.requests === 1 ? unavailable() : undefined) });
    await scene.logBucket.put(`${failed}a`, entry('a'), '');
    await scene.replay();
    expect(scene.lines[0]).toMatchObject({ requested: 1, requests: 2, retries: 1 });
  });

  it.each(['OMS.0054', 'OMS.1009', 'HTTP.404'])(
    'parks nothing because of %s, which is about the task',
    async (code) => {
      const scene = new Scene({ oms: () => new OmsError({ faultClass: 'refused', code, message: 'no' }) });
      const old = entry('a', '2025-01-01T00:00:00Z', { reason_class: 'refused' });
      await scene.logBucket.put(`${failed}a`, old, '');
      expect(await scene.replay()).toMatchObject({ parked: 0, report: { unrequested: 1 } });
    },
  );

  it('parks nothing that was refused long ago, and now fails in passing', async () => {
    const scene = new Scene({ settings: { max_attempts: '1' }, oms: unavailable });
    const old = entry('a', '2025-01-01T00:00:00Z', { reason_class: 'refused' });
    await scene.logBucket.put(`${failed}a`, old, '');
    expect(await scene.replay()).toMatchObject({ parked: 0, report: { unrequested: 1 } });
  });

  it('goes on behind what fails in passing, as long as OMS accepts others', async () => {
    const [bad = '', ...good] = numbered(150);
    const scene = new Scene({
      settings: { max_attempts: '1' },
      oms: (names) => (names.includes(bad) ? unavailable() : undefined),
    });
    for (const name of [bad, ...good]) await scene.logBucket.put(`${failed}${name}`, entry(name), '');
    // The nine that were in one request with it share its fate.
    expect(await scene.replay()).toMatchObject({
      report: { received: 150, requested: 140, unrequested: 10 },
    });
  });

  it('does not take OMS for well because it refuses one name', async () => {
    const [bad = '', ...others] = numbered(150);
    const scene = new Scene({
      settings: { max_attempts: '1' },
      oms: (names) => (names.includes(bad) ? refused() : unavailable()),
    });
    for (const name of [bad, ...others]) await scene.logBucket.put(`${failed}${name}`, entry(name), '');
    expect(await scene.replay()).toMatchObject({ report: { received: 100, unrequested: 100 } });
  });

  it('is not stopped by files that hold no names', async () => {
    const scene = new Scene();
    for (let file = 0; file < 4; file++) {
      const lines = Array.from({ length: 100 }, (_, index) => `no name ${index}\n`);
      const stem = `2026/01/01/20260101T00000${file}.000Z-01234567-89ab-4def-8123-456789abcdef`;
      await scene.logBucket.put(`${failed}${stem}.jsonl`, lines.join(''), '');
    }
    await scene.clock.sleep(1000);
    for (const name of numbered(101)) await scene.logBucket.put(`${failed}${name}`, entry(name), '');
    expect(await scene.replay()).toMatchObject({ parked: 400, report: { received: 501, requested: 101 } });
  });

  it('says that it was the listing that took too long', async () => {
    const scene = new Scene();
    scene.logBucket.fail = () => scene.clock.sleep(dayMs);
    const { problem } = await scene.replay({ deadlineMs: 3000 });
    expect(problem).toMatchObject({ operation: 'list', code: 'ETIMEDOUT' });
  });

  it('does not hide a defect', async () => {
    const scene = new Scene();
    scene.logBucket.fail = () => {
      throw new TypeError('a defect');
    };
    await expect(scene.replay()).rejects.toThrow('a defect');
    await expect(scene.replay({ deadlineMs: 10_000 })).rejects.toThrow('a defect');
  });
});

describe('replay beside failures that are written meanwhile', () => {
  const minuteMs = 60_000;

  /** A world in which objects change, each change fails and goes on the failed list, and several runs replay it. */
  class World {
    readonly scene: Scene;
    readonly lastChange = new Map<string, number>();
    readonly lastSent = new Map<string, number>();

    constructor(layout: string) {
      this.scene = new Scene({ settings: { log_layout: layout } });
    }

    async change(name: string): Promise<void> {
      const { clock, logBucket } = this.scene;
      this.lastChange.set(name, clock.now());
      await clock.sleep(5);
      logBucket.objects.set(`${failed}${name}`, {
        body: JSON.stringify({ name, sync_task_id: 'task-1' }),
        contentType: 'application/json',
        lastModified: new Date(clock.now()),
      });
    }

    /** A run; `call` says when a call begins, when it is done, and when its caller hears of it. */
    run(call: Call, deadlineMs = Infinity, oms: () => OmsError | undefined = () => undefined) {
      const { scene } = this;
      const store = scene.logBucket;
      return scene.replay({
        deadlineMs,
        logBucket: {
          prepare: () => Promise.resolve(),
          put: (key, body, type) => call('put', () => store.put(key, body, type)),
          get: (key) => call('get', () => store.get(key)),
          delete: (key) =>
            call(key.includes('/.replay/') ? 'delete its own' : 'delete', () => store.delete(key)),
          async *list(prefix) {
            const found = [];
            for await (const object of store.list(prefix)) found.push(object);
            await call('list', () => Promise.resolve());
            yield* found;
          },
        },
        oms: {
          createSyncEvents: (names) =>
            call('oms', () => {
              const error = oms();
              if (error) throw error;
              for (const name of names) this.lastSent.set(name, scene.clock.now());
              return Promise.resolve();
            }),
        },
      });
    }

    /** Names that OMS has not accepted after their last change, and that are not on the list. */
    lost(): string[] {
      const listed = this.scene.onFailedList();
      return [...this.lastChange]
        .filter(
          ([name, changedAt]) => !listed.includes(name) && !((this.lastSent.get(name) ?? 0) >= changedAt),
        )
        .map(([name]) => name);
    }

    /** Lets a last run do what is left; before that, what is in hand is so for two minutes. */
    async heal(): Promise<string[]> {
      await this.scene.clock.sleep(3 * minuteMs);
      await this.run((_, act) => act());
      return this.scene.onFailedList();
    }
  }

  type Call = <Result>(what: string, act: () => Promise<Result>) => Promise<Result>;

  /**
   * Objects change while replays run, overlap, are cut off by their deadline and are killed, OMS fails now and then, and
   * removing is slow. Whenever it ends, each object was accepted by OMS after its last change, or is on the list.
   */
  it('loses no change, whatever the order', async () => {
    const changes = fc.array(
      fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd'), atMs: fc.integer({ min: 0, max: 8000 }) }),
      { minLength: 1, maxLength: 12 },
    );
    const runs = fc.array(
      fc.record({
        atMs: fc.integer({ min: 0, max: 8000 }),
        callsUntilKilled: fc.oneof(fc.integer({ min: 1, max: 60 }), fc.constant(Infinity)),
        deadlineMs: fc.oneof(fc.integer({ min: 1000, max: 8000 }), fc.constant(60_000)),
        deleteMs: fc.constantFrom(1, 50, 3000),
      }),
      { minLength: 1, maxLength: 3 },
    );
    const pace = fc.infiniteStream<number>(fc.integer({ min: 0, max: 200 }));
    const moods = fc.infiniteStream<number>(fc.integer({ min: 0, max: 9 }));
    const layouts = fc.constantFrom('object', 'list');
    await fc.assert(
      fc.asyncProperty(
        changes,
        runs,
        pace,
        moods,
        layouts,
        async (changed, replays, paces, omsMoods, layout) => {
          const world = new World(layout);
          const { clock } = world.scene;
          const replayOnce = async ({ callsUntilKilled, deadlineMs, deleteMs }: (typeof replays)[number]) => {
            let calls = 0;
            // A killed run neither calls nor hears anything any more.
            const call: Call = async (what, act) => {
              await clock.sleep(Number(paces.next().value) + (what === 'delete' ? deleteMs : 0));
              if (++calls > callsUntilKilled) return new Promise(() => undefined);
              const result = await act();
              await clock.sleep(Number(paces.next().value));
              return result;
            };
            const oms = () => (Number(omsMoods.next().value) < 2 ? locked() : undefined);
            await Promise.race([world.run(call, deadlineMs, oms), clock.sleep(minuteMs)]);
          };
          await Promise.all([
            ...changed.map(async ({ name, atMs }) => {
              await clock.sleep(atMs);
              await world.change(name);
            }),
            ...replays.map(async (run) => {
              await clock.sleep(run.atMs);
              await replayOnce(run);
            }),
          ]);
          expect(world.lost()).toEqual([]);
          expect(await world.heal()).toEqual([]);
          expect(world.lost()).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('loses no change when another run finishes what it has in hand', async () => {
    const world = new World('object');
    const { clock } = world.scene;
    await world.change('x');
    const slowly: Call = async (what, act) => {
      if (what === 'delete') await clock.sleep(2600);
      return act();
    };
    await Promise.all([
      world.run(slowly, 6000),
      clock.sleep(3500).then(() => world.run((_, act) => act())),
      clock.sleep(4500).then(() => world.change('x')),
    ]);
    expect(world.lost()).toEqual([]);
    expect(await world.heal()).toEqual([]);
    expect(world.lost()).toEqual([]);
  });

  it('removes nothing any more when it was frozen, and wakes up hours later', async () => {
    const world = new World('object');
    const { clock } = world.scene;
    const names = numbered(100);
    for (const name of names) await world.change(name);
    const freezeAt = clock.now() + 6000;
    const thawAt = clock.now() + 60 * minuteMs;
    let begun = 0;
    const freezing: Call = async (what, act) => {
      if (what === 'delete') {
        begun++;
        await clock.sleep(2500);
        if (clock.now() > freezeAt) await clock.sleep(thawAt - clock.now());
      }
      return act();
    };
    await world.run(freezing, 6500);
    await clock.sleep(10 * minuteMs);
    const begunBefore = begun;
    await world.run((_, act) => act());
    await world.change(names[99] ?? '');
    await clock.sleep(60 * minuteMs);
    expect(begunBefore).toBeLessThan(100);
    expect(begun).toBe(begunBefore);
    expect(world.lost()).toEqual([]);
  });

  it('requests once more what a store may remove later than it says', async () => {
    const world = new World('object');
    const { clock } = world.scene;
    await world.change('x');
    // It is carried out later than its caller waits, as often as that is tried.
    let deletes = 0;
    const lateStore: Call = async (what, act) => {
      if (what !== 'delete' || ++deletes > 5) return act();
      void clock.sleep(20_000).then(act);
      await clock.sleep(10_000);
      throw storeFault('delete', 'x', true);
    };
    await world.run(lateStore, 10 * minuteMs);
    await world.change('x');
    expect(await world.heal()).toEqual([]);
    expect(world.lost()).toEqual([]);
  });
});
