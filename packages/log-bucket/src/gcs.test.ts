import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startGcsStandin, type GcsStandin, type GcsStandinOptions } from '@oms-sync/gcs-standin';
import type { LogBucket } from '@oms-sync/core';
import { faultOf, testCredentials } from './obs.test-help.ts';
import { ObjectFolder } from './object-folder.ts';
import { openGcs, openGcsLogBucket, type GcsLogBucketOptions } from './gcs.ts';
import { describeLogBucket } from './suite.ts';

// The peer is a small stand-in for the JSON API, in this process, under Google's own SDK. It proves that the requests
// of the SDK are ones that the API's documentation has, and that nothing is lost of names and bodies. It does not prove
// that Google agrees: its answers are written after the documentation and what people reported. There are no
// credentials with it: gcs-edges.test.ts has a metadata server.

const textType = 'text/plain; charset=utf-8';

interface Peer {
  /** The folder of the buckets. */
  readonly buckets: string;
  readonly standin: GcsStandin;
  readonly bucket: LogBucket;
  close(): Promise<void>;
  contentType(key: string): Promise<string | undefined>;
}

async function openPeer({
  standin: standinOptions,
  ...options
}: Partial<GcsLogBucketOptions> & { standin?: Partial<GcsStandinOptions> } = {}): Promise<Peer> {
  const buckets = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
  const { bucket: name = 'lists', ...others } = options;
  await mkdir(path.join(buckets, name));
  const standin = await startGcsStandin({ buckets, pageSize: 10, ...standinOptions });
  return {
    buckets,
    standin,
    bucket: openGcsLogBucket({ bucket: name, endpoint: standin.url, ...others }),
    contentType: (key) => Promise.resolve(standin.contentType(name, key)),
    async close() {
      await standin.close();
      await rm(buckets, { recursive: true });
    },
  };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describeLogBucket('Google Cloud Storage', openPeer, {
  // They lie under other names, and are listed where those are: the tests of single keys have them.
  holds: (key) => !/[\r\n]|^\.{1,2}$/.test(key),
});

describe('Google Cloud Storage', () => {
  let peer: Peer;
  let bucket: LogBucket;
  let standin: GcsStandin;
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
    vi.stubEnv('STORAGE_EMULATOR_HOST', standin.url.href);
    const opened = openGcs({
      logBucket: { store: 'gs', bucket: 'lists', prefix: '' },
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
      { kind: 'answer', status: 503, code: 'backendError' },
    ]);
    await faultOf(bucket.get('a'));
    await faultOf(bucket.get('a'));
    const calls = written.map(({ mock }) => mock.calls.length);
    vi.restoreAllMocks();
    expect(calls).toEqual([0, 0]);
  });

  describe('that refuses', () => {
    it.each([
      [503, 'backendError', true],
      [500, 'internalError', true],
      [408, 'requestTimeout', true],
      [429, 'rateLimitExceeded', true],
      [403, 'forbidden', false],
      [401, 'authError', false],
      [400, 'invalid', false],
      [412, 'conditionNotMet', false],
      [307, 'redirect', false],
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
      standin.faults.set([{ kind: 'answer', status: 403, code: 'forbidden' }]);
      expect((await faultOf(bucket.put('a', 'a', textType))).message).toMatch(
        /^log bucket: put a: HTTP 403 forbidden: A fault that was asked for\. \(request [\w-]{36}\)$/,
      );
    });

    it.each([
      [400, 'invalid', true],
      [400, 'parseError', false],
      [403, 'forbidden', false],
      [503, 'backendError', false],
    ])('with %d %s refuses the key: %s', async (status, code, isKeyRefused) => {
      standin.faults.set([{ kind: 'answer', status, code }]);
      expect(await faultOf(bucket.put('a', 'a', textType))).toMatchObject({ code, isKeyRefused });
    });

    it('works again afterwards', async () => {
      standin.faults.set([{ kind: 'answer', status: 503, code: 'backendError', times: 1 }]);
      await faultOf(bucket.put('a', 'a', textType));
      await bucket.put('a', 'a', textType);
      expect(await bucket.get('a')).toBe('a');
    });
  });

  it('without the bucket throws for every method, a missing object or not', async () => {
    const missing = openGcsLogBucket({ bucket: 'missing', endpoint: standin.url });
    const calls = [() => missing.get('a'), () => missing.delete('a'), () => missing.put('a', 'a', textType)];
    for (const call of calls) {
      expect(await faultOf(call())).toMatchObject({ status: 404, code: 'notFound', passing: false });
    }
  });

  it('holds what the SDK would take for the place of a project, and a bucket in the name of its object', async () => {
    const keys = ['{{projectId}}/a', 'The specified bucket does not exist.'];
    for (const key of keys) {
      expect(await bucket.get(key)).toBeUndefined();
      await bucket.put(key, key, textType);
      expect(await bucket.get(key)).toBe(key);
      const listed: string[] = [];
      for await (const object of bucket.list(key)) listed.push(object.key);
      expect(listed).toEqual([key]);
    }
  });

  it('gives back what looks like JSON as it is', async () => {
    for (const body of ['1.0', '{"a": 1}', '{"error":{"code":404,"message":"No"}}', 'null', '']) {
      await bucket.put('a', body, textType);
      expect(await bucket.get('a')).toBe(body);
    }
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

  it('that others fill is listed as it is, and begins at a name', async () => {
    // In a bucket of ours these would stand for a line feed, and for a dot.
    const names = ['a\u240A', '\uFF0E', '\u201Bb'];
    const folder = new ObjectFolder(path.join(peer.buckets, 'lists'));
    for (const name of names) await folder.write(name, '');
    const foreign = openGcsLogBucket({ bucket: 'lists', endpoint: standin.url, isForeign: true });
    const listed = async (after?: string) => {
      const keys: string[] = [];
      for await (const { key } of foreign.list('', { after })) keys.push(key);
      return keys;
    };
    expect(await listed()).toEqual(['a\u240A', '\u201Bb', '\uFF0E']);
    expect(await listed('a\u240A')).toEqual(['\u201Bb', '\uFF0E']);
    expect(await listed('\uFF0E')).toEqual([]);
  });

  it('that is away is a passing fault', async () => {
    await standin.close();
    const fault = await faultOf(bucket.get('a'));
    expect(fault).toMatchObject({ status: undefined, code: 'ECONNREFUSED', passing: true });
    expect(fault.cause).toMatchObject({ code: 'ECONNREFUSED' });
  });
});
