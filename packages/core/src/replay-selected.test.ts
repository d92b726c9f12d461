import { FakeClock, MemoryLogBucket, testKeys } from '@oms-sync/testing';
import fc from 'fast-check';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { clearFailedList } from './failed-list-clearing.ts';
import { readFailedList, type ListedObject } from './failed-list-reader.ts';
import type { FailedListName } from './list-keys.ts';
import { LogBucketError, type LogBucket } from './log-bucket.ts';
import { Logger } from './logger.ts';
import { percentEncode } from './object-name.ts';
import { OmsError } from './oms-error.ts';
import { replay, type SelectedReplay } from './replay.ts';
import { readSettings } from './settings.ts';

const failed = 'oms_source_record/failed_object/';
const parked = 'oms_source_record/parked_object/';
const stem = (n: number) =>
  `${failed}2026/01/01/20260101T0000${String(n).padStart(2, '0')}.000Z-01234567-89ab-4def-8123-456789abcdef`;

const refusal = new OmsError({ faultClass: 'refused', status: 400, code: 'OMS.0064', message: 'no' });
const silence = new OmsError({ faultClass: 'passing', status: 503, code: 'HTTP.503', message: 'busy' });

class Scene {
  readonly clock = new FakeClock();
  readonly logBucket = new MemoryLogBucket(this.clock.now);
  readonly sent: string[] = [];
  requests = 0;
  oms: (names: readonly string[]) => OmsError | undefined = () => undefined;
  readonly settings = readSettings(
    (name) =>
      ({
        sync_url: 'https://oms.example.com/v2/p/sync-tasks/task-1/events',
        log_bucket: 'logs',
        obs_endpoint: 'obs.example.com',
        hw_ak: testKeys.accessKey,
        hw_sk: testKeys.secretKey,
        max_attempts: '2',
      })[name as string],
    ['obs'],
  );

  async put(key: string, entry: string | object): Promise<void> {
    await this.logBucket.put(key, typeof entry === 'string' ? entry : JSON.stringify(entry), '');
  }

  async putAll(names: readonly string[], prefix = failed): Promise<void> {
    for (const name of names) await this.put(prefix + name, { name, sync_task_id: 'task-1' });
  }

  replay(selected: Partial<SelectedReplay> | undefined, logBucket: LogBucket = this.logBucket) {
    return replay({
      settings: this.settings,
      clock: this.clock,
      logBucket,
      inTurn: pLimit(10),
      random: () => 0.5,
      logger: new Logger('error', () => undefined),
      oms: {
        createSyncEvents: async (names) => {
          this.requests++;
          await this.clock.sleep(20);
          const error = this.oms(names);
          if (error) throw error;
          this.sent.push(...names);
        },
      },
      deadline: Infinity,
      ...(selected && {
        maxObjects: Infinity,
        selected: { list: 'failed_object', selects: () => true, ofAnyTask: false, ...selected },
      }),
    });
  }

  async read(list: FailedListName = 'failed_object', isWanted?: (name: string) => boolean) {
    const entries: ListedObject[] = [];
    const options = { ...this.storeOptions, list, ...(isWanted && { isWanted }) };
    for await (const entry of readFailedList(options)) entries.push(entry);
    return entries;
  }

  async names(list?: FailedListName): Promise<string[]> {
    return [...new Set((await this.read(list)).map(({ name }) => name))].sort();
  }

  get storeOptions() {
    const { logBucket, clock, settings } = this;
    return { logBucket, clock, settings, random: () => 0.5, writeUntil: Infinity };
  }
}

const numbered = (count: number, what: string) =>
  Array.from({ length: count }, (_, index) => `${what}/${String(index).padStart(4, '0')}`);

