import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startObsStandin, type ObsStandin, type ObsStandinOptions } from '@oms-sync/obs-standin';
import { testKeys } from '@oms-sync/testing';
import type { LogBucket } from '@oms-sync/core';
import { faultOf, showsKeys, testCredentials } from './obs.test-help.ts';
import { openS3, openS3LogBucket, type S3LogBucketOptions } from './s3.ts';
import { useLambdaEnvironment } from './s3.test-help.ts';
import { describeLogBucket } from './suite.ts';

// The peer is the stand-in of OBS, which S3 understands as far as the lists go. It proves that the SDK's requests are
// signed as the documentation of AWS says (Version 4) and that nothing is lost of names and bodies; not that a store
// made by somebody else agrees: s3-radosgw.test.ts has one.

const textType = 'text/plain; charset=utf-8';

interface Peer {
  readonly standin: ObsStandin;
  readonly bucket: LogBucket;
  close(): Promise<void>;
  contentType(key: string): Promise<string | undefined>;
}

async function openPeer({
  standin: standinOptions,
  ...options
}: Partial<S3LogBucketOptions> & { standin?: Partial<ObsStandinOptions> } = {}): Promise<Peer> {
  const buckets = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
  const { bucket: name = 'lists', ...others } = options;
  await mkdir(path.join(buckets, name));
  const standin = await startObsStandin({ ...testKeys, buckets, pageSize: 10, ...standinOptions });
  return {
    standin,
    bucket: openS3LogBucket({ bucket: name, endpoint: standin.url, ...others }),
    contentType: (key) => Promise.resolve(standin.contentType(name, key)),
    async close() {
      await standin.close();
      await rm(buckets, { recursive: true });
    },
  };
}

useLambdaEnvironment(testKeys.securityToken);
afterEach(() => {
  vi.restoreAllMocks();
});

describeLogBucket('S3, AWS signature V4', openPeer);

describeLogBucket('S3 that does not say where the next page begins, as AWS does not', () =>
  openPeer({ standin: { hasNextMarker: false, pageSize: 3 } }),
);

