import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { uglyNames } from '@oms-sync/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../exit-code.ts';
import { Checkpoint, CheckpointError, type Progress } from './checkpoint.ts';
import { emptyTotals } from './state.ts';

const identity = { source: 'obs://source/', '--prefix': undefined, '--until': 'now' };
const progressOf = (passed: number, last = 'a'): Progress => ({
  selection: { until: 12 },
  parts: [{ range: { prefix: '', after: '\u{1F600}' }, last, passed, isDone: false }],
  totals: { ...emptyTotals(), listed: passed },
});

describe('a checkpoint', () => {
  let folder: string;
  let file: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    file = path.join(folder, 'checkpoint.json');
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('gives back what was saved last, whatever the names', async () => {
    const checkpoint = new Checkpoint(file, identity);
    expect(await checkpoint.read()).toBeUndefined();
    for (const [index, name] of uglyNames.entries()) {
      checkpoint.save(progressOf(index, name));
      if (index % 3 === 0) await checkpoint.flush();
    }
    checkpoint.save(progressOf(99, '\uD7FF\0'));
    await checkpoint.flush();
    expect(await new Checkpoint(file, identity).read()).toMatchObject(progressOf(99, '\uD7FF\0'));
    expect(await readdir(folder)).toEqual(['checkpoint.json']);
    await checkpoint.remove();
    expect(await readdir(folder)).toEqual([]);
  });

  it('holds what was there when it was saved, not what became of it', async () => {
    const checkpoint = new Checkpoint(file, identity);
    const progress = progressOf(1);
    checkpoint.save(progress);
    for (const part of progress.parts) part.passed = 2;
    await checkpoint.flush();
    expect((await checkpoint.read())?.parts[0]?.passed).toBe(1);
  });

  it('of other options is refused, and names them', async () => {
    const checkpoint = new Checkpoint(file, identity);
    checkpoint.save(progressOf(1));
    await checkpoint.flush();
    const other = new Checkpoint(file, { ...identity, '--prefix': 'b', '--until': '7d' });
    await expect(other.read()).rejects.toThrow(UsageError);
    await expect(other.read()).rejects.toThrow('--prefix: none there, b here\n  --until: now there, 7d here');
  });

  it.each([
    '',
    '{"version":1}',
    '[]',
    'null',
    '{"version":2,"identity":{},"selection":{},"parts":[],"totals":{}}',
  ])('that is none, %j, is refused and left alone', async (text) => {
    await writeFile(file, text);
    await expect(new Checkpoint(file, identity).read()).rejects.toThrow(/is no checkpoint of a backfill/);
    expect(await readFile(file, 'utf8')).toBe(text);
  });

  it('that cannot be written is an error of the next save, and of the flush', async () => {
    const checkpoint = new Checkpoint(path.join(folder, 'missing', 'checkpoint.json'), identity);
    checkpoint.save(progressOf(1));
    await expect(checkpoint.flush()).rejects.toThrow(CheckpointError);
    expect(() => checkpoint.save(progressOf(2))).toThrow(CheckpointError);
  });
});
