import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Logger } from '@oms-sync/core';
import { FakeClock } from '@oms-sync/testing';
import { ClassicLevel } from 'classic-level';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from './delivery.ts';
import { EmbeddedQueue } from './embedded-queue.ts';
import type { Notification } from './inbox.ts';

const dayMs = 24 * 3_600_000;
let scratch: string;
let folder: string;
let clock: FakeClock;
let logged: string[];
let open: EmbeddedQueue[];

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-queue-'));
  folder = path.join(scratch, 'queue');
  clock = new FakeClock();
  logged = [];
  open = [];
});

afterEach(async () => {
  await Promise.all(open.map((queue) => queue.close()));
  rmSync(scratch, { recursive: true, force: true });
});

async function openQueue(options: { folder?: string; reservedBytes?: number } = {}): Promise<EmbeddedQueue> {
  const logger = new Logger('info', (_, line) => logged.push(line));
  const queue = await EmbeddedQueue.open({ folder, clock, logger, ...options });
  open.push(queue);
  return queue;
}

function notify(name: string, messageId?: string): Notification {
  return {
    source: 'test',
    messageId,
    receivedAt: clock.now(),
    records: [{ kind: 'created', name, store: 's3', bucket: 'b' }],
  };
}

/** Takes what a queue delivers, as much of it as there is room for. */
async function take(queue: EmbeddedQueue, room = Infinity) {
  const deliveries: Delivery[] = [];
  let makeRoom: () => void = () => undefined;
  const full = new Promise<void>((resolve) => {
    makeRoom = resolve;
  });
  await queue.start(async (delivery) => {
    deliveries.push(delivery);
    if (deliveries.length >= room) await full;
  });
  const names = () =>
    deliveries.map(({ records: [record] }) => (record?.kind === 'created' ? record.name : ''));
  return { deliveries, names, makeRoom };
}

/** What a queue in this folder delivers from the start on. */
async function listNames(of: string): Promise<string[]> {
  const queue = await openQueue({ folder: of });
  const { names } = await take(queue);
  await expect.poll(names).toHaveLength(queue.backlog);
  await queue.close();
  return names();
}

describe('the embedded queue', () => {
  it('delivers in the order of arrival, and again after a start what was not settled', async () => {
    const queue = await openQueue();
    await Promise.all(['a', 'b', 'c', 'd'].map((name) => queue.add(notify(name))));
    const { deliveries, names } = await take(queue);
    await expect.poll(names).toEqual(['a', 'b', 'c', 'd']);
    expect(deliveries[0]).toMatchObject({ source: 'test', records: [{ kind: 'created', name: 'a' }] });
    deliveries[1]?.settle();
    deliveries[2]?.handBack();
    await expect.poll(() => queue.backlog).toBe(3);
    await queue.close();
    expect(await listNames(folder)).toEqual(['a', 'c', 'd']);
  });

  it('delivers what comes while it delivers', async () => {
    const queue = await openQueue();
    const { names } = await take(queue);
    await queue.add(notify('a'));
    await expect.poll(names).toEqual(['a']);
    await queue.add(notify('b'));
    await expect.poll(names).toEqual(['a', 'b']);
  });

  it('writes what comes at once in one batch', async () => {
    const queue = await openQueue();
    await Promise.all(Array.from({ length: 500 }, (_, index) => queue.add(notify(`n${index}`))));
    await queue.close();
    const store = new ClassicLevel(folder);
    expect(JSON.parse((await store.get('state')) ?? '')).toMatchObject({ batch: 1, count: 500 });
    await store.close();
  });

  it('holds no more than there is room for, however long it is', async () => {
    const queue = await openQueue();
    await Promise.all(Array.from({ length: 3000 }, (_, index) => queue.add(notify(`n${index}`))));
    const { deliveries, makeRoom } = await take(queue, 10);
    await expect.poll(() => deliveries.length).toBe(10);
    makeRoom();
    await expect.poll(() => deliveries.length).toBe(3000);
    for (const delivery of deliveries) delivery.settle();
    await expect.poll(() => queue.backlog).toBe(0);
  });

  it('knows its backlog and the age of the oldest, after a start too', async () => {
    const queue = await openQueue();
    expect(queue.oldestReceivedAt).toBeUndefined();
    const startedAt = clock.now();
    await queue.add(notify('a'));
    await clock.sleep(1000);
    await queue.add(notify('b'));
    await queue.close();
    const again = await openQueue();
    expect(again.state).toMatchObject({ status: 'running', backlog: { count: 2, unit: 'messages' } });
    const { deliveries } = await take(again);
    await expect.poll(() => again.oldestReceivedAt).toBe(startedAt);
    await expect.poll(() => deliveries.length).toBe(2);
    deliveries[0]?.settle();
    await expect.poll(() => again.oldestReceivedAt).toBe(startedAt + 1000);
    deliveries[1]?.settle();
    await expect.poll(() => again.oldestReceivedAt).toBeUndefined();
  });

  it('takes nothing after it was closed', async () => {
    const queue = await openQueue();
    await queue.close();
    await expect(queue.add(notify('a'))).rejects.toMatchObject({ name: 'QueueError', reason: 'closed' });
  });

  it('closes while nobody has room for what it delivers', async () => {
    const queue = await openQueue();
    await queue.add(notify('a'));
    const { deliveries, makeRoom } = await take(queue, 1);
    await expect.poll(() => deliveries.length).toBe(1);
    await queue.stop();
    makeRoom(); // As the dispatcher does when it stops.
    deliveries[0]?.settle();
    await queue.close();
    expect(await listNames(folder)).toEqual([]);
  });
});

