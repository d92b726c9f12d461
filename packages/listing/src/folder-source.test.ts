import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namesOf, objectsOf } from './array-source.test-help.ts';
import { openFolderSource } from './folder-source.ts';
import { compareNames } from './name-order.ts';
import { SourceError } from './object-source.ts';

describe('a folder', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = async (name: string, body = name) => {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), body);
  };
  const listed = (range?: Parameters<ReturnType<typeof openFolderSource>['list']>[0]) =>
    namesOf(openFolderSource(folder).list(range));

  it('lists its files with size and time, in the order of their UTF-8 bytes', async () => {
    const names = ['a.b', 'a/b', 'a/c/d', 'a0', 'with space', '\uFF5E', '\u{1F600}', 'ü'];
    for (const name of [...names].reverse()) await put(name);
    expect(await listed()).toEqual([...names].sort(compareNames));
    const [first] = await objectsOf(openFolderSource(folder).list());
    expect(first).toMatchObject({ name: 'a.b', size: 3 });
    expect(Math.abs((first?.modified ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  it('lists any range of any tree', async () => {
    const part = fc.constantFrom('a', 'a.', 'b', 'a-b', '\u{1F600}', '\uFF5E');
    const names = fc.array(
      fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/')),
      { maxLength: 15 },
    );
    await fc.assert(
      fc.asyncProperty(names, names, async (generated, [after, before]) => {
        await rm(folder, { recursive: true });
        await mkdir(folder);
        for (const name of generated) await put(name).catch(() => undefined); // A file where a folder is.
        const all = await listed();
        expect(all).toEqual([...all].sort(compareNames));
        const range = { prefix: 'a', after, before };
        const expected = all.filter(
          (name) =>
            name.startsWith('a') &&
            (after === undefined || compareNames(name, after) > 0) &&
            (before === undefined || compareNames(name, before) < 0),
        );
        expect(await listed(range)).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it('that is not there is an error, and no empty source', async () => {
    const missing = openFolderSource(path.join(folder, 'missing'));
    await expect(namesOf(missing.list())).rejects.toThrow(SourceError);
  });

  it('with a name that is no UTF-8 is an error that shows the bytes', async () => {
    await writeFile(Buffer.concat([Buffer.from(`${folder}/b`), Buffer.from([0xff])]), '');
    await put('a');
    await expect(listed()).rejects.toThrow(/no UTF-8 \(bytes 62ff\)/);
  });

  it('lists what links to a file, and refuses a link to a folder', async () => {
    await put('a');
    await symlink('a', path.join(folder, 'link'));
    await symlink('nothing', path.join(folder, 'loose'));
    expect(await listed()).toEqual(['a', 'link']);
    await symlink('.', path.join(folder, 'loop'));
    await expect(listed()).rejects.toThrow(/"loop" is a link to a folder/);
  });
});
