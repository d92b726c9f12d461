import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LogBucketError } from '@oms-sync/core';
import { openFileLogBucket } from './file.ts';
import { describeLogBucket } from './suite.ts';

describeLogBucket(
  'file',
  async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    return {
      bucket: openFileLogBucket({ folder: path.join(folder, 'made/on/the/first/write') }),
      close: () => rm(folder, { recursive: true }),
    };
  },
  { contentType: 'a file has none', paging: 'a folder is read at once' },
);

describe('faults of the file system', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it('are LogBucketErrors with the code of the system', async () => {
    await writeFile(path.join(folder, 'file'), '');
    const bucket = openFileLogBucket({ folder: path.join(folder, 'file') });
    const fault: unknown = await bucket.put('a', 'a', 'text/plain').catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(LogBucketError);
    expect(fault).toMatchObject({ operation: 'put', key: 'a', code: 'ENOTDIR', passing: false });
    expect(fault).toHaveProperty('cause.code', 'ENOTDIR');
  });

  it('reports a key that is no well-formed text', async () => {
    const bucket = openFileLogBucket({ folder });
    for (const attempt of [
      bucket.put('\uD800', '', 'text/plain'),
      bucket.get('\uD800'),
      bucket.delete('\uD800'),
    ]) {
      await expect(attempt).rejects.toMatchObject({
        name: 'LogBucketError',
        code: 'URIError',
        passing: false,
      });
    }
  });
});