describe('repeats', () => {
  it('are one message: at once, later, and after a start; ids are those of their source', async () => {
    const queue = await openQueue();
    const both = [queue.add(notify('a', '1')), queue.add(notify('a', '1'))];
    expect(await Promise.all(both)).toEqual(['kept', 'repeated']);
    expect(await queue.add({ ...notify('a', '1'), source: 'other' })).toBe('kept');
    expect(await queue.add(notify('b'))).toBe('kept');
    expect(await queue.add(notify('b'))).toBe('kept');
    const { deliveries } = await take(queue);
    await expect.poll(() => deliveries.length).toBe(4);
    for (const delivery of deliveries) delivery.settle();
    await queue.close();
    const again = await openQueue();
    await clock.sleep(dayMs - 1000);
    expect(await again.add(notify('a', '1'))).toBe('repeated');
    expect(again.backlog).toBe(0);
  });

  it('are forgotten in time', async () => {
    const queue = await openQueue();
    await queue.add(notify('a', '1'));
    await clock.sleep(2 * dayMs);
    expect(await queue.add(notify('a', '1'))).toBe('kept');
    await queue.close();
    const store = new ClassicLevel(folder);
    expect(await store.keys({ gte: 'd', lt: 'e' }).all()).toHaveLength(1);
    await store.close();
  });
});

