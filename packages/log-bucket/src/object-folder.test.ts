import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import * as fc from 'fast-check';
import { isSystemError, ObjectFolder } from './object-folder.ts';
import { uglyKeys } from './ugly-keys.ts';

describe('ObjectFolder', () => {
  let root: string;
  let folder: ObjectFolder;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    folder = new ObjectFolder(root);
  });
  afterEach(() => rm(root, { recursive: true }));

  const keys = async (prefix?: string) => (await folder.list(prefix)).map(({ key }) => key);
  const escaped = (name: string) => path.join(root, '.escaped', name);

  it('is empty when the folder is not there', async () => {
    const missing = new ObjectFolder(path.join(root, 'missing'));
    expect(await missing.list()).toEqual([]);
    expect(await missing.read('a')).toBeUndefined();
    await missing.delete('a');
  });

  it('lays a plain key where people look for it', async () => {
    await folder.write('lists/2026/a b%+.txt', 'body');
    expect(await readFile(path.join(root, 'lists/2026/a b%+.txt'), 'utf8')).toBe('body');
    expect(await folder.find('lists/2026/a b%+.txt')).toMatchObject({
      path: path.join(root, 'lists/2026/a b%+.txt'),
      size: 4,
    });
  });

  it('keeps bytes as they are', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    await folder.write('bytes', bytes);
    expect(new Uint8Array((await folder.read('bytes')) ?? [])).toEqual(bytes);
  });

  it('finds files that others laid there', async () => {
    await mkdir(path.join(root, 'by'));
    await writeFile(path.join(root, 'by/hand.txt'), 'body');
    expect(await keys()).toEqual(['by/hand.txt']);
    expect((await folder.read('by/hand.txt'))?.toString()).toBe('body');
  });

  it('never leaves the folder', async () => {
    for (const key of ['../out', 'a/../../out', '/etc/out', '..', '.', '']) await folder.write(key, key);
    expect(await readdir(path.dirname(root))).not.toContain('out');
    expect(await readdir(root)).toEqual(['.escaped']);
    expect(await keys()).toEqual(['', '.', '..', '../out', '/etc/out', 'a/../../out']);
  });

  it('tells its own folder from keys that look like it', async () => {
    const lookAlikes = ['.escaped', '.escaped/a', '.escaped=', '.escaped/temporary-1'];
    for (const key of lookAlikes) await folder.write(key, key);
    expect(await keys()).toEqual(lookAlikes.sort());
    for (const key of lookAlikes) expect((await folder.read(key))?.toString()).toBe(key);
  });

  it.each([199, 200, 201, 400, 401])(
    'holds an escaped key of %d characters beside its neighbours',
    async (length) => {
      const key = `${'k'.repeat(length)}//`;
      const neighbours = [key, `${key}k`, key.slice(1)].sort();
      for (const neighbour of neighbours) await folder.write(neighbour, neighbour);
      expect(await keys()).toEqual(neighbours);
    },
  );

  it('makes room both ways when one key lies under another', async () => {
    await folder.write('a', 'file first');
    await folder.write('a/b', 'then below');
    await folder.write('c/d', 'folder first');
    await folder.write('c', 'then above');
    expect(await keys()).toEqual(['a', 'a/b', 'c', 'c/d']);
    await folder.delete('a');
    await folder.write('a/b', 'now it fits');
    expect(await keys()).toEqual(['a/b', 'c', 'c/d']);
    expect((await folder.read('a/b'))?.toString()).toBe('now it fits');
    expect(await readdir(escaped(''))).toEqual(['c=']);
  });

  it('shows one object when a write was cut off between both places, and removes both', async () => {
    await mkdir(escaped(''));
    await writeFile(escaped('a='), 'older body');
    await folder.write('b', '');
    await writeFile(path.join(root, 'a'), 'newer');
    expect(await folder.list('a')).toMatchObject([{ key: 'a', size: 5 }]);
    expect((await folder.read('a'))?.toString()).toBe('newer');
    await folder.delete('a');
    expect(await keys()).toEqual(['b']);
  });

  it('does not count what is half written, and leaves none of it', async () => {
    await folder.write('a', 'a');
    await writeFile(escaped('temporary-of-a-killed-process'), 'half');
    expect(await keys()).toEqual(['a']);
    await expect(folder.write('\uD800', 'a')).rejects.toBeInstanceOf(URIError);
    expect(await readdir(escaped(''))).toEqual(['temporary-of-a-killed-process']);
  });

  it('does not count what others laid into its own folder', async () => {
    await folder.write('a//b', '');
    await writeFile(escaped('100%='), 'of others');
    expect(await keys()).toEqual(['a//b']);
  });

  it('replaces an object whole while others read it', async () => {
    const bodies = ['a'.repeat(100_000), 'b'.repeat(50_000)];
    await folder.write('a', 'a'.repeat(100_000));
    const [read] = await Promise.all([
      Promise.all(Array.from({ length: 20 }, () => folder.read('a'))),
      Promise.all(Array.from({ length: 10 }, (_, index) => folder.write('a', bodies[index % 2] ?? ''))),
    ]);
    expect(read.map(String).filter((body) => !bodies.includes(body))).toEqual([]);
  });

  it('gives each key one place, and knows the key of the place', () => {
    const anyKey = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom(...Object.values(uglyKeys)),
    );
    return fc.assert(
      fc.asyncProperty(anyKey, async (key) => {
        await folder.write(key, '');
        const file = await folder.find(key);
        expect(file === undefined ? undefined : folder.keyOf(file.path)).toBe(key);
        await folder.delete(key);
      }),
      { numRuns: 50 },
    );
  });
});

describe('isSystemError', () => {
  it('wants an error with a code of letters', () => {
    expect(isSystemError(Object.assign(new Error(), { code: 'ENOENT' }))).toBe(true);
    for (const other of [new Error(), Object.assign(new Error(), { code: 1 }), { code: 'ENOENT' }, null]) {
      expect(isSystemError(other)).toBe(false);
    }
  });
});
