import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeCertificate, testKeys } from '@oms-sync/testing';
import type { LogBucket } from '@oms-sync/core';
import { bundle } from './bundle.test-help.ts';
import { openGcsLogBucket, type GcsLogBucketOptions } from './gcs.ts';
import { faultOf } from './obs.test-help.ts';
import { answering, listen, serve, storeHeaders, strangeAnswers } from './servers.test-help.ts';

// What the stand-in does not do, or what is only seen on the wire: servers made for one test each.

const textType = 'text/plain; charset=utf-8';
const json = { 'content-type': 'application/json; charset=UTF-8' };
const first = (bucket: LogBucket) => bucket.list('p')[Symbol.asyncIterator]().next();

async function openFor(
  listener: RequestListener,
  options: Partial<GcsLogBucketOptions> = {},
): Promise<LogBucket> {
  return openGcsLogBucket({ bucket: 'lists', endpoint: await serve(listener), ...options });
}

function callsOf(bucket: LogBucket) {
  return [
    ['put', () => bucket.put('p', 'a', textType)],
    ['get', () => bucket.get('p')],
    ['delete', () => bucket.delete('p')],
    ['list', () => first(bucket)],
  ] as const;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('an answer of status 200 that is broken', () => {
  const kind = 'storage#objects';
  const entry = { name: 'p', size: '1', updated: '2026-01-01T00:00:00.000Z' };

  it('is told from a whole one', async () => {
    const bucket = await openFor(answering(JSON.stringify({ kind, items: [entry] }), json));
    expect(await first(bucket)).toMatchObject({ value: { key: 'p', size: 1 } });
  });

  it('is told from a listing without objects', async () => {
    const bucket = await openFor(answering('{"kind":"storage#objects"}', json));
    expect(await first(bucket)).toMatchObject({ done: true });
  });

  it.each([
    ['empty', ''],
    ['no JSON', 'Bad gateway'],
    ['another document', '<html><body>Log in first</body></html>'],
    ['another answer', '{"message":"Log in first"}'],
    ['cut off', JSON.stringify({ kind, items: [entry] }).slice(0, -5)],
    ['a listing of nothing', JSON.stringify({ kind, items: 'none' })],
    ['without its kind', '{}'],
    ['with an object without name', JSON.stringify({ kind, items: [{ ...entry, name: undefined }] })],
    ['with an object of no size', JSON.stringify({ kind, items: [{ ...entry, size: 'x' }] })],
    ['with an object without time', JSON.stringify({ kind, items: [{ ...entry, updated: 'then' }] })],
    ['with a token that is none', JSON.stringify({ kind, items: [entry], nextPageToken: 1 })],
  ])('%s: a passing fault', async (_what, body) => {
    for (const headers of [json, { 'content-type': 'application/json' }]) {
      const bucket = await openFor(answering(body, headers));
      expect(await faultOf(first(bucket))).toMatchObject({ code: 'BrokenAnswer', passing: true });
    }
  });

  it('to a put that nobody stored: a passing fault', async () => {
    const bucket = await openFor(answering('{"name":"another"}', json));
    expect(await faultOf(bucket.put('p', 'a', textType))).toMatchObject({ code: 'BrokenAnswer' });
  });

  it.each(strangeAnswers)(
    'that is not of the store, with status %d and %j: a passing fault',
    async (status, body) => {
      const bucket = await openFor((_request, response) => void response.writeHead(status).end(body));
      const calls = [() => bucket.put('p', 'a', textType), () => bucket.get('p'), () => bucket.delete('p')];
      for (const call of calls) {
        expect(await faultOf(call())).toMatchObject({ code: 'BrokenAnswer', passing: true });
      }
    },
  );

  it('that comes again and again: a fault', async () => {
    const body = JSON.stringify({ kind, items: [entry], nextPageToken: 'again' });
    const bucket = await openFor((_request, response) => void response.writeHead(200, json).end(body));
    const listAll = async () => {
      for await (const { key } of bucket.list('p')) expect(key).toBe('p');
    };
    expect(await faultOf(listAll())).toMatchObject({ code: 'BrokenAnswer' });
  });

  it('is not one with an empty page in its middle', async () => {
    const pages = [
      { kind, items: [entry], nextPageToken: 'one' },
      { kind, nextPageToken: 'two' },
      { kind, items: [entry] },
    ];
    const bucket = await openFor((_request, response) => {
      response.writeHead(200, json).end(JSON.stringify(pages.shift()));
    });
    const keys: string[] = [];
    for await (const { key } of bucket.list('p')) keys.push(key);
    expect(keys).toEqual(['p', 'p']);
  });
});

describe('the connection', () => {
  it('is kept for the next request', async () => {
    const connected = vi.fn<() => void>();
    const server = createServer((request, response) =>
      request.resume().on('end', () => response.writeHead(200, json).end('{"name":"a"}')),
    );
    server.on('connection', connected);
    const endpoint = new URL(`http://${await listen(server)}`);
    const bucket = openGcsLogBucket({ bucket: 'lists', endpoint });
    for (let time = 0; time < 3; time += 1) await bucket.put('a', 'a', textType);
    expect(connected).toHaveBeenCalledTimes(1);
  });

  // node-fetch issue 1767, and nodejs/node issue 63989 for newer versions of Node.js.
  it('is kept without a fault when answers come in chunks, more of them than connections', async () => {
    const bucket = await openFor((request, response) =>
      request.resume().on('end', () => {
        response.writeHead(200, { ...json, ...storeHeaders }).write('{"name":');
        response.end('"a"}');
      }),
    );
    await Promise.all(Array.from({ length: 300 }, () => bucket.put('a', 'a', textType)));
    for (let time = 0; time < 50; time += 1) await bucket.put('a', 'a', textType);
    expect(await bucket.get('a')).toBe('{"name":"a"}');
  });

  it.each(['get', 'list', 'put'] as const)(
    'is closed when the answer to a %s stops half way',
    async (operation) => {
      for (const headers of [{ ...json, 'content-length': '10' }, json]) {
        const closed = vi.fn<() => void>();
        const bucket = await openFor(
          (_request, response) => {
            response.on('close', closed).writeHead(200, headers).write('{"na');
          },
          { timeoutMs: 50 },
        );
        const call = callsOf(bucket).find(([name]) => name === operation)?.[1];
        expect(await faultOf(call?.() ?? Promise.resolve())).toMatchObject({
          code: 'ETIMEDOUT',
          passing: true,
        });
        await vi.waitFor(() => expect(closed).toHaveBeenCalled());
      }
    },
  );

  it('is closed in time when there is no answer, or bytes keep coming', async () => {
    for (const trickle of [false, true]) {
      const closed = vi.fn<() => void>();
      const bucket = await openFor(
        (request, response) => {
          request.socket.on('close', closed);
          if (!trickle) return;
          response.writeHead(200, { 'content-length': '1000000' });
          const timer = setInterval(() => response.write('x'), 5);
          response.on('close', () => clearInterval(timer));
        },
        { timeoutMs: 100 },
      );
      expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'ETIMEDOUT', passing: true });
      await vi.waitFor(() => expect(closed).toHaveBeenCalled());
    }
  });

  it('that is reset or cut off, also in a chunk, is a passing fault, and asked once', async () => {
    const reset: RequestListener = (request) => void request.socket.resetAndDestroy();
    const cut =
      (headers: Record<string, string>): RequestListener =>
      (_request, response) => {
        response.writeHead(200, headers).write('half', () => response.socket?.end());
      };
    for (const listener of [reset, cut({ 'content-length': '10' }), cut({})]) {
      const seen = vi.fn<RequestListener>(listener);
      const bucket = await openFor(seen);
      const calls = callsOf(bucket);
      for (const [operation, call] of calls) {
        const fault = await faultOf(call());
        expect(fault).toMatchObject({ operation, status: undefined, passing: true });
        expect(['ECONNRESET', 'EPIPE']).toContain(fault.code);
      }
      expect(seen).toHaveBeenCalledTimes(calls.length);
    }
  });

  it('does not follow a redirect with its token', async () => {
    const visited = vi.fn<RequestListener>((_request, response) => void response.end());
    const other = await serve(visited);
    const bucket = await openFor((_request, response) => {
      response.writeHead(307, { location: new URL('/lists/a', other).href }).end();
    });
    for (const [, call] of callsOf(bucket)) {
      expect(await faultOf(call())).toMatchObject({ status: 307, code: 'HTTP307', passing: false });
    }
    expect(visited).not.toHaveBeenCalled();
  });

  it('refuses what is no HTTP', async () => {
    const bucket = await openFor((_request, response) => void response.socket?.end('SSH-2.0-OpenSSH\r\n'));
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'HPE_INVALID_CONSTANT', passing: true });
  });

  it('is never plain http to another machine, whoever names the endpoint', async () => {
    const endpoint = new URL('http://storage.example.com');
    expect(() => openGcsLogBucket({ bucket: 'lists', endpoint })).toThrow(RangeError);
    vi.stubEnv('STORAGE_EMULATOR_HOST', endpoint.href);
    const fault = await faultOf(openGcsLogBucket({ bucket: 'lists' }).prepare());
    expect(fault).toMatchObject({ code: 'RangeError', passing: false });
    expect(fault.message).toContain('https');
  });
});