describe('a crash', () => {
  it('loses nothing that was acknowledged, whenever it comes', async () => {
    const queue = await openQueue();
    const { deliveries } = await take(queue);
    const there = new Set<string>();
    const settled = new Set<Delivery>();
    for (let round = 0; round < 12; round++) {
      const names = Array.from({ length: 40 }, (_, index) => `${round}/${index}`);
      await Promise.all(names.map((name) => queue.add(notify(name, name))));
      for (const name of names) there.add(name);
      for (const delivery of deliveries.filter((_, index) => index % 3 !== round % 3)) {
        const [record] = delivery.records;
        if (settled.has(delivery) || record?.kind !== 'created') continue;
        settled.add(delivery);
        there.delete(record.name);
        delivery.settle();
      }
      // What is on the disk now is what a kill would leave.
      const copy = path.join(scratch, `copy-${round}`);
      cpSync(folder, copy, { recursive: true });
      const found = await listNames(copy);
      expect(new Set(found).size).toBe(found.length);
      for (const name of there) expect(found).toContain(name);
    }
    expect(logged).toEqual([]);
  });

  it('that tears the log leaves whole batches, and what was there before', async () => {
    const queue = await openQueue();
    const sizes: { readonly bytes: number; readonly names: number }[] = [];
    const log = readdirSync(folder).find((file) => file.endsWith('.log'));
    for (let batch = 0; batch < 30; batch++) {
      const names = Array.from({ length: 5 }, (_, index) => `${batch}/${index}/${'x'.repeat(batch * 20)}`);
      await Promise.all(names.map((name) => queue.add(notify(name))));
      sizes.push({ bytes: statSync(path.join(folder, String(log))).size, names: 5 * (batch + 1) });
    }
    let copies = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: sizes.at(-1)?.bytes ?? 0 }), async (bytes) => {
        const copy = path.join(scratch, `torn-${copies++}`);
        cpSync(folder, copy, { recursive: true });
        truncateSync(path.join(copy, String(log)), bytes);
        const whole = Math.max(0, ...sizes.filter((size) => size.bytes <= bytes).map(({ names }) => names));
        expect(await listNames(copy)).toHaveLength(whole);
      }),
      { numRuns: 25 },
    );
    expect(logged).toEqual([]);
  });
});

describe('what a loss of power brings back of what was settled', () => {
  it('is delivered once more, or removed', async () => {
    const queue = await openQueue();
    await Promise.all(['a', 'b', 'c'].map((name) => queue.add(notify(name))));
    await queue.close();
    const state = { format: 1, batch: 2, head: 1, next: 3, count: 1 };
    const store = new ClassicLevel(folder);
    await store.put('state', JSON.stringify(state));
    await store.close();
    const again = await openQueue();
    const { deliveries, names } = await take(again);
    await expect.poll(names).toEqual(['b', 'c']);
    await expect.poll(() => again.backlog).toBe(2);
    for (const delivery of deliveries) delivery.settle();
    await expect.poll(() => again.backlog).toBe(0);
    await again.close();
    const cleared = new ClassicLevel(folder);
    expect(await cleared.keys({ gte: 'n', lt: 'o' }).all()).toEqual([]);
    await cleared.close();
    expect(logged).toEqual([]);
  });
});

