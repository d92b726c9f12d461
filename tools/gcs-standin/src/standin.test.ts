import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startGcsStandin, type GcsStandin, type GcsStandinOptions } from './index.ts';

let buckets: string;
let standin: GcsStandin;

async function start(options: Partial<GcsStandinOptions> = {}): Promise<void> {
  await standin?.close();
  standin = await startGcsStandin({ buckets, ...options });
}

beforeEach(async () => {
  buckets = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
  await mkdir(path.join(buckets, 'lists'));
  await start();
});
afterEach(async () => {
  await standin.close();
  await rm(buckets, { recursive: true });
});

const ask = (address: string, init?: RequestInit) => fetch(new URL(address, standin.url), init);
const put = (name: string, body = name, type = 'text/plain') =>
  ask(`/upload/storage/v1/b/lists/o?uploadType=media&name=${encodeURIComponent(name)}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body,
  });
const read = async (name: string) =>
  (await ask(`/storage/v1/b/lists/o/${encodeURIComponent(name)}?alt=media`)).text();
const list = async (query: string): Promise<{ items?: { name: string }[]; nextPageToken?: string }> =>
  (await ask(`/storage/v1/b/lists/o?${query}`)).json() as Promise<object>;

describe('an upload', () => {
  it('as media: the body, as it is', async () => {
    const answer = await put('a/ü', 'zwölf', 'text/csv');
    expect(await answer.json()).toMatchObject({ kind: 'storage#object', name: 'a/ü', size: '6' });
    expect(await read('a/ü')).toBe('zwölf');
    expect(standin.contentType('lists', 'a/ü')).toBe('text/csv');
  });

  it('as multipart: metadata and body', async () => {
    const body = [
      '--b\r\nContent-Type: application/json\r\n\r\n{"name":"a"}\r\n',
      '--b\r\nContent-Type: text/csv\r\n\r\none\r\n--two\r\n--b--',
    ].join('');
    const headers = { 'content-type': 'multipart/related; boundary=b' };
    await ask('/upload/storage/v1/b/lists/o?uploadType=multipart', { method: 'POST', headers, body });
    expect([await read('a'), standin.contentType('lists', 'a')]).toEqual(['one\r\n--two', 'text/csv']);
  });

  it('as resumable: first the metadata, then the body to the address in the answer', async () => {
    const begun = await ask('/upload/storage/v1/b/lists/o?uploadType=resumable', {
      method: 'POST',
      body: '{"name":"a","contentType":"text/csv"}',
    });
    const answer = await ask(begun.headers.get('location') ?? '', { method: 'PUT', body: 'one' });
    expect(await answer.json()).toMatchObject({ name: 'a', contentType: 'text/csv', size: '3' });
    expect(await read('a')).toBe('one');
  });

  it.each([
    ['of no type', 'name=a', {}, ''],
    ['without a name', 'uploadType=media', {}, ''],
    ['with a name of 1,025 bytes', `uploadType=media&name=${'a'.repeat(1025)}`, {}, ''],
    ['of a name with a line end', 'uploadType=media&name=a%0Ab', {}, ''],
    ['of two dots', 'uploadType=media&name=..', {}, ''],
    ['without a boundary', 'uploadType=multipart', { 'content-type': 'multipart/related' }, ''],
    ['of one part', 'uploadType=multipart', { 'content-type': 'multipart/related; boundary=b' }, '--b'],
    ['with metadata that are none', 'uploadType=resumable', {}, 'no JSON'],
  ])('%s is refused', async (_what, query, headers, body) => {
    const answer = await ask(`/upload/storage/v1/b/lists/o?${query}`, { method: 'POST', headers, body });
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error: { code: 400, errors: [{ domain: 'global' }] } });
  });
});

describe('a listing', () => {
  it('comes in pages, in the order of UTF-8 bytes', async () => {
    await start({ pageSize: 2 });
    for (const name of ['b', 'a/😀', 'a/～', 'a/1']) await put(name);
    const first = await list('prefix=a/');
    expect(first.items?.map(({ name }) => name)).toEqual(['a/1', 'a/～']);
    const second = await list(`prefix=a/&pageToken=${encodeURIComponent(first.nextPageToken ?? '')}`);
    expect(second.items?.map(({ name }) => name)).toEqual(['a/😀']);
    expect(second).not.toHaveProperty('nextPageToken');
  });

  it('has as many objects as were asked for, and no items when there are none', async () => {
    for (const name of ['a', 'b']) await put(name);
    expect((await list('maxResults=1')).items).toHaveLength(1);
    expect(await list('prefix=c')).toEqual({ kind: 'storage#objects' });
    expect((await ask('/storage/v1/b/lists/o?maxResults=x')).status).toBe(400);
  });
});

describe('an object', () => {
  it('can be looked at and removed', async () => {
    await put('a');
    expect(await (await ask('/storage/v1/b/lists/o/a')).json()).toMatchObject({ name: 'a', size: '1' });
    expect((await ask('/storage/v1/b/lists/o/a', { method: 'DELETE' })).status).toBe(204);
    expect((await ask('/storage/v1/b/lists/o/a', { method: 'DELETE' })).status).toBe(404);
  });

  it('that is missing is refused in JSON, and in plain text for a download', async () => {
    const message = 'No such object: lists/a';
    const answer = await ask('/storage/v1/b/lists/o/a');
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ error: { message, errors: [{ reason: 'notFound' }] } });
    expect(await read('a')).toBe(message);
  });

  it('of a missing bucket is refused', async () => {
    const answer = await ask('/storage/v1/b/missing/o/a');
    expect(await answer.json()).toMatchObject({
      error: { code: 404, message: 'The specified bucket does not exist.' },
    });
  });

  it('is found without /storage/v1 in front as well', async () => {
    await put('a');
    expect(await (await ask('/b/lists/o/a?alt=media')).text()).toBe('a');
  });
});

describe('the rest', () => {
  it.each([
    ['GET', '/storage/v1/b'],
    ['PATCH', '/storage/v1/b/lists/o/a'],
    ['GET', '/upload/storage/v1/b/lists/o'],
  ])('%s %s is not there', async (method, address) => {
    expect((await ask(address, { method })).status).toBe(501);
  });

  it('has faults that can be switched on', async () => {
    standin.faults.set([
      { kind: 'answer', status: 429, code: 'rateLimitExceeded', retryAfter: 3, times: 1 },
      { kind: 'answer', status: 200, code: '', page: '<html>Log in</html>', times: 1 },
      { kind: 'slow', delayMs: 1, times: 1 },
      { kind: 'reset', times: 1 },
    ]);
    const answer = await put('a');
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '3']);
    expect((await put('a')).headers.get('content-type')).toBe('text/html');
    expect((await put('a')).status).toBe(200);
    await expect(put('a')).rejects.toThrow('fetch failed');
    expect(standin.requests.map(({ status }) => status)).toEqual([429, 200, 200, undefined]);
  });

  it('stops at once, also when a request is open', async () => {
    standin.faults.set([{ kind: 'black-hole' }]);
    const open = put('a').catch((error: unknown) => error);
    await expect.poll(() => standin.requests.length).toBe(1);
    await standin.close();
    expect(await open).toBeInstanceOf(TypeError);
  });
});