describe('S3', () => {
  let peer: Peer;
  let bucket: LogBucket;
  let standin: ObsStandin;
  const open = async (...options: Parameters<typeof openPeer>) => {
    peer = await openPeer(...options);
    ({ bucket, standin } = peer);
  };
  beforeEach(() => open());
  afterEach(() => peer.close());

  it('is sent nothing but what was asked for', async () => {
    await bucket.prepare();
    expect(standin.requests).toHaveLength(0);
    await bucket.put('a', 'a', textType);
    await bucket.get('a');
    expect(standin.requests.map(({ operation }) => operation)).toEqual(['put', 'get']);
  });

  it('is sent many objects at once without a warning', async () => {
    const warned = vi.fn<(warning: Error) => void>();
    process.on('warning', warned);
    await Promise.all(Array.from({ length: 200 }, (_, index) => bucket.put(`${index}`, 'a', textType)));
    process.off('warning', warned);
    expect(standin.requests).toHaveLength(200);
    expect(warned).not.toHaveBeenCalled();
  });

  it('is found by the address in the settings, and the endpoint in the environment', async () => {
    vi.stubEnv('AWS_ENDPOINT_URL_S3', standin.url.href);
    const opened = openS3({
      logBucket: { store: 's3', bucket: 'lists', prefix: '' },
      obsEndpoint: undefined,
      credentials: testCredentials,
    });
    await opened.put('a', 'a', textType);
    expect(await bucket.get('a')).toBe('a');
  });

  it('prints nothing, whatever happens', async () => {
    const written = [
      vi.spyOn(process.stdout, 'write').mockReturnValue(true),
      vi.spyOn(process.stderr, 'write').mockReturnValue(true),
    ];
    await bucket.put('a', 'a', textType);
    standin.faults.set([
      { kind: 'reset', times: 1 },
      { kind: 'answer', status: 503, code: 'SlowDown' },
    ]);
    await faultOf(bucket.get('a'));
    await faultOf(bucket.get('a'));
    const calls = written.map(({ mock }) => mock.calls.length);
    vi.restoreAllMocks();
    expect(calls).toEqual([0, 0]);
  });

  describe('that refuses', () => {
    it.each([
      [503, 'SlowDown', true],
      [500, 'InternalError', true],
      [408, 'Timeout', true],
      [429, 'TooManyRequests', true],
      [400, 'RequestTimeout', true],
      [409, 'OperationAborted', true],
      [403, 'AccessDenied', false],
      [404, 'NoSuchBucket', false],
      [400, 'InvalidArgument', false],
      [400, 'ExpiredToken', false],
      [307, 'TemporaryRedirect', false],
    ])('with %d %s is asked once; passing: %s', async (status, code, passing) => {
      standin.faults.set([{ kind: 'answer', status, code }]);
      const calls = [
        ['put', () => bucket.put('a', 'a', textType)],
        ['get', () => bucket.get('a')],
        ['delete', () => bucket.delete('a')],
        ['list', () => bucket.list('a')[Symbol.asyncIterator]().next()],
      ] as const;
      for (const [operation, call] of calls) {
        expect(await faultOf(call())).toMatchObject({ operation, key: 'a', status, code, passing });
      }
      expect(standin.requests).toHaveLength(calls.length);
    });

    it('says so with the message and the number of the request', async () => {
      standin.faults.set([{ kind: 'answer', status: 403, code: 'AccessDenied' }]);
      expect((await faultOf(bucket.put('a', 'a', textType))).message).toMatch(
        /^log bucket: put a: HTTP 403 AccessDenied: A fault that was asked for\. \(request [\w-]{36}\)$/,
      );
    });

    it.each([
      [400, 'KeyTooLongError', true],
      [400, 'InvalidURI', true],
      [400, 'XMinioInvalidObjectName', true],
      [400, 'ExpiredToken', false],
      [400, 'RequestTimeout', false],
      [403, 'AccessDenied', false],
      [503, 'SlowDown', false],
    ])('with %d %s refuses the key: %s', async (status, code, isKeyRefused) => {
      standin.faults.set([{ kind: 'answer', status, code }]);
      expect(await faultOf(bucket.put('a', 'a', textType))).toMatchObject({ code, isKeyRefused });
    });

    it('works again afterwards', async () => {
      standin.faults.set([{ kind: 'answer', status: 503, code: 'SlowDown', times: 1 }]);
      await faultOf(bucket.put('a', 'a', textType));
      await bucket.put('a', 'a', textType);
      expect(await bucket.get('a')).toBe('a');
    });
  });

  it('without the bucket throws for every method, a missing object or not', async () => {
    const missing = openS3LogBucket({ bucket: 'missing', endpoint: standin.url });
    const calls = [() => missing.get('a'), () => missing.delete('a'), () => missing.put('a', 'a', textType)];
    for (const call of calls) {
      expect(await faultOf(call())).toMatchObject({ status: 404, code: 'NoSuchBucket', passing: false });
    }
  });

  it.each([
    ['SignatureDoesNotMatch', { secretKey: 'another' }],
    ['InvalidAccessKeyId', { accessKey: 'another' }],
    ['InvalidToken', { securityToken: 'another' }],
  ])('answers %s to other keys, and no key shows', async (code, keys) => {
    await peer.close();
    await open({ standin: keys });
    const fault = await faultOf(bucket.put('a', 'a', textType));
    expect(fault).toMatchObject({ status: 403, code, passing: false });
    expect(showsKeys(fault)).toBe(false);
  });

  it('answers RequestTimeTooSkewed when the clocks are 15 minutes apart', async () => {
    await peer.close();
    await open({ standin: { now: () => Date.now() + 16 * 60_000 } });
    expect(await faultOf(bucket.get('a'))).toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
  });

  it.each(['put', 'get', 'list', 'delete'] as const)(
    'reset or cut off in a %s is a passing fault',
    async (operation) => {
      await bucket.put('a', 'body', textType);
      for (const kind of ['reset', 'truncated'] as const) {
        standin.faults.set([{ kind }]);
        const calls = {
          put: () => bucket.put('a', 'a'.repeat(1_000_000), textType),
          get: () => bucket.get('a'),
          list: () => bucket.list('')[Symbol.asyncIterator]().next(),
          delete: () => bucket.delete('a'),
        };
        const fault = await faultOf(calls[operation]());
        expect(fault).toMatchObject({ operation, status: undefined, passing: true });
        expect(['ECONNRESET', 'EPIPE']).toContain(fault.code);
        expect(showsKeys(fault)).toBe(false);
        standin.faults.clear();
        await bucket.put('a', 'body', textType);
      }
    },
  );

  it('that is silent is given up in time', async () => {
    await peer.close();
    await open({ timeoutMs: 500 });
    standin.faults.set([{ kind: 'black-hole' }]);
    const fault = await faultOf(bucket.put('a', 'a', textType));
    expect(fault).toMatchObject({ status: undefined, code: 'ETIMEDOUT', passing: true });
    standin.faults.clear();
    await bucket.put('a', 'a', textType);
  });

  it('that is silent is given up when the time limit of the call is over', async () => {
    standin.faults.set([{ kind: 'black-hole' }]);
    const calls = [bucket.put('a', 'a', textType, 100), bucket.get('a', 100), bucket.delete('a', 100)];
    for (const fault of await Promise.all(calls.map(faultOf))) {
      expect(fault).toMatchObject({ code: 'ETIMEDOUT', passing: true });
    }
  });

  it('that is away is a passing fault', async () => {
    await standin.close();
    const fault = await faultOf(bucket.get('a'));
    expect(fault).toMatchObject({ status: undefined, code: 'ECONNREFUSED', passing: true });
    expect(fault.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });
});