describe('a fault', () => {
  it('of a folder that another has open is said', async () => {
    await openQueue();
    await expect(openQueue()).rejects.toMatchObject({
      name: 'QueueError',
      reason: 'locked',
      message: `queue_folder ${folder} is in use by another process: stop that one, or give each a folder of its own.`,
    });
  });

  it('of a folder that is none is said', async () => {
    writeFileSync(folder, 'a file');
    await expect(openQueue()).rejects.toMatchObject({ reason: 'unwritable' });
  });

  it('of a folder that something else has written is said', async () => {
    const store = new ClassicLevel(folder);
    await store.put('key', 'value');
    await store.close();
    await expect(openQueue()).rejects.toMatchObject({ reason: 'unknown-format' });
    const newer = new ClassicLevel(folder);
    await newer.put('state', '{"format":2}');
    await newer.close();
    await expect(openQueue()).rejects.toMatchObject({ reason: 'unknown-format' });
  });

  it('of a damaged folder is said', async () => {
    const queue = await openQueue();
    await queue.add(notify('a'));
    await queue.close();
    const manifest = readdirSync(folder).find((file) => file.startsWith('MANIFEST'));
    writeFileSync(path.join(folder, String(manifest)), 'x'.repeat(100));
    await expect(openQueue()).rejects.toMatchObject({ reason: 'damaged' });
  });

  it('in the middle of the log is noticed', async () => {
    const queue = await openQueue();
    const log = readdirSync(folder).find((file) => file.endsWith('.log'));
    const file = path.join(folder, String(log));
    await queue.add(notify('a'));
    const from = statSync(file).size;
    await queue.add(notify(`b${'x'.repeat(40_000)}`)); // More than a block of the log: what follows is found again.
    await queue.add(notify('c'));
    const copy = path.join(scratch, 'copy');
    cpSync(folder, copy, { recursive: true });
    corrupt(path.join(copy, path.basename(file)), from + 100);
    const again = await openQueue({ folder: copy });
    expect(again.backlog).toBe(3);
    const { names } = await take(again);
    await expect.poll(() => logged.join()).toContain('should hold 3 notifications and holds 2');
    expect(names()).toEqual(['a', 'c']);
    expect(again.backlog).toBe(2);
  });

  it('of one notification keeps no other waiting, and does not go away', async () => {
    const queue = await openQueue();
    await Promise.all(['a', 'b'].map((name) => queue.add(notify(name))));
    await queue.close();
    const store = new ClassicLevel(folder);
    const [first] = await store.keys({ gte: 'n', limit: 1 }).all();
    await store.put(String(first), '{"source":');
    await store.close();
    const again = await openQueue();
    const { deliveries, names } = await take(again);
    await expect.poll(names).toEqual(['b']);
    expect(logged.join()).toContain('notification 0 cannot be read');
    deliveries[0]?.settle();
    await expect.poll(() => again.backlog).toBe(1);
  });

  it('of a disk that is almost full refuses what is new, and settles what is there', async () => {
    const queue = await openQueue();
    await queue.add(notify('a'));
    await queue.close();
    const full = await openQueue({ reservedBytes: Infinity });
    await expect(full.add(notify('b'))).rejects.toMatchObject({ name: 'QueueError', reason: 'full' });
    expect(full.state.detail).toContain('Make room');
    const { deliveries } = await take(full);
    await expect.poll(() => deliveries.length).toBe(1);
    deliveries[0]?.settle();
    await expect.poll(() => full.backlog).toBe(0);
  });

  const prlimit = (bytes: string) =>
    spawnSync('prlimit', ['--pid', String(process.pid), `--fsize=${bytes}:`]);
  it.skipIf(prlimit('unlimited').status !== 0)(
    'of a write acknowledges nothing, and is over when the disk takes it again',
    async () => {
      const queue = await openQueue();
      const kept: string[] = [];
      const { deliveries, names } = await take(queue);
      const add = async (name: string) => {
        await queue.add(notify(name.padEnd(5000, '.')));
        kept.push(name.padEnd(5000, '.'));
      };
      let fault: unknown;
      prlimit('200000'); // Files of this process grow no further: the log of the queue is cut off in a record.
      try {
        for (let index = 0; queue.state.status === 'running'; index++) {
          await Promise.all([add(`a${index}`), add(`b${index}`)]).catch((error: unknown) => {
            fault = error;
          });
        }
        expect(fault).toMatchObject({ name: 'QueueError', reason: 'unwritable' });
        expect(queue.state.status).toBe('failed');
        await expect(queue.add(notify('refused'))).rejects.toBe(fault);
      } finally {
        prlimit('unlimited');
      }
      await expect.poll(() => queue.state.status).toBe('running');
      await Promise.all([add('c'), add('d')]);
      await expect.poll(() => new Set(names())).toEqual(new Set([...names(), ...kept]));
      deliveries[0]?.settle();
      await expect.poll(() => queue.backlog).toBe(kept.length - 1 + (deliveries.length - kept.length));
      await queue.close();
      const found = await listNames(folder);
      expect(found).toEqual(expect.arrayContaining(kept.slice(1)));
    },
  );
});

/** Changes one byte of a file. */
function corrupt(file: string, at: number): void {
  const script = `const fs = require('node:fs'); const f = fs.openSync(process.argv[1], 'r+'); fs.writeSync(f, '\\x01', Number(process.argv[2])); fs.closeSync(f)`;
  spawnSync(process.execPath, ['-e', script, file, String(at)]);
}
