import { FakeClock, MemoryLogBucket } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import { FailedList, type Lot } from './failed-list.ts';
import { makeReplayKey } from './list-keys.ts';
import { LogBucketError } from './log-bucket.ts';

const failed = 'oms_source_record/failed_object/';
const parked = 'oms_source_record/parked_object/';
const id = '01234567-89ab-4def-8123-456789abcdef';
const stem = `2026/01/01/20260101T000000.000Z-${id}`;
const otherStem = `2026/01/01/20260101T000001.000Z-${id}`;
const minuteMs = 60_000;

function fault(operation: 'get' | 'put' | 'list' | 'delete', key: string): LogBucketError {
  return new LogBucketError({ operation, key, code: 'AccessDenied', passing: false, message: 'no' });
}

class Scene {
  readonly clock = new FakeClock();
  readonly logBucket = new MemoryLogBucket(this.clock.now);
  readonly list = new FailedList({
    logBucket: this.logBucket,
    clock: this.clock,
    random: () => 0.5,
    writeUntil: Infinity,
    settings: { logBucket: { store: 'obs', bucket: 'logs', prefix: '' }, syncTaskId: 'task-1' },
  });

  /** Puts something on the failed list; `at` in milliseconds from now. */
  put(name: string, body = '', at = 0): void {
    const lastModified = new Date(this.clock.now() + at);
    this.logBucket.objects.set(`${failed}${name}`, { body, contentType: '', lastModified });
  }

  putLines(name: string, lines: readonly string[]): void {
    this.put(name, lines.map((line) => `${line}\n`).join(''));
  }

  async find(count = 1000, until = Infinity) {
    const { oldest, ...others } = await this.list.findOldest(count, until);
    return { ...others, names: oldest.map(({ key }) => key.slice(failed.length)) };
  }

  async take(): Promise<Lot[]> {
    const { oldest } = await this.list.findOldest(1000, Infinity);
    const lots: Lot[] = [];
    for await (const lot of this.list.take(oldest)) lots.push(lot);
    return lots;
  }

  async takeOne(): Promise<Lot> {
    const [lot, ...others] = await this.take();
    expect(others).toEqual([]);
    if (lot === undefined) throw new TypeError('no lot');
    return lot;
  }

  get names(): string[] {
    return this.logBucket.keys(failed).sort();
  }

  body(key: string): string | undefined {
    return this.logBucket.objects.get(key)?.body;
  }
}

describe('finding what is on the failed list', () => {
  it('gives what was written first, in that order, and counts the others', async () => {
    const scene = new Scene();
    for (const [index, at] of [50, 20, 70, 10, 90, 30, 80, 40, 60].entries()) {
      scene.put(`${index}`, 'x', at);
    }
    expect(await scene.find(3)).toEqual({ names: ['3', '1', '5'], more: 6, isComplete: true });
    expect(await scene.find(9)).toMatchObject({ more: 0 });
    expect(await scene.find(100)).toMatchObject({
      names: ['3', '1', '5', '7', '0', '8', '2', '6', '4'],
      more: 0,
    });
  });

  it('takes the two files of an invocation for one', async () => {
    const scene = new Scene();
    for (const extension of ['jsonl', 'txt']) scene.put(`${stem}.${extension}`, 'x');
    expect((await scene.find()).names).toEqual([`${stem}.jsonl`]);
    scene.put(`${otherStem}.txt`, 'x');
    expect((await scene.find()).names).toEqual([`${stem}.jsonl`, `${otherStem}.txt`]);
    scene.logBucket.objects.delete(`${failed}${stem}.jsonl`);
    expect((await scene.find()).names).toEqual([`${stem}.txt`, `${otherStem}.txt`]);
  });

  it('leaves out what a run has in hand, as long as it has', async () => {
    const scene = new Scene();
    const key = makeReplayKey(failed, scene.clock.now() + 100);
    scene.put(key.slice(failed.length), 'x');
    await scene.clock.sleep(99);
    expect(await scene.find()).toEqual({ names: [], more: 0, isComplete: true });
    await scene.clock.sleep(1);
    expect((await scene.find()).names).toEqual([key.slice(failed.length)]);
  });

  it('leaves out folders, and what is no name', async () => {
    const scene = new Scene();
    scene.put('folder/');
    scene.put('no folder');
    scene.put('an object/', 'x');
    scene.put('.invalid/0', 'x');
    expect((await scene.find()).names).toEqual(['an object/', 'no folder']);
  });

  it('ends when the time is up', async () => {
    const scene = new Scene();
    for (const name of ['a', 'b', 'c']) scene.put(name);
    expect(await scene.find(10, scene.clock.now())).toEqual({ names: [], more: 0, isComplete: false });
    const { logBucket, clock } = scene;
    const list = logBucket.list.bind(logBucket);
    logBucket.list = async function* (prefix) {
      for await (const object of list(prefix)) {
        yield object;
        await clock.sleep(100);
      }
    };
    expect(await scene.find(10, clock.now() + 150)).toEqual({
      names: ['a', 'b'],
      more: 0,
      isComplete: false,
    });
  });

  it('keeps what was listed before the store failed, and says why it did', async () => {
    const scene = new Scene();
    const { logBucket } = scene;
    const list = logBucket.list.bind(logBucket);
    let error: Error = fault('list', failed);
    logBucket.list = async function* (prefix) {
      yield* list(prefix);
      throw error;
    };
    await expect(scene.find()).rejects.toBe(error);
    expect(scene.list.fault).toBeUndefined();
    scene.put('a');
    expect(await scene.find()).toEqual({ names: ['a'], more: 0, isComplete: false });
    expect(scene.list.fault).toBe(error);
    error = new TypeError('a defect');
    await expect(scene.find()).rejects.toBe(error);
  });
});

