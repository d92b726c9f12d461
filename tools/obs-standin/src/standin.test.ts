import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { request as send } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testKeys } from '@oms-sync/testing';
import { sign } from './signature.ts';
import { startObsStandin, type ObsStandin } from './standin.ts';

const { accessKey, secretKey } = testKeys;
const aws = { name: 'AWS', headerPrefix: 'x-amz-' } as const;

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

describe('the stand-in for OBS', () => {
  let buckets: string;
  let standin: ObsStandin;
  beforeEach(async () => {
    buckets = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    await mkdir(path.join(buckets, 'lists'));
    standin = await startObsStandin({ accessKey, secretKey, buckets, pageSize: 2 });
  });
  afterEach(async () => {
    await standin.close();
    await rm(buckets, { recursive: true });
  });

  /** Sends a request as it is, signed unless it brings its own headers. */
  const call = async (
    method: string,
    target: string,
    { body, headers }: { body?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> => {
    const date = new Date().toUTCString();
    const [resource = ''] = target.split('?');
    const signature = sign({ method, headers: { date: [date] }, resource }, aws, secretKey);
    const request = send({
      port: standin.url.port,
      host: standin.url.hostname,
      method,
      path: target,
      headers: headers ?? { date, authorization: `AWS ${accessKey}:${signature}` },
    });
    const answered = new Promise<Answer>((resolve, reject) => {
      request.on('error', reject).on('response', (response) => {
        const { statusCode: status, headers } = response;
        text(response).then((body) => resolve({ status, headers, body }), reject);
      });
    });
    request.end(body);
    return answered;
  };

  it('keeps objects: PUT, GET, HEAD, DELETE', async () => {
    const put = await call('PUT', '/lists/a', { body: 'body' });
    expect(put).toMatchObject({ status: 200, headers: { etag: '"841a2d689ad86bd1611447453c22c6fc"' } });
    expect(await call('GET', '/lists/a')).toMatchObject({ status: 200, body: 'body' });
    expect(await call('HEAD', '/lists/a')).toMatchObject({
      status: 200,
      headers: { 'content-length': '4', etag: put.headers.etag },
      body: '',
    });
    expect(await call('DELETE', '/lists/a')).toMatchObject({ status: 204 });
    expect(await call('DELETE', '/lists/a')).toMatchObject({ status: 204 });
    expect(await call('HEAD', '/lists/a')).toMatchObject({ status: 404 });
  });

  it('takes the key as it is on the wire', async () => {
    await call('PUT', '/lists/a/../%2e%2e//%2525%0A+', { body: 'body' });
    expect(standin.requests).toEqual([
      { operation: 'put', bucket: 'lists', key: 'a/../..//%25\n+', status: 200 },
    ]);
  });

  it('lists in pages, as XML that is escaped or encoded', async () => {
    for (const key of ['%01', '%3Ca%3E%26%22', 'b']) await call('PUT', `/lists/${key}`);
    const { body } = await call('GET', '/lists?max-keys=100');
    expect(body).toContain('<Key>&#x1;</Key>');
    expect(body).toContain('<Key>&lt;a&gt;&amp;&quot;</Key>');
    expect(body).toContain('<IsTruncated>true</IsTruncated>');
    const next = await call('GET', '/lists?encoding-type=url&marker=%3Ca%3E');
    expect(next.body).toContain('<Key>%3Ca%3E%26%22</Key>');
    expect(next.body).toContain('<Key>b</Key>');
    expect(next.body).toContain('<IsTruncated>false</IsTruncated>');
  });

  it.each([
    ['GET', '/lists/missing', 404, 'NoSuchKey'],
    ['GET', '/missing/a', 404, 'NoSuchBucket'],
    ['GET', '/missing?prefix=a', 404, 'NoSuchBucket'],
    ['PUT', `/lists/${'k'.repeat(1025)}`, 400, 'KeyTooLong'],
    ['GET', '/lists/%E4', 400, 'InvalidURI'],
    ['GET', '/..%2Flists/a', 400, 'InvalidBucketName'],
    ['GET', '/', 400, 'InvalidBucketName'],
    ['GET', '/lists?max-keys=many', 400, 'InvalidArgument'],
    ['GET', '/lists?acl', 501, 'NotImplemented'],
    ['POST', '/lists/a?append', 501, 'NotImplemented'],
    ['DELETE', '/lists', 501, 'NotImplemented'],
  ])('answers %s %s with %d %s', async (method, target, status, code) => {
    const answer = await call(method, target);
    expect(answer).toMatchObject({ status, headers: { 'content-type': 'application/xml' } });
    expect(answer.body).toContain(`<Error><Code>${code}</Code>`);
    expect(standin.requests).toMatchObject([{ status }]);
  });

  it.each([
    ['AccessDenied', {}],
    ['AccessDenied', { authorization: 'AWS4-HMAC-SHA256 Credential=a' }],
    ['AccessDenied', { authorization: `AWS ${accessKey}:x` }],
    ['InvalidAccessKeyId', { authorization: 'AWS another:x', date: new Date().toUTCString() }],
    ['SignatureDoesNotMatch', { authorization: `AWS ${accessKey}:x`, date: new Date().toUTCString() }],
    ['RequestTimeTooSkewed', { authorization: `OBS ${accessKey}:x`, date: new Date(0).toUTCString() }],
  ])('answers 403 %s to wrong headers', async (code, headers) => {
    const answer = await call('GET', '/lists/a', { headers });
    expect(answer.status).toBe(403);
    expect(answer.body).toContain(`<Code>${code}</Code>`);
  });

  it('covers method, path and body type with the signature', async () => {
    const date = new Date().toUTCString();
    const signature = sign(
      { method: 'PUT', headers: { date: [date] }, resource: '/lists/a' },
      aws,
      secretKey,
    );
    const headers = { date, authorization: `AWS ${accessKey}:${signature}` };
    expect(await call('PUT', '/lists/a', { headers })).toMatchObject({ status: 200 });
    expect(await call('GET', '/lists/a', { headers })).toMatchObject({ status: 403 });
    expect(await call('PUT', '/lists/b', { headers })).toMatchObject({ status: 403 });
    const typed = { ...headers, 'content-type': 'text/plain' };
    expect(await call('PUT', '/lists/a', { headers: typed })).toMatchObject({ status: 403 });
  });

  describe('with a fault', () => {
    it('answers what it is told to, and does nothing', async () => {
      standin.faults.set([{ kind: 'answer', status: 503, code: 'SlowDown', retryAfter: 7, times: 1 }]);
      const answer = await call('PUT', '/lists/a');
      expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '7' } });
      expect(answer.body).toContain('<Code>SlowDown</Code>');
      expect(await call('GET', '/lists/a')).toMatchObject({ status: 404 });
    });

    it('answers with the page of somebody else', async () => {
      standin.faults.set([{ kind: 'answer', status: 200, code: '', page: '<html>Log in</html>' }]);
      const { status, headers: itsHeaders, body: page } = await call('PUT', '/lists/a');
      expect([status, page]).toEqual([200, '<html>Log in</html>']);
      expect(Object.keys(itsHeaders)).not.toContain('x-obs-request-id');
    });

    it('is slow, but does it', async () => {
      standin.faults.set([{ kind: 'slow', delayMs: 20, operation: 'put' }]);
      const start = performance.now();
      expect(await call('PUT', '/lists/a')).toMatchObject({ status: 200 });
      expect(performance.now() - start).toBeGreaterThan(15);
    });

    it('resets the connection, and does nothing', async () => {
      standin.faults.set([{ kind: 'reset', times: 1 }]);
      await expect(call('PUT', '/lists/a')).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(await call('GET', '/lists/a')).toMatchObject({ status: 404 });
    });

    it('cuts the answer off, but has done it', async () => {
      standin.faults.set([{ kind: 'truncated', times: 2 }]);
      await expect(call('PUT', '/lists/a', { body: 'body' })).rejects.toMatchObject({ code: 'ECONNRESET' });
      await expect(call('GET', '/lists/a')).rejects.toMatchObject({ code: 'ECONNRESET' });
      expect(await call('GET', '/lists/a')).toMatchObject({ status: 200, body: 'body' });
      expect(standin.requests.map(({ status }) => status)).toEqual([undefined, undefined, 200]);
    });
  });

  it.each([{ kind: 'black-hole' }, { kind: 'slow', delayMs: 1_000_000 }] as const)(
    'closes at once while a request waits: $kind',
    async (fault) => {
      standin.faults.set([fault]);
      const request = send({ port: standin.url.port, host: standin.url.hostname, path: '/lists/a' });
      const failed = once(request, 'error');
      request.end();
      await once(request, 'finish');
      await standin.close();
      expect(await failed).toMatchObject([{ code: 'ECONNRESET' }]);
    },
  );
});
