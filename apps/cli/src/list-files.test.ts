import { testKeys, uglyNames } from '@oms-sync/testing';
import { Secret } from '@oms-sync/core';
import { describe, expect, it } from 'vitest';
import { UsageError } from './exit-code.ts';
import { ListFileWriter, obsEndpointOf, openTarget } from './list-files.ts';

const credentials = {
  accessKey: new Secret(testKeys.accessKey),
  secretKey: new Secret(testKeys.secretKey),
  securityToken: undefined,
};

async function write(names: readonly string[], maxBytes: number) {
  const files = new Map<string, string>();
  const target = {
    write: (name: string, body: string) => {
      files.set(name, body);
      return Promise.resolve(name);
    },
  };
  const writer = new ListFileWriter(target, 'list', maxBytes);
  for (const name of names) await writer.add(name);
  await writer.finish();
  return { files, writer };
}

describe('ListFileWriter', () => {
  it('splits, and loses no name', async () => {
    const { files, writer } = await write(uglyNames, 200);
    expect(files.size).toBeGreaterThan(2);
    expect([...files.keys()].slice(0, 2)).toEqual(['list-0001.txt', 'list-0002.txt']);
    const lines = [...files.values()].flatMap((body) => body.trimEnd().split('\n'));
    expect(lines.map((line) => decodeURIComponent(line))).toEqual(uglyNames);
    // Nothing that an encoding or a form could read in another way.
    expect(lines.join('')).toMatch(/^[\w.~%-]*$/);
    expect(writer.files.reduce((sum, { names }) => sum + names, 0)).toBe(uglyNames.length);
  });

  it('keeps to the size, but for a name that is longer', async () => {
    const { files } = await write(['aaaa', 'bbbb', 'c', 'd'.repeat(20), 'e'], 10);
    expect([...files.values()]).toEqual(['aaaa\nbbbb\n', 'c\n', `${'d'.repeat(20)}\n`, 'e\n']);
  });

  it('writes no empty file, and says which names do not fit', async () => {
    expect((await write([], 10)).files.size).toBe(0);
    const long = 'ä'.repeat(11_000);
    const { files, writer } = await write([long], 1000);
    expect([files.size, writer.tooLong]).toEqual([0, [long]]);
  });
});

describe('openTarget', () => {
  const endpoint = new URL('https://obs.example.com');

  it('takes a bucket in OBS with an optional prefix', () => {
    const { bucket } = openTarget('obs://lists/a/b', { credentials, endpoint });
    expect(bucket).toEqual({ name: 'lists', prefix: 'a/b/' });
    expect(openTarget('folder', { credentials, endpoint }).bucket).toBeUndefined();
  });

  it.each(['s3://lists', 'obs://', 'http://lists'])('refuses %s', (text) => {
    expect(() => openTarget(text, { credentials, endpoint })).toThrow(UsageError);
  });

  it('says which setting is missing', () => {
    expect(() => openTarget('obs://lists', { credentials, endpoint: undefined })).toThrow(
      'destination_obs_endpoint',
    );
  });
});

describe('obsEndpointOf', () => {
  const otherwise = new URL('https://obs.other.example.com');
  it.each([
    [{ destination_obs_endpoint: 'obs.mine.example.com' }, 'cn-north-4', 'https://obs.mine.example.com/'],
    [{}, 'cn-north-4', 'https://obs.cn-north-4.myhuaweicloud.com/'],
    [{}, undefined, otherwise.href],
  ])('%j, region %s', (env: Record<string, string>, region, expected) => {
    expect(obsEndpointOf((name) => env[name], region, otherwise)?.href).toBe(expected);
  });

  it('refuses what is none', () => {
    expect(() => obsEndpointOf(() => 'http://obs.example.com', undefined, otherwise)).toThrow(UsageError);
  });
});