describe('taking the failed list in hand', () => {
  it('calls nobody for nothing', async () => {
    const { list, logBucket } = new Scene();
    const calls: string[] = [];
    logBucket.fail = (operation) => void calls.push(operation);
    expect(await list.take([]).next()).toMatchObject({ done: true });
    expect(calls).toEqual([]);
  });

  it('reads of an entry whatever it has', async () => {
    const scene = new Scene();
    const written = new Date(scene.clock.now()).toISOString();
    const entry = {
      name: 'a',
      source_store: 'obs',
      source_bucket: 'source',
      sync_task_id: 'task-1',
      recorded_at: '2026-01-02T00:00:00Z',
      first_recorded_at: '2026-01-01T00:00:00Z',
      attempts: 7,
      event_time: '2025-12-31T00:00:00Z',
      event_id: 'event 1',
      reason_class: 'refused',
      error_code: 'OMS.0064',
      error_message: 'no',
    };
    scene.put('a', JSON.stringify(entry));
    scene.put('b', '{"recorded_at": "2026-01-03T00:00:00Z"}');
    scene.put('c', '{"attempts": 1.5, "source_store": 1, "event_id": null}');
    scene.put('d', '{"attempts": "2", "name": "not d"}');
    scene.put('e', 'null');
    const { objects } = await scene.takeOne();
    const nothing = {
      store: undefined,
      bucket: undefined,
      syncTaskId: undefined,
      recordedAt: written,
      attempts: 0,
      eventTime: undefined,
      eventId: undefined,
      reasonClass: undefined,
      errorCode: undefined,
      errorMessage: undefined,
      isName: true,
    };
    const lineOf = (name: string, recordedAt = written) => JSON.stringify({ name, recorded_at: recordedAt });
    expect(objects).toEqual([
      {
        name: 'a',
        store: 'obs',
        bucket: 'source',
        syncTaskId: 'task-1',
        recordedAt: '2026-01-01T00:00:00Z',
        attempts: 7,
        eventTime: '2025-12-31T00:00:00Z',
        eventId: 'event 1',
        reasonClass: 'refused',
        errorCode: 'OMS.0064',
        errorMessage: 'no',
        isName: true,
        line: JSON.stringify(entry),
      },
      {
        ...nothing,
        name: 'b',
        line: lineOf('b', '2026-01-03T00:00:00Z'),
        recordedAt: '2026-01-03T00:00:00Z',
      },
      { ...nothing, name: 'c', line: lineOf('c') },
      { ...nothing, name: 'd', line: lineOf('d') },
      { ...nothing, name: 'e', line: lineOf('e') },
    ]);
  });

  it('takes a hundred objects at a time, and counts the keys that it has looked at', async () => {
    const scene = new Scene();
    const names = Array.from({ length: 250 }, (_, index) => String(index).padStart(3, '0'));
    for (const name of names) scene.put(name);
    const { oldest } = await scene.list.findOldest(1000, Infinity);
    const sizes: [number, number][] = [];
    for await (const { objects } of scene.list.take(oldest)) sizes.push([objects.length, scene.list.taken]);
    expect(sizes).toEqual([
      [100, 100],
      [100, 200],
      [50, 250],
    ]);
  });

  it('fills a lot from files until it has a hundred objects', async () => {
    const scene = new Scene();
    for (const [file, count] of [40, 60, 100, 30].entries()) {
      const lines = Array.from({ length: count }, (_, index) => `{"name":"${file}/${index}"}`);
      scene.putLines(`2026/01/01/20260101T00000${file}.000Z-${id}.jsonl`, lines);
    }
    scene.put('z');
    const { oldest } = await scene.list.findOldest(1000, Infinity);
    const sizes: [number, number][] = [];
    for await (const { objects } of scene.list.take(oldest)) sizes.push([objects.length, scene.list.taken]);
    // The object first, then file by file.
    expect(sizes).toEqual([
      [101, 3],
      [100, 4],
      [30, 5],
    ]);
  });

  it('gives of a file the objects, the lines that are none, and the keys that hold it', async () => {
    const scene = new Scene();
    scene.putLines(`${stem}.jsonl`, ['{"name":"a","attempts":3}', '{"name":""}', 'half a li', '[]', '2']);
    expect(await scene.takeOne()).toMatchObject({
      objects: [{ name: 'a', attempts: 3, line: '{"name":"a","attempts":3}' }],
      others: ['{"name":""}', 'half a li', '[]', '2'].map((line) => ({ line, name: line, isName: false })),
      keys: [`${failed}${stem}.jsonl`, `${failed}${stem}.txt`],
      doubtful: [],
      inHandUntil: Infinity,
    });
    expect(scene.names).toEqual([`${stem}.jsonl`]);
  });

  it('gives of a text file the decoded names', async () => {
    const scene = new Scene();
    scene.putLines(`${stem}.txt`, ['a%20b', '%zz', 'c']);
    expect(await scene.takeOne()).toMatchObject({
      objects: [
        { name: 'a b', attempts: 0, line: '{"name":"a b","recorded_at":"2026-01-02T03:04:05.678Z"}' },
        { name: 'c', line: '{"name":"c","recorded_at":"2026-01-02T03:04:05.678Z"}' },
      ],
      others: [{ line: '%zz', isName: false, reasonClass: 'invalid' }],
      keys: [`${failed}${stem}.txt`],
    });
  });

  it('does not remove the names with reasons that are empty', async () => {
    const scene = new Scene();
    scene.put(`${stem}.jsonl`);
    const lot = await scene.takeOne();
    expect(lot).toMatchObject({ objects: [], keys: [`${failed}${stem}.jsonl`] });
    scene.putLines(`${stem}.txt`, ['a']);
    await scene.list.release(lot, []);
    expect(scene.names).toEqual([`${stem}.txt`]);
  });

  it.each(['x\n', undefined])(
    'leaves the names alone where it cannot do without the reasons: %j',
    async (body) => {
      const scene = new Scene();
      scene.putLines(`${stem}.txt`, ['a']);
      const { oldest } = await scene.list.findOldest(1000, Infinity);
      if (body !== undefined) scene.put(`${stem}.jsonl`, body);
      scene.logBucket.fail = (operation, key) => {
        if (body === undefined && key.endsWith('.jsonl')) throw fault('get', `${operation} ${key}`);
      };
      expect(await scene.list.take(oldest).next()).toMatchObject({ done: true });
      expect(scene.names).toContain(`${stem}.txt`);
      expect(scene.list.fault?.code).toBe(body === undefined ? 'AccessDenied' : undefined);
      expect(scene.list.taken).toBe(1);
    },
  );

  it.each(['a', `${stem}.jsonl`, '.long/0'])(
    'does not wait for what is gone, or cannot be read: %s',
    async (name) => {
      const scene = new Scene();
      scene.put(name, '{"name":"b"}');
      const { oldest } = await scene.list.findOldest(1000, Infinity);
      scene.logBucket.fail = (operation, key) => {
        if (operation === 'get') throw fault('get', key);
      };
      expect(await scene.list.take(oldest).next()).toMatchObject({ done: true });
      expect(scene.list.fault?.key).toBe(`${failed}${name}`);
      expect(scene.names).toEqual([name]);
      scene.logBucket.fail = () => undefined;
      scene.logBucket.objects.clear();
      expect(await scene.list.take(oldest).next()).toMatchObject({ done: true });
      expect(scene.logBucket.objects.size).toBe(0);
    },
  );

  it('does not hide a defect of the store', async () => {
    const scene = new Scene();
    scene.put('a');
    scene.logBucket.fail = (operation) => {
      if (operation === 'get') throw new TypeError('a defect');
    };
    await expect(scene.take()).rejects.toThrow('a defect');
  });

  it('leaves alone what is of another task, file or object', async () => {
    const scene = new Scene();
    const theirs = (name: string) => JSON.stringify({ name, sync_task_id: 'task-2' });
    scene.put('a', theirs('a'));
    scene.put('.long/0', theirs('b'));
    scene.putLines(`${stem}.jsonl`, [theirs('c'), theirs('d')]);
    // An object that is called like a file.
    scene.put(`${otherStem}.jsonl`, theirs(`${otherStem}.jsonl`));
    const before = scene.names;
    expect(await scene.take()).toEqual([]);
    expect(scene.names).toEqual(before);
    expect(scene.list.ofOtherTasks).toBe(5);
    expect(scene.list.taken).toBe(4);
  });

  it('keeps what is of another task in a file of both', async () => {
    const scene = new Scene();
    const theirs = JSON.stringify({ name: 'b', sync_task_id: 'task-2' });
    scene.putLines(`${stem}.jsonl`, ['{"name":"a"}', theirs]);
    const lot = await scene.takeOne();
    expect(lot).toMatchObject({ objects: [{ name: 'a' }], kept: [{ name: 'b', line: theirs }] });
    await scene.list.release(lot, []);
    expect(scene.names).toEqual([expect.stringMatching(/^\.replay\//)]);
    expect(scene.body(`${failed}${scene.names[0]}`)).toBe(`${theirs}\n`);
  });

  it('writes objects down as in hand for two minutes before it removes them', async () => {
    const scene = new Scene();
    const now = scene.clock.now();
    scene.put('a', '{"name":"a"}');
    scene.put(`${stem}.jsonl`, JSON.stringify({ name: `${stem}.jsonl` }));
    const calls: string[] = [];
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'put' || operation === 'delete')
        calls.push(`${operation} ${key.slice(failed.length)}`);
    };
    const lot = await scene.takeOne();
    expect(lot).toMatchObject({
      objects: [{ name: 'a' }, { name: `${stem}.jsonl` }],
      others: [],
      doubtful: [],
      inHandUntil: now + 2 * minuteMs,
    });
    const inHand = expect.stringMatching(/^put \.replay\/20260102T030605\.678Z-.*\.jsonl$/) as unknown;
    expect(calls).toEqual(['delete .replay/none', inHand, 'delete a', `delete ${stem}.jsonl`]);
    expect(scene.logBucket.keys('')).toEqual(lot.keys);
    const [key = '', ...others] = lot.keys;
    expect(others).toEqual([]);
    expect(scene.body(key)).toBe(`{"name":"a"}\n{"name":"${stem}.jsonl"}\n`);
    expect(scene.logBucket.objects.get(key)?.contentType).toBe('application/x-ndjson');
  });

  it('doubts what it could not remove', async () => {
    const scene = new Scene();
    for (const name of ['a', 'b']) scene.put(name);
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'delete' && key.endsWith('a')) throw fault('delete', key);
    };
    const lot = await scene.takeOne();
    expect(lot.objects).toHaveLength(2);
    expect(lot.doubtful).toEqual([lot.objects[0]]);
    expect(scene.list.fault?.operation).toBe('delete');
    expect(scene.names.filter((name) => !name.startsWith('.replay/'))).toEqual(['a']);
  });

  it('keeps what it knows of the objects of a lot when a file comes into it', async () => {
    const scene = new Scene();
    const now = scene.clock.now();
    for (const name of ['a', 'b']) scene.put(name);
    scene.putLines(`${stem}.txt`, ['c']);
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'delete' && key.endsWith('a')) throw fault('delete', key);
    };
    expect(await scene.takeOne()).toMatchObject({
      objects: [{ name: 'c' }, { name: 'a' }, { name: 'b' }],
      doubtful: [{ name: 'a' }],
      inHandUntil: now + 2 * minuteMs,
    });
  });

  it('takes the names when there are empty reasons beside them', async () => {
    const scene = new Scene();
    scene.putLines(`${stem}.txt`, ['a']);
    const { oldest } = await scene.list.findOldest(1000, Infinity);
    scene.put(`${stem}.jsonl`);
    const { value } = await scene.list.take(oldest).next();
    expect(value).toMatchObject({ objects: [{ name: 'a' }] });
  });

  it('begins to remove nothing after a minute', async () => {
    const scene = new Scene();
    const names = Array.from({ length: 33 }, (_, index) => `object ${String(index).padStart(2, '0')}`);
    for (const name of names) scene.put(name);
    scene.logBucket.fail = (operation, key) =>
      operation === 'delete' && !key.endsWith('none') ? scene.clock.sleep(minuteMs) : undefined;
    // 32 at a time: it is the turn of the last one when the minute is over.
    const lot = await scene.takeOne();
    expect(lot.doubtful.map(({ name }) => name)).toEqual(['object 32']);
    expect(lot.keys).toHaveLength(1);
  });

  it('writes objects down once more when it took longer than it had them in hand', async () => {
    const scene = new Scene();
    const now = scene.clock.now();
    scene.put('a', '{"name":"a"}');
    scene.logBucket.fail = (operation, key) =>
      operation === 'delete' && key.endsWith('a') ? scene.clock.sleep(2 * minuteMs) : undefined;
    const lot = await scene.takeOne();
    expect(lot.inHandUntil).toBe(now + 2 * minuteMs);
    expect(lot.keys).toHaveLength(2);
    for (const key of lot.keys) expect(scene.body(key)).toBe('{"name":"a"}\n');
  });
});

