import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Copier } from './copier.ts';
import { SyncTasks } from './sync-tasks.ts';
import { taskDetails } from './task-bodies.ts';

/** A folder that cannot write some keys. */
class BrokenFolder extends ObjectFolder {
  readonly #broken: RegExp;

  constructor(root: string, broken: RegExp) {
    super(root);
    this.#broken = broken;
  }

  override async write(key: string, body: string | Uint8Array): Promise<void> {
    if (this.#broken.test(key)) {
      throw Object.assign(new Error(`ENOSPC: no space left in ${this.root}`), { code: 'ENOSPC' });
    }
    await super.write(key, body);
  }
}

async function copierForTest() {
  const buckets = await mkdtemp(path.join(tmpdir(), 'oms-standin-'));
  const lines: string[] = [];
  const tasks = new SyncTasks(buckets, Date.now);
  const copier = new Copier({ delayMs: 0, clock: Date.now, log: (line) => lines.push(line) });
  onTestFinished(async () => {
    await copier.close();
    await rm(buckets, { recursive: true });
  });
  const details = { src_region: 'r', src_bucket: 'photos', dst_region: 'r', dst_bucket: 'copies' };
  const task = tasks.create(taskDetails(details));
  await task.source.write('a', '1');
  await task.source.write('b', '2');
  return { copier, lines, task, tasks };
}

describe('Copier', () => {
  test('drops what is due while its task is stopped, and goes on once it is started', async () => {
    const { copier, task, tasks } = await copierForTest();
    copier.request(task, ['a']);
    tasks.stop(task.id);
    await copier.idle();
    expect(await task.destination.list()).toEqual([]);
    tasks.start(task.id);
    copier.request(task, ['b']);
    await copier.idle();
    expect(await task.destination.read('a')).toBeUndefined();
    expect(String(await task.destination.read('b'))).toBe('2');
    const sums = (['REQUEST', 'SUCCESS'] as const).map((kind) =>
      task.statistics.sumOfMonth(Date.now(), kind),
    );
    expect(sums).toEqual([2, 1]);
  });

  test('lists an object that cannot be written, without naming folders of the machine', async () => {
    const { copier, lines, task } = await copierForTest();
    const destination = new BrokenFolder(task.destination.root, /^a$/);
    copier.request({ ...task, destination }, ['a', 'b']);
    await copier.idle();
    const [list] = await destination.list(`oms/syncTask/${task.id}/failed_object_lists/`);
    const columns = String(await destination.read(list?.key ?? '')).split('\t');
    expect(columns).toEqual(['ENOSPC', expect.anything(), 'a', 'a', 'The object could not be copied.\n']);
    expect(lines).toHaveLength(1);
    expect(String(await destination.read('b'))).toBe('2');
  });

  test('says so when the lists cannot be written, and goes on', async () => {
    const { copier, lines, task } = await copierForTest();
    copier.request({ ...task, destination: new BrokenFolder(task.destination.root, /^oms\//) }, ['a']);
    await expect(copier.idle()).rejects.toThrow('The result lists could not be written');
    expect(lines.join('\n')).toContain('ENOSPC');
    copier.request(task, ['b']);
    await expect(copier.idle()).rejects.toThrow('The result lists could not be written');
    expect(String(await task.destination.read('b'))).toBe('2');
  });
});