describe('an answer of a proxy', () => {
  it.each([
    [502, '<html><body>Bad gateway</body></html>', true],
    [504, '', true],
    [404, '<html><body>Not here</body></html>', false],
    [407, '{"message":"Who are you?"}', false],
  ])('of status %d and %j has the status as its code; passing: %s', async (status, body, passing) => {
    const bucket = await openFor((request, response) => {
      request.resume().on('end', () => response.writeHead(status).end(body));
    });
    for (const [, call] of callsOf(bucket)) {
      expect(await faultOf(call())).toMatchObject({ status, code: `HTTP${status}`, passing });
    }
  });
});

describe('the SDK', () => {
  it('reports a key that is no well-formed text', async () => {
    const bucket = await openFor(answering(''));
    const calls = [
      () => bucket.get('\uD800'),
      () => bucket.delete('\uD800'),
      () => bucket.put('\uD800', '', textType),
    ];
    for (const call of calls) {
      expect(await faultOf(call())).toMatchObject({ code: 'URIError', passing: false });
    }
  });

  it('is loaded anew when it could not be loaded', async () => {
    vi.doMock('@google-cloud/storage', () => {
      throw new Error('no such package');
    });
    const bucket = await openFor((_request, response) => void response.writeHead(200, storeHeaders).end());
    expect(await faultOf(bucket.prepare())).toMatchObject({ operation: 'prepare', passing: false });
    expect(await faultOf(bucket.get('a'))).toMatchObject({ operation: 'get', key: 'a' });
    vi.doUnmock('@google-cloud/storage');
    await bucket.prepare();
    expect(await bucket.get('a')).toBe('');
  });
});