describe('readFailedList', () => {
  it('reads both layouts, what is in hand, what is no name, and lists of the template', async () => {
    const scene = new Scene();
    await scene.put(`${failed}template`, '');
    await scene.put(`${failed}.long/abc`, { name: 'long name' });
    await scene.put(`${failed}.invalid/abc`, { invalid_name: '%zz', error_code: 'InvalidName' });
    await scene.put(`${failed}full`, {
      name: 'full',
      source_store: 's3',
      source_bucket: 'b',
      sync_task_id: 't',
      recorded_at: '2026-01-01T02:00:00.000Z',
      first_recorded_at: '2026-01-01T00:00:00.000Z',
      attempts: 7,
      event_time: 'T',
      event_id: 'E',
      reason_class: 'refused',
      error_code: 'OMS.0064',
      error_message: 'no',
    });
    await scene.put(`${stem(1)}.jsonl`, '{"name":"in file"}\nhalf a li\n');
    await scene.put(`${stem(1)}.txt`, 'in%20file\n');
    await scene.put(`${stem(2)}.txt`, 'without%20reasons\n%zz\n');
    await scene.put(`${stem(3)}.jsonl`, '');
    await scene.put(`${stem(3)}.txt`, 'reasons%20are%20empty\n');
    await scene.put(`${failed}folder/`, '');
    const inHand = `${failed}.replay/20990101T000000.000Z-01234567-89ab-4def-8123-456789abcdef.jsonl`;
    await scene.put(inHand, '{"name":"in hand"}\n');
    const entries = await scene.read();
    const summary = entries.map(({ name, isName }) => (isName ? name : `(${name})`));
    expect(summary.sort()).toEqual(
      [
        '(%zz)',
        '(%zz)',
        '(half a li)',
        'full',
        'in file',
        'in hand',
        'long name',
        'reasons are empty',
        'template',
        'without reasons',
      ].sort(),
    );
    expect(entries.find(({ name }) => name === 'full')).toMatchObject({
      list: 'failed_object',
      key: `${failed}full`,
      store: 's3',
      bucket: 'b',
      syncTaskId: 't',
      recordedAt: '2026-01-01T00:00:00.000Z',
      attempts: 7,
      eventTime: 'T',
      eventId: 'E',
      reasonClass: 'refused',
      errorCode: 'OMS.0064',
      errorMessage: 'no',
      inHandUntil: undefined,
    });
    expect(entries.find(({ name }) => name === 'in hand')?.inHandUntil).toBe(Date.UTC(2099, 0, 1));
    // Where the entry does not say since when, its log object does.
    expect(entries.find(({ name }) => name === 'template')?.recordedAt).toBe(
      new Date(scene.clock.now()).toISOString(),
    );
  });

  it('does not read log objects of names that nobody wants', async () => {
    const scene = new Scene();
    await scene.putAll(['a', 'b', 'c']);
    const read: string[] = [];
    scene.logBucket.fail = (operation, key) => void (operation === 'get' && read.push(key));
    expect((await scene.read('failed_object', (name) => name === 'b')).map(({ name }) => name)).toEqual([
      'b',
    ]);
    expect(read).toEqual([`${failed}b`]);
  });

  it('never looks like a short list when the store fails', async () => {
    const scene = new Scene();
    await scene.putAll(numbered(100, 'a'));
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'get' && key.endsWith('/0070')) throw storeFault();
    };
    await expect(scene.read()).rejects.toThrow(LogBucketError);
  });
});

