import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseLogBucket, Secret } from '@oms-sync/core';
import { FakeClock, testKeys } from '@oms-sync/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { namesOf } from './array-source.test-help.ts';
import { bucketOf, openSource } from './bucket-source.ts';
import { SourceError, type ObjectSource } from './object-source.ts';

// The stores themselves are tested in packages/log-bucket. Here, a few lines answer as S3 does.

const credentials = {
  accessKey: new Secret(testKeys.accessKey),
  secretKey: new Secret(testKeys.secretKey),
  securityToken: undefined,
};

/** A bucket with these names, in pages of two. `answer` may answer a request in another way. */
async function openBucket(
  names: readonly string[],
  {
    prefix = '',
    answer = () => undefined,
  }: { prefix?: string; answer?: (index: number) => [status: number, code: string] | undefined } = {},
): Promise<{ source: ObjectSource; requests: URLSearchParams[] }> {
  const requests: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    const { searchParams: query } = new URL(request.url ?? '', 'http://store');
    requests.push(query);
    const [status, code] = answer(requests.length - 1) ?? [200, ''];
    response.writeHead(status, { 'content-type': 'application/xml' });
    if (status !== 200) return void response.end(`<Error><Code>${code}</Code><Message>No.</Message></Error>`);
    const left = names.filter(
      (name) => name.startsWith(query.get('prefix') ?? '') && name > (query.get('marker') ?? ''),
    );
    const entries = left
      .slice(0, 2)
      .map(
        (name) =>
          `<Contents><Key>${encodeURIComponent(name)}</Key><Size>3</Size><LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>`,
      );
    response.end(
      `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${left.length > 2}</IsTruncated>${entries.join('')}</ListBucketResult>`,
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const parsed = parseLogBucket(`s3://photos/${prefix}`);
  if (!('value' in parsed)) throw new TypeError(parsed.expected);
  const endpoint = new URL(`http://127.0.0.1:${port}`);
  const source = openSource(parsed.value, {
    endpoint,
    region: 'eu-central-1',
    credentials,
    clock: new FakeClock(),
    random: () => 0.5,
  });
  return { source, requests };
}

describe('a bucket', () => {
  const names = ['a', 'b/1', 'b/2', 'b/3', 'c'];

  it('lists pages with size and time', async () => {
    const { source } = await openBucket(names);
    expect(source).toMatchObject({ address: 's3://photos/', isOrdered: true });
    const pages = [];
    for await (const page of source.list()) pages.push(page);
    expect(pages.flat()[0]).toEqual({ name: 'a', size: 3, modified: Date.parse('2026-01-01') });
    expect(pages.flat().map(({ name }) => name)).toEqual(names);
  });

  it('lists a range, and asks for no page behind it', async () => {
    const { source, requests } = await openBucket(names);
    expect(await namesOf(source.list({ after: 'a', before: 'b/2' }))).toEqual(['b/1']);
    expect(requests.map((query) => query.get('marker'))).toEqual(['a']);
  });

  it('that lists in another order than that of UTF-8 is an error behind a name, since others would be left out', async () => {
    const { source } = await openBucket(['a', '\u{1F600}', '\uFF5E']);
    await expect(namesOf(source.list({ after: '\u{1F600}' }))).rejects.toThrow(SourceError);
    expect(await namesOf(source.list())).toEqual(['a', '\u{1F600}', '\uFF5E']);
  });

  it('lists no more than the prefix of its address', async () => {
    const { source } = await openBucket(names, { prefix: 'b' });
    expect(source.address).toBe('s3://photos/b/');
    expect(await namesOf(source.list())).toEqual(['b/1', 'b/2', 'b/3']);
    expect(await namesOf(source.list({ prefix: 'b/2' }))).toEqual(['b/2']);
    expect(await namesOf(source.list({ prefix: 'b' }))).toEqual(['b/1', 'b/2', 'b/3']);
    expect(await namesOf(source.list({ prefix: 'c' }))).toEqual([]);
  });

  it('asks again for the page that failed for a moment, and not for those before it', async () => {
    const { source, requests } = await openBucket(names, {
      answer: (index) => (index === 1 || index === 2 ? [503, 'SlowDown'] : undefined),
    });
    expect(await namesOf(source.list())).toEqual(names);
    expect(requests.map((query) => query.get('marker') ?? '')).toEqual(['', 'b/1', 'b/1', 'b/1', 'b/3']);
  });

  it.each([
    [403, 'AccessDenied', 1],
    [404, 'NoSuchBucket', 1],
    [503, 'SlowDown', 10],
  ])('that answers %d %s on its second page is an error, after %d tries', async (status, code, tries) => {
    const { source, requests } = await openBucket(names, {
      answer: (index) => (index > 0 ? [status, code] : undefined),
    });
    const listed = namesOf(source.list());
    await expect(listed).rejects.toThrow(SourceError);
    await expect(listed).rejects.toThrow(
      new RegExp(`^s3://photos/: the listing failed: HTTP ${status} ${code}`),
    );
    expect(requests).toHaveLength(1 + tries);
  });

  it('that has never answered is given up sooner', async () => {
    const { source, requests } = await openBucket(names, { answer: () => [503, 'SlowDown'] });
    await expect(namesOf(source.list())).rejects.toThrow(SourceError);
    expect(requests).toHaveLength(4);
  });

  it('is named as in records', () => {
    const nameOf = (text: string) => {
      const parsed = parseLogBucket(text);
      return 'value' in parsed ? bucketOf(parsed.value) : parsed;
    };
    expect(nameOf('gs://photos/a')).toBe('photos');
    expect(nameOf('az://account/container')).toBe('account/container');
    expect(nameOf('file:///folder')).toBeUndefined();
  });
});