describe('the file with the credentials', () => {
  it('does not show when it is no JSON, and is no passing fault', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'key.json');
    await writeFile(file, testKeys.secretKey);
    vi.stubEnv('GOOGLE_APPLICATION_CREDENTIALS', file);
    const bucket = openGcsLogBucket({ bucket: 'lists', endpoint: new URL('https://127.0.0.1:1') });
    const fault = await faultOf(bucket.get('a'));
    expect(fault).toMatchObject({ code: 'SyntaxError', passing: false });
    expect(fault.message).toContain('the file with the credentials is no JSON');
    // The SDK's message has but the beginning.
    expect(inspect(fault, { depth: Infinity, showHidden: true })).not.toContain(
      testKeys.secretKey.slice(0, 8),
    );
  });
});

describe('a function with a service account, bundled', () => {
  const certificate = makeCertificate();
  const startServer = async (listener: RequestListener) => {
    const server = createTlsServer(certificate, (request, response) =>
      request.resume().on('end', () => listener(request, response)),
    );
    server.keepAliveTimeout = 0; // Never ends an idle connection.
    return `https://${await listen(server)}`;
  };

  let folder: string;
  const outfile = () => path.join(folder, 'put.cjs');
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    await writeFile(path.join(folder, 'ca.pem'), certificate.cert);
    const script = `
      import { inspect } from 'node:util';
      import { openGcsLogBucket } from './gcs.ts';
      const endpoint = new URL(process.env.ENDPOINT);
      const timeoutMs = Number(process.env.TIMEOUT_MS);
      const bucket = openGcsLogBucket({ bucket: 'lists', endpoint, timeoutMs });
      bucket.put('a', 'a', 'text/plain').then(
        () => ({ shown: inspect(bucket, { depth: Infinity, showHidden: true }) }),
        (error) => {
          const { status, code, passing, message } = error;
          const shown = inspect(error, { depth: Infinity, showHidden: true });
          return { status, code, passing, message, shown };
        },
      ).then((result) => {
        // What looks for credentials goes on trying for some seconds, and nobody waits for it.
        const leave = process.env.LEAVES ? () => process.exit(0) : undefined;
        process.stdout.write(JSON.stringify(result), leave);
      });`;
    await bundle(script, outfile());
  });
  afterAll(() => rm(folder, { recursive: true }));

  /** Runs one `put` in a process of its own, with the environment of Cloud Run. Gives what it printed. */
  const put = async (endpoint: string, metadata: URL, env: Record<string, string> = {}): Promise<unknown> => {
    const child = spawn(process.execPath, [outfile()], {
      env: {
        HOME: folder,
        PATH: '',
        ENDPOINT: endpoint,
        TIMEOUT_MS: '10000',
        GCE_METADATA_HOST: metadata.host,
        K_SERVICE: 'oms-sync',
        FUNCTION_TARGET: 'omsSync',
        NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem'),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    expect(await once(child, 'close')).toEqual([0, null]);
    return JSON.parse(printed);
  };

  /** https://docs.cloud.google.com/compute/docs/metadata/overview */
  const handOut: RequestListener = (request, response) => {
    const isToken = request.url?.startsWith('/computeMetadata/v1/instance/service-accounts/default/token');
    response.writeHead(isToken === true ? 200 : 404, { 'metadata-flavor': 'Google', ...json });
    response.end(
      JSON.stringify({ access_token: testKeys.securityToken, expires_in: 3600, token_type: 'Bearer' }),
    );
  };
  const hidden = { shown: expect.not.stringContaining(testKeys.securityToken) as string };

  it('sends its token, and lets the process end with the connection open', async () => {
    const authorizations: unknown[] = [];
    const endpoint = await startServer((request, response) => {
      authorizations.push(request.headers.authorization === `Bearer ${testKeys.securityToken}`);
      response.writeHead(200, json).end('{"name":"a"}');
    });
    expect(await put(endpoint, await serve(handOut))).toEqual(hidden);
    expect(authorizations).toEqual([true]);
  });

  it('asks again for a token when the first request for one was never answered', async () => {
    const answers: RequestListener[] = [() => undefined];
    const metadata = await serve((request, response) => (answers.shift() ?? handOut)(request, response));
    const endpoint = await startServer((_request, response) => {
      response.writeHead(200, json).end('{"name":"a"}');
    });
    expect(await put(endpoint, metadata, { TIMEOUT_MS: '4000' })).toEqual(hidden);
  });

  it('does not show its token in a fault', async () => {
    const endpoint = await startServer((request, response) => {
      const error = {
        code: 403,
        message: `Not with ${request.headers.authorization}`,
        errors: [{ reason: 'forbidden' }],
      };
      response.writeHead(403, json).end(JSON.stringify({ error }));
    });
    expect(await put(endpoint, await serve(handOut))).toMatchObject({
      status: 403,
      code: 'forbidden',
      passing: false,
      message: expect.stringContaining('[secret]') as string,
      ...hidden,
    });
  });

  it.each([
    ['is silent', () => undefined],
    ['is broken', (_request, response) => void response.writeHead(500).end()],
  ] satisfies [string, RequestListener][])(
    'has a passing fault when the metadata server %s, and sends nothing',
    async (_what, listener) => {
      const asked = vi.fn<RequestListener>((_request, response) => void response.end());
      const fault = await put(await startServer(asked), await serve(listener), {
        TIMEOUT_MS: '1000',
        LEAVES: 'yes',
      });
      expect(fault).toMatchObject({ passing: true });
      expect(asked).not.toHaveBeenCalled();
    },
  );

  it('refuses a certificate that nobody vouches for', async () => {
    const endpoint = await startServer((_request, response) => void response.end());
    const fault = await put(endpoint, await serve(handOut), { NODE_EXTRA_CA_CERTS: '' });
    expect(fault).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT', passing: false, ...hidden });
  });
});