describe('replay of what is selected', () => {
  it('walks all of the list, however long, and reports how far it is', async () => {
    const scene = new Scene();
    await scene.putAll(numbered(2500, 'n'));
    const progress: number[] = [];
    const result = await scene.replay({ onProgress: ({ received }) => progress.push(received) });
    expect(result).toMatchObject({
      isComplete: true,
      leftKeys: 0,
      report: { received: 2500, requested: 2500 },
    });
    expect(new Set(scene.sent).size).toBe(2500);
    expect(progress.length).toBeGreaterThan(20);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
  });

  it('leaves the others of a file on the list as they are', async () => {
    const scene = new Scene();
    const lines = [
      '{"name":"in/1","sync_task_id":"task-1"}',
      '{"name":"out/1","error_code":"X"}',
      '{"name":"in/2","sync_task_id":"task-2"}',
      '{"invalid_name":"in/%zz"}',
    ];
    await scene.put(`${stem(1)}.jsonl`, `${lines.join('\n')}\n`);
    await scene.put(`${stem(1)}.txt`, 'in%2F1\nout%2F1\nin%2F2\n');
    const selects = ({ name }: { name: string }) => name.startsWith('in/');
    expect(await scene.replay({ selects })).toMatchObject({ report: { received: 1 }, ofOtherTasks: 1 });
    expect(scene.sent).toEqual(['in/1']);
    const left = await scene.read();
    expect(left.map(({ line }) => line)).toEqual(lines.slice(1));
    await scene.replay({ selects, ofAnyTask: true });
    expect(scene.sent).toEqual(['in/1', 'in/2']);
    expect(await scene.names('parked_object')).toEqual([]);
  });

  it('does not touch what nobody selected', async () => {
    const scene = new Scene();
    await scene.putAll(numbered(10, 'a'));
    await scene.put(`${stem(1)}.txt`, 'b\n');
    const before = new Map(scene.logBucket.objects);
    expect(await scene.replay({ selects: () => false })).toMatchObject({ report: { received: 0 } });
    expect(scene.logBucket.objects).toEqual(before);
  });

  it('goes on behind any number of names that OMS refuses, and meets what fails again once', async () => {
    const scene = new Scene();
    await scene.putAll([...numbered(700, 'bad'), ...numbered(5, 'good')]);
    await scene.put(
      `${stem(1)}.txt`,
      numbered(5, 'bad file')
        .map((name) => `${percentEncode(name)}\n`)
        .join(''),
    );
    scene.oms = (names) => (names.some((name) => name.startsWith('bad')) ? refusal : undefined);
    const { report, isComplete, codes } = await scene.replay({});
    expect(report).toMatchObject({ received: 710, requested: 5, unrequested: 705 });
    expect([isComplete, [...codes]]).toEqual([true, [['OMS.0064', 705]]]);
  });

  it('also with layout list, where what fails again is a new file', async () => {
    const scene = new Scene();
    await scene.put(`${stem(1)}.txt`, 'bad\ngood\n');
    Object.assign(scene.settings, { logLayout: 'list' });
    scene.oms = (names) => (names.includes('bad') ? refusal : undefined);
    expect((await scene.replay({})).report).toMatchObject({ received: 2, requested: 1, unrequested: 1 });
    expect(await scene.names()).toEqual(['bad']);
  });

  it('stops when OMS is away, and leaves the rest', async () => {
    const scene = new Scene();
    await scene.putAll(numbered(1000, 'n'));
    scene.oms = () => silence;
    const { report, isComplete } = await scene.replay({});
    expect([report.received, isComplete]).toEqual([300, false]);
    expect(await scene.names()).toHaveLength(1000);
  });

  it('ends at a signal after what it has in hand', async () => {
    const scene = new Scene();
    await scene.putAll(numbered(500, 'n'));
    const stop = new AbortController();
    scene.oms = () => void (scene.sent.length > 120 && stop.abort());
    const { isComplete, problem } = await scene.replay({ signal: stop.signal });
    expect([isComplete, problem]).toEqual([false, undefined]);
    expect(new Set([...scene.sent, ...(await scene.names())])).toEqual(new Set(numbered(500, 'n')));
    expect(scene.sent).toHaveLength(200);
    await scene.clock.sleep(3 * 60_000);
    await scene.replay({});
    expect(new Set(scene.sent).size).toBe(500);
  });

  it('says that another run has something in hand', async () => {
    const scene = new Scene();
    await scene.put(
      `${failed}.replay/20990101T000000.000Z-01234567-89ab-4def-8123-456789abcdef.jsonl`,
      '{"name":"a"}\n',
    );
    expect(await scene.replay({})).toMatchObject({ inHand: 1, report: { received: 0 } });
  });

  it('requests the parked list, parks again what fails again, and leaves what is no name', async () => {
    const scene = new Scene();
    await scene.putAll(['good', 'bad'], parked);
    await scene.putAll(['on the failed list']);
    await scene.put(`${parked}2026/01/01/${stem(1).split('/').at(-1)}.jsonl`, '{"invalid_name":"%zz"}\n');
    scene.oms = (names) => (names.includes('bad') ? refusal : undefined);
    const { report, parked: count } = await scene.replay({ list: 'parked_object' });
    expect([report.received, report.requested, report.unrequested, count]).toEqual([2, 1, 1, 1]);
    expect(await scene.names('parked_object')).toEqual(['%zz', 'bad']);
    expect(await scene.names()).toEqual(['on the failed list']);
  });

  /**
   * Runs with and without a selection, that overlap and are killed, beside failures that are written meanwhile: each
   * object was accepted by OMS after its last failure, or is on the list, and nothing unselected was requested.
   */
  it('loses nothing, whatever the order', async () => {
    const names = ['in/a', 'in/b', 'out/a', 'out/b'];
    const name = fc.constantFrom(...names);
    const failures = fc.array(
      fc.record({
        names: fc.uniqueArray(name, { minLength: 1 }),
        isFile: fc.boolean(),
        atMs: fc.integer({ min: 0, max: 5000 }),
      }),
      { minLength: 1, maxLength: 8 },
    );
    const runs = fc.array(
      fc.record({
        kind: fc.constantFrom('in/', 'out/', 'all', 'scheduled'),
        atMs: fc.integer({ min: 0, max: 5000 }),
        callsUntilKilled: fc.oneof(fc.integer({ min: 1, max: 50 }), fc.constant(Infinity)),
      }),
      { minLength: 1, maxLength: 4 },
    );
    const paces = fc.infiniteStream<number>(fc.integer({ min: 0, max: 300 }));
    await fc.assert(
      fc.asyncProperty(failures, runs, paces, async (written, replays, pace) => {
        const scene = new Scene();
        const { clock } = scene;
        const lastFailure = new Map<string, number>();
        const lastSent = new Map<string, number>();
        scene.oms = (sent) => {
          if (Number(pace.next().value) < 40) return silence;
          for (const each of sent) lastSent.set(each, clock.now());
          return undefined;
        };
        const fail = async (index: number, { names: its, isFile, atMs }: (typeof written)[number]) => {
          await clock.sleep(atMs);
          for (const each of its) lastFailure.set(each, clock.now());
          await clock.sleep(5);
          if (isFile)
            await scene.put(`${stem(index)}.txt`, its.map((each) => `${percentEncode(each)}\n`).join(''));
          else await scene.putAll(its);
        };
        const run = async ({ kind, atMs, callsUntilKilled }: (typeof replays)[number]) => {
          await clock.sleep(atMs);
          let calls = 0;
          const call = async <Result>(act: () => Promise<Result>): Promise<Result> => {
            await clock.sleep(Number(pace.next().value));
            // A killed run neither calls nor hears anything any more.
            return ++calls > callsUntilKilled ? new Promise(() => undefined) : act();
          };
          const store = scene.logBucket;
          const logBucket: LogBucket = {
            prepare: () => Promise.resolve(),
            put: (key, body, type) => call(() => store.put(key, body, type)),
            get: (key) => call(() => store.get(key)),
            delete: (key) => call(() => store.delete(key)),
            list: (prefix) => store.list(prefix),
          };
          const isSelected = kind === 'in/' || kind === 'out/';
          const selects = (object: { name: string }) => !isSelected || object.name.startsWith(kind);
          const work = scene.replay(kind === 'scheduled' ? undefined : { selects }, logBucket);
          await Promise.race([work, clock.sleep(60_000)]);
        };
        const lost = async () => {
          const listed = await scene.names();
          return names.filter((each) => {
            const failedAt = lastFailure.get(each);
            return (
              failedAt !== undefined && !listed.includes(each) && !((lastSent.get(each) ?? 0) >= failedAt)
            );
          });
        };
        await Promise.all([...written.map((each, index) => fail(index, each)), ...replays.map(run)]);
        expect(await lost()).toEqual([]);
        scene.oms = (sent) => {
          for (const each of sent) lastSent.set(each, clock.now());
          return undefined;
        };
        await clock.sleep(3 * 60_000);
        await scene.replay({});
        expect(await scene.names()).toEqual([]);
        expect(await lost()).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });

  it('requests nothing that is not selected', async () => {
    const scene = new Scene();
    await scene.putAll(['in/a', 'out/a']);
    await scene.put(`${stem(1)}.txt`, 'in%2Fb\nout%2Fb\n');
    await scene.replay({ selects: ({ name }) => name.startsWith('in/') });
    expect([...scene.sent].sort()).toEqual(['in/a', 'in/b']);
    expect(await scene.names()).toEqual(['out/a', 'out/b']);
  });
});

describe('clearFailedList', () => {
  const clear = (scene: Scene, others: Partial<Parameters<typeof clearFailedList>[0]> = {}) =>
    clearFailedList({
      ...scene.storeOptions,
      selection: { list: 'failed_object', selects: () => true, ofAnyTask: false },
      before: scene.clock.now() + 1,
      ...others,
    });

  it('removes what is selected and nothing else', async () => {
    const scene = new Scene();
    await scene.putAll(['in/a', 'out/a']);
    await scene.put(`${failed}in/theirs`, { name: 'in/theirs', sync_task_id: 'task-2' });
    await scene.put(`${failed}.invalid/1`, { invalid_name: 'in/%zz' });
    await scene.put(`${failed}.invalid/2`, { invalid_name: 'out/%zz' });
    await scene.put(`${stem(1)}.txt`, 'in%2Fb\nout%2Fb\nin/%zz\n');
    const selects = ({ name }: { name: string }) => name.startsWith('in/');
    const result = await clear(scene, { selection: { list: 'failed_object', selects, ofAnyTask: false } });
    expect(result).toEqual({ removed: 4, problem: undefined });
    expect(await scene.names()).toEqual(['in/theirs', 'out/%zz', 'out/a', 'out/b']);
    expect(scene.requests).toBe(0);
  });

  it('leaves what came on the list after it was looked at', async () => {
    const scene = new Scene();
    await scene.putAll(['old']);
    const before = scene.clock.now() + 1;
    await scene.clock.sleep(1000);
    await scene.putAll(['new']);
    expect(await clear(scene, { before })).toMatchObject({ removed: 1 });
    expect(await scene.names()).toEqual(['new']);
  });

  it('leaves a failure that took the place of what was listed', async () => {
    const scene = new Scene();
    await scene.putAll(['a', 'b']);
    const before = scene.clock.now() + 1;
    const list = scene.logBucket.list.bind(scene.logBucket);
    scene.logBucket.list = async function* (prefix) {
      for await (const object of list(prefix)) {
        await scene.clock.sleep(1000);
        const recordedAt = new Date(scene.clock.now()).toISOString();
        if (object.key.endsWith('/b')) await scene.put(object.key, { name: 'b', recorded_at: recordedAt });
        yield object;
      }
    };
    expect(await clear(scene, { before })).toMatchObject({ removed: 1 });
    scene.logBucket.list = list;
    expect(await scene.names()).toEqual(['b']);
  });

  it.each(['put', 'delete', 'list'])(
    'says so when the store refuses to %s; everything is still there',
    async (what) => {
      const scene = new Scene();
      await scene.putAll(['a', 'b']);
      scene.logBucket.fail = (operation) => {
        if (operation === what) throw storeFault();
      };
      const { removed, problem } = await clear(scene);
      expect([removed, problem]).toEqual([0, expect.any(LogBucketError)]);
      scene.logBucket.fail = () => undefined;
      expect(await scene.names()).toEqual(['a', 'b']);
    },
  );

  it('cut off at any call, the list holds all, or what it had not come to', async () => {
    const all = [...numbered(150, 'n'), 'file'];
    for (const calls of [1, 2, 60, 160, 200, 300]) {
      const scene = new Scene();
      await scene.putAll(numbered(150, 'n'));
      await scene.put(`${stem(1)}.txt`, 'file\nkept\n');
      let count = 0;
      scene.logBucket.fail = () => (++count > calls ? new Promise(() => undefined) : undefined);
      const selects = ({ name }: { name: string }) => name !== 'kept';
      const work = clear(scene, { selection: { list: 'failed_object', selects, ofAnyTask: false } });
      await Promise.race([work, scene.clock.sleep(60_000)]);
      scene.logBucket.fail = () => undefined;
      const left = await scene.names();
      expect(left).toContain('kept');
      // A lot is gone as a whole, or not at all.
      expect([0, all.length - 100, all.length]).toContain(left.filter((name) => name !== 'kept').length);
    }
  });
});

function storeFault(): LogBucketError {
  return new LogBucketError({
    operation: 'get',
    key: 'key',
    status: 403,
    code: 'AccessDenied',
    passing: false,
    message: 'no',
  });
}