describe('taking a lot off the failed list', () => {
  /** Three objects in hand, of which the last could not be removed. */
  async function takeThree() {
    const scene = new Scene();
    for (const name of ['a', 'b', 'c']) scene.put(name, JSON.stringify({ name }));
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'delete' && key.endsWith('c')) throw fault('delete', key);
    };
    const lot = await scene.takeOne();
    scene.logBucket.fail = () => undefined;
    scene.logBucket.objects.delete(`${failed}c`);
    const [a, b, c] = lot.objects;
    if (a === undefined || b === undefined || c === undefined) throw new TypeError('not three');
    return { scene, lot, a, b, c };
  }

  it('leaves what is unsettled or in doubt to the next run, each once', async () => {
    const { scene, lot, b, c } = await takeThree();
    await scene.list.release(lot, [b, c]);
    const [name = '', ...others] = scene.names;
    expect(others).toEqual([]);
    expect(lot.keys).not.toContain(`${failed}${name}`);
    expect(scene.body(`${failed}${name}`)).toBe('{"name":"b"}\n{"name":"c"}\n');
    expect((await scene.find()).names).toEqual([name]);
  });

  it('leaves everything where it is if nothing is settled', async () => {
    const { scene, lot, a, b } = await takeThree();
    await scene.list.release(lot, [a, b]);
    expect(scene.logBucket.keys('')).toEqual(lot.keys);
  });

  it('writes it down again if another run may have taken it meanwhile', async () => {
    const { scene, lot, a, b } = await takeThree();
    await scene.clock.sleep(lot.inHandUntil - scene.clock.now());
    await scene.list.release(lot, [a, b]);
    const [name = '', ...others] = scene.names;
    expect(others).toEqual([]);
    expect(lot.keys).not.toContain(`${failed}${name}`);
    expect(scene.body(`${failed}${name}`)).toBe('{"name":"a"}\n{"name":"b"}\n{"name":"c"}\n');
  });

  it('removes nothing before what stays is written down', async () => {
    const { scene, lot, b } = await takeThree();
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'put') throw fault('put', key);
    };
    await expect(scene.list.release(lot, [b])).rejects.toThrow(LogBucketError);
    expect(scene.logBucket.keys('')).toEqual(lot.keys);
  });

  it('removes nothing before what is no object is parked', async () => {
    const scene = new Scene();
    scene.putLines(`${stem}.jsonl`, ['{"name":"a"}', 'what?']);
    const lot = await scene.takeOne();
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'put') throw fault('put', key);
    };
    await expect(scene.list.release(lot, [])).rejects.toThrow(LogBucketError);
    expect(scene.names).toEqual([`${stem}.jsonl`]);
  });

  it('parks what is no object', async () => {
    const scene = new Scene();
    scene.putLines(`${stem}.jsonl`, ['{"name":"a"}', 'what?', '{"invalid_name":"%"}']);
    const lot = await scene.takeOne();
    await scene.list.release(lot, lot.objects);
    const [name = '', ...others] = scene.logBucket.keys(parked);
    expect(others).toEqual([]);
    expect(name).toMatch(/^2026\/01\/02\/.*\.jsonl$/);
    expect(scene.body(`${parked}${name}`)).toBe('what?\n{"invalid_name":"%"}\n');
    expect(scene.names).toEqual([expect.stringMatching(/^\.replay\//)]);
    expect(scene.body(`${failed}${scene.names[0]}`)).toBe('{"name":"a"}\n');
  });

  it('says so when it cannot remove it', async () => {
    const scene = new Scene();
    scene.putLines(`${stem}.jsonl`, ['{"name":"a"}']);
    const lot = await scene.takeOne();
    scene.logBucket.fail = (operation, key) => {
      if (operation === 'delete' && key.endsWith('.txt')) throw fault('delete', key);
    };
    await scene.list.release(lot, []);
    expect(scene.names).toEqual([]);
    expect(scene.list.fault?.key).toBe(`${failed}${stem}.txt`);
  });
});
