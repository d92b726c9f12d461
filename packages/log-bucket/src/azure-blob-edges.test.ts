import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeCertificate, testKeys } from '@oms-sync/testing';
import type { LogBucket } from '@oms-sync/core';
import { openAzureBlob, openAzureBlobLogBucket, type AzureBlobLogBucketOptions } from './azure-blob.ts';
import { faultOf, showsKeys, testCredentials } from './obs.test-help.ts';
import { bundle } from './bundle.test-help.ts';
import { answering, listen, serve } from './servers.test-help.ts';

// What Azurite does not do, or what is only seen on the wire: servers made for one test each.

const textType = 'text/plain; charset=utf-8';
const account = 'testaccount';
const accountKey = `${testKeys.secretKey}AA`;
const etag = '"0x1"'; // Without one, it is no answer of Azure.
const first = (bucket: LogBucket) => bucket.list('p')[Symbol.asyncIterator]().next();

function connectionTo(endpoint: URL): string {
  const blobEndpoint = `${endpoint.href}${account}`;
  return `DefaultEndpointsProtocol=http;AccountName=${account};AccountKey=${accountKey};BlobEndpoint=${blobEndpoint}`;
}

async function openFor(
  listener: RequestListener,
  options: Partial<AzureBlobLogBucketOptions> = {},
): Promise<LogBucket> {
  const connectionString = connectionTo(await serve(listener));
  return openAzureBlobLogBucket({ account, container: 'lists', connectionString, ...options });
}

function callsOf(bucket: LogBucket) {
  return [
    ['put', () => bucket.put('p', 'a', textType)],
    ['get', () => bucket.get('p')],
    ['delete', () => bucket.delete('p')],
    ['list', () => first(bucket)],
  ] as const;
}

const certificate = makeCertificate();
const startTlsServer = async (listener: RequestListener) => {
  const server = createTlsServer(certificate, (request, response) =>
    request.resume().on('end', () => listener(request, response)),
  );
  server.keepAliveTimeout = 0; // Never ends an idle connection.
  return `https://${await listen(server)}`;
};
/** https://learn.microsoft.com/azure/app-service/overview-managed-identity, "REST endpoint reference" */
const handOut: RequestListener = (_request, response) => {
  const expires = String(Math.floor(Date.now() / 1000) + 3600);
  response
    .writeHead(200, { 'content-type': 'application/json' })
    .end(JSON.stringify({ access_token: testKeys.securityToken, expires_on: expires, token_type: 'Bearer' }));
};

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('a refusal', () => {
  const refusing =
    (status: number, code: string, seen: () => void = () => undefined): RequestListener =>
    (request, response) => {
      seen();
      request.resume().on('end', () => {
        response
          .writeHead(status, {
            'x-ms-error-code': code,
            'x-ms-request-id': 'a-number',
            'content-type': 'application/xml',
          })
          .end(
            `<?xml version="1.0"?><Error><Code>${code}</Code><Message>What a pity.\nTime:now</Message></Error>`,
          );
      });
    };

  it.each([
    [503, 'ServerBusy', true],
    [500, 'InternalError', true],
    [500, 'OperationTimedOut', true],
    [408, 'Timeout', true],
    [429, 'TooManyRequests', true],
    [409, 'ContainerBeingDeleted', true],
    [403, 'AuthorizationPermissionMismatch', false],
    [403, 'AuthenticationFailed', false],
    [404, 'ContainerNotFound', false],
    [400, 'InvalidUri', false],
    [409, 'BlobImmutableDueToPolicy', false],
  ])('with %d %s is asked once; passing: %s', async (status, code, passing) => {
    const seen = vi.fn<() => void>();
    const bucket = await openFor(refusing(status, code, seen));
    const calls = callsOf(bucket);
    for (const [operation, call] of calls) {
      expect(await faultOf(call())).toMatchObject({ operation, key: 'p', status, code, passing });
    }
    expect(seen).toHaveBeenCalledTimes(calls.length);
  });

  it('says so with the message and the number of the request', async () => {
    const bucket = await openFor(refusing(403, 'AuthorizationFailure'));
    expect((await faultOf(bucket.put('a', 'a', textType))).message).toBe(
      'log bucket: put a: HTTP 403 AuthorizationFailure: What a pity. (request a-number)',
    );
  });

  it.each([
    [400, 'InvalidUri', true],
    [400, 'InvalidResourceName', true],
    [400, 'OutOfRangeInput', true],
    [400, 'InvalidHeaderValue', false],
    [403, 'AuthenticationFailed', false],
  ])('with %d %s refuses the key: %s', async (status, code, isKeyRefused) => {
    const bucket = await openFor(refusing(status, code));
    expect(await faultOf(bucket.put('p', 'a', textType))).toMatchObject({ code, isKeyRefused });
  });

  it('of a missing blob is none', async () => {
    const bucket = await openFor(refusing(404, 'BlobNotFound'));
    expect(await bucket.get('a')).toBeUndefined();
    await bucket.delete('a');
  });
});

describe('a listing', () => {
  const entry =
    '<Blob><Name>p</Name><Properties><Last-Modified>Thu, 01 Jan 2026 00:00:00 GMT</Last-Modified>' +
    '<Content-Length>1</Content-Length></Properties></Blob>';
  const listing = (content: string, next = '') =>
    `<?xml version="1.0" encoding="utf-8"?><EnumerationResults ServiceEndpoint="https://a/" ContainerName="lists">` +
    `<Blobs>${content}</Blobs><NextMarker>${next}</NextMarker></EnumerationResults>`;
  const xml = { 'content-type': 'application/xml' };

  it('of two pages and an empty one between is read to its end', async () => {
    const markers: (string | null)[] = [];
    const bucket = await openFor((request, response) => {
      const marker = new URL(request.url ?? '', 'http://a').searchParams.get('marker');
      markers.push(marker);
      const pages: Record<string, string> = {
        one: listing('', 'two'),
        two: listing(entry.replace('>p<', '>pq<')),
      };
      response.writeHead(200, xml).end(pages[marker ?? ''] ?? listing(entry, 'one'));
    });
    const keys: string[] = [];
    for await (const { key } of bucket.list('p')) keys.push(key);
    expect([keys, markers]).toEqual([
      ['p', 'pq'],
      [null, 'one', 'two'],
    ]);
  });

  it('has names that Azure encodes because XML cannot hold them', async () => {
    const bucket = await openFor(
      answering(listing(entry.replace('<Name>p', '<Name Encoded="true">p%EF%BF%BF%20+')), xml),
    );
    expect(await first(bucket)).toMatchObject({ value: { key: 'p\uFFFF +' } });
  });

  it.each([
    ['empty', ''],
    ['no XML', 'Bad gateway'],
    ['another document', '<html><body>Log in first</body></html>'],
    ['cut off', listing(entry).slice(0, -30)],
    ['with a blob without name', listing(entry.replace('<Name>p</Name>', ''))],
    ['with a blob without size', listing(entry.replace('<Content-Length>1</Content-Length>', ''))],
    ['with a blob of no size', listing(entry.replace('>1<', '>x<'))],
    ['with a blob without time', listing(entry.replace('2026', 'then'))],
  ])('of status 200 that is %s: a passing fault', async (_what, body) => {
    const bucket = await openFor(answering(body, xml));
    expect(await faultOf(first(bucket))).toMatchObject({ status: 200, code: 'BrokenAnswer', passing: true });
  });

  it('that comes again and again: a fault', async () => {
    const bucket = await openFor((_request, response) => {
      response.writeHead(200, xml).end(listing(entry, 'again'));
    });
    const listAll = async () => {
      for await (const { key } of bucket.list('p')) expect(key).toBe('p');
    };
    expect(await faultOf(listAll())).toMatchObject({ code: 'BrokenAnswer' });
  });
});

describe('the connection', () => {
  it('is kept for the next request', async () => {
    const connected = vi.fn<() => void>();
    const server = createServer((request, response) =>
      request.resume().on('end', () => response.writeHead(201).end()),
    );
    server.on('connection', connected);
    const connectionString = connectionTo(new URL(`http://${await listen(server)}`));
    const bucket = openAzureBlobLogBucket({ account, container: 'lists', connectionString });
    for (const key of ['a', 'b', 'c']) await bucket.put(key, key, textType);
    expect(connected).toHaveBeenCalledTimes(1);
  });

  it.each(['get', 'list'] as const)('is closed when the answer to a %s stops half way', async (operation) => {
    const closed = vi.fn<() => void>();
    const bucket = await openFor(
      (_request, response) => {
        response.on('close', closed).writeHead(200, { etag, 'content-length': '10' }).write('half');
      },
      { timeoutMs: 50 },
    );
    const calls = { get: () => bucket.get('a'), list: () => first(bucket) };
    expect(await faultOf(calls[operation]())).toMatchObject({ code: 'ETIMEDOUT', passing: true });
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  it('is closed in time when there is no answer, or bytes keep coming', async () => {
    for (const trickle of [false, true]) {
      const closed = vi.fn<() => void>();
      const bucket = await openFor(
        (request, response) => {
          request.socket.on('close', closed);
          if (!trickle) return;
          response.writeHead(200, { etag, 'content-length': '1000000' });
          const timer = setInterval(() => response.write('x'), 5);
          response.on('close', () => clearInterval(timer));
        },
        { timeoutMs: 100 },
      );
      expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'ETIMEDOUT', passing: true });
      await vi.waitFor(() => expect(closed).toHaveBeenCalled());
    }
  });

  it('is closed when the time limit of the call is over', async () => {
    const closed = vi.fn<() => void>();
    const bucket = await openFor((request) => void request.socket.on('close', closed));
    const calls = [bucket.put('a', 'a', textType, 100), bucket.get('a', 100), bucket.delete('a', 100)];
    for (const fault of await Promise.all(calls.map(faultOf))) {
      expect(fault).toMatchObject({ code: 'ETIMEDOUT', passing: true });
    }
    await vi.waitFor(() => expect(closed).toHaveBeenCalledTimes(calls.length));
  });

  it('that is reset or cut off is a passing fault, and asked once', async () => {
    const reset: RequestListener = (request) => void request.socket.resetAndDestroy();
    const cut: RequestListener = (_request, response) => {
      response.writeHead(200, { etag, 'content-length': '10' }).write('half', () => response.socket?.end());
    };
    for (const listener of [reset, cut]) {
      const seen = vi.fn<RequestListener>(listener);
      const bucket = await openFor(seen);
      const calls = callsOf(bucket);
      for (const [operation, call] of calls) {
        const fault = await faultOf(call());
        expect(fault).toMatchObject({ operation, status: undefined, passing: true });
        expect(['ECONNRESET', 'EPIPE']).toContain(fault.code);
        expect(showsKeys(fault)).toBe(false);
      }
      expect(seen).toHaveBeenCalledTimes(calls.length);
    }
  });

  it('to nobody is a passing fault', async () => {
    const connectionString = connectionTo(new URL('http://127.0.0.1:1'));
    const bucket = openAzureBlobLogBucket({ account, container: 'lists', connectionString });
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'ECONNREFUSED', passing: true });
  });

  it('does not follow a redirect with its signature', async () => {
    const visited = vi.fn<RequestListener>((_request, response) => void response.end());
    const other = await serve(visited);
    const bucket = await openFor((_request, response) => {
      response.writeHead(307, { location: new URL('/lists/a', other).href }).end();
    });
    expect(await faultOf(bucket.get('a'))).toMatchObject({ status: 307, code: 'HTTP307', passing: false });
    expect(visited).not.toHaveBeenCalled();
  });

  it('is never plain http to another machine, whoever names the endpoint', async () => {
    const endpoint = new URL('http://blob.example.com');
    const options = { account, container: 'lists' };
    expect(() => openAzureBlobLogBucket({ ...options, endpoint })).toThrow(RangeError);
    const bucket = openAzureBlobLogBucket({ ...options, connectionString: connectionTo(endpoint) });
    const fault = await faultOf(bucket.get('a'));
    expect(fault).toMatchObject({ code: 'RangeError', passing: false });
    expect(fault.message).toContain('https');
  });
});

describe('an answer of a proxy', () => {
  it.each([
    [502, '<html><body>Bad gateway</body></html>', true],
    [502, 'Bad <gateway', true],
    [504, '', true],
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

describe('the keys', () => {
  it('do not show when the answer holds them', async () => {
    const bucket = await openFor((request, response) => {
      const told = `${request.headers.authorization} ${accountKey}`;
      response
        .writeHead(403, { 'x-ms-error-code': 'Odd', 'content-type': 'application/xml' })
        .end(`<Error><Code>Odd</Code><Message>${told}</Message></Error>`);
    });
    const fault = await faultOf(bucket.get('a'));
    expect(fault).toMatchObject({ code: 'Odd' });
    expect(fault.message).toContain('[secret]');
    expect(showsKeys(fault)).toBe(false);
  });

  it('of a shared access signature do not show, either', async () => {
    const endpoint = await serve((request, response) => {
      response
        .writeHead(403, { 'x-ms-error-code': 'Odd', 'content-type': 'application/xml' })
        .end(`<Error><Code>Odd</Code><Message>${request.url?.replaceAll('&', ' ')}</Message></Error>`);
    });
    const signature = `sv=2022-11-02&sp=rw&sig=${testKeys.secretKey}`;
    const connectionString = `BlobEndpoint=${endpoint.href}${account};SharedAccessSignature=${signature}`;
    const bucket = openAzureBlobLogBucket({ account, container: 'lists', connectionString });
    const fault = await faultOf(bucket.get('a'));
    expect(fault).toMatchObject({ code: 'Odd', status: 403 });
    expect(showsKeys(fault)).toBe(false);
    expect(showsKeys(bucket)).toBe(false);
  });

  it('of a connection string that is none do not show', async () => {
    const bucket = openAzureBlobLogBucket({
      account,
      container: 'lists',
      connectionString: `AccountKey=${accountKey}`,
    });
    const fault = await faultOf(bucket.prepare());
    expect(fault).toMatchObject({ operation: 'prepare', passing: false });
    expect(showsKeys(fault)).toBe(false);
  });

  const settings = {
    logBucket: { store: 'az', account, container: 'lists', prefix: '' },
    obsEndpoint: undefined,
    credentials: testCredentials,
  } as const;

  it.each([
    ['https://testaccount.blob.core.windows.net/', true],
    ['https://testaccount.blob.core.windows.net:443', true],
    ['https://testaccount2.blob.core.windows.net/', false],
    ['https://another.blob.core.windows.net/testaccount', false],
    ['http://127.0.0.1:10000/testaccount', true],
    ['http://localhost:10000/testaccount/', true],
    ['http://127.0.0.1:10000/mytestaccount', false],
    ['http://[::1]:10000/another', false],
    ['testaccount', false],
  ])('of the endpoint %s count for this account: %s', async (endpoint, isTaken) => {
    const signature = `sv=2022-11-02&sig=${testKeys.secretKey}`;
    vi.stubEnv(
      'AZURE_STORAGE_CONNECTION_STRING',
      `BlobEndpoint=${endpoint};SharedAccessSignature=${signature}`,
    );
    // Without it, the managed identity is asked, and loaded for that.
    const identity = vi.fn<() => void>();
    vi.doMock('@azure/identity', () => {
      identity();
      throw new Error('not here');
    });
    await openAzureBlob(settings)
      .prepare()
      .catch(() => undefined);
    vi.doUnmock('@azure/identity');
    expect(identity).toHaveBeenCalledTimes(isTaken ? 0 : 1);
  });

  // All in one test, as the SDK keeps to the first IDENTITY_ENDPOINT that a process has.
  it('of another account are left alone: the managed identity is asked, which may be away or silent', async () => {
    const answers: RequestListener[] = [
      (_request, response) => void response.writeHead(404).end(),
      () => undefined,
      handOut,
    ];
    const seen = vi.fn<RequestListener>((request, response) => answers.shift()?.(request, response));
    vi.stubEnv('IDENTITY_ENDPOINT', (await serve(seen)).href);
    vi.stubEnv('IDENTITY_HEADER', 'secret');
    const other = connectionTo(new URL('http://127.0.0.1:1')).replaceAll(account, 'another');
    vi.stubEnv('AZURE_STORAGE_CONNECTION_STRING', other);
    const fault = await faultOf(openAzureBlob(settings).get('a'));
    expect(fault).toMatchObject({ code: 'CredentialUnavailableError', status: undefined, passing: true });
    expect(seen).toHaveBeenCalledTimes(1);

    const endpoint = new URL(await startTlsServer((_request, response) => void response.end()));
    const bucket = openAzureBlobLogBucket({ account, container: 'lists', endpoint, timeoutMs: 1_000 });
    const silent = await Promise.all([faultOf(bucket.get('a')), faultOf(bucket.get('b'))]);
    for (const fault of silent) expect(fault).toMatchObject({ code: 'ETIMEDOUT', passing: true });
    expect(seen).toHaveBeenCalledTimes(2);

    // A later call asks anew, and gets as far as the store.
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    expect(seen).toHaveBeenCalledTimes(3);
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
    vi.doMock('@azure/storage-blob', () => {
      throw new Error('no such package');
    });
    const bucket = await openFor(
      (_request, response) => void response.writeHead(200, { etag, 'content-length': '0' }).end(),
    );
    expect(await faultOf(bucket.prepare())).toMatchObject({ operation: 'prepare', passing: false });
    expect(await faultOf(bucket.get('a'))).toMatchObject({ operation: 'get', key: 'a' });
    vi.doUnmock('@azure/storage-blob');
    await bucket.prepare();
    expect(await bucket.get('a')).toBe('');
  });
});

describe('TLS', () => {
  it('refuses a certificate that nobody vouches for', async () => {
    const endpoint = new URL(await startTlsServer((_request, response) => void response.end()));
    const connectionString = connectionTo(endpoint);
    const bucket = openAzureBlobLogBucket({ account, container: 'lists', connectionString });
    const fault = await faultOf(bucket.put('a', 'a', textType));
    expect(fault).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT', passing: false });
  });

  it('takes one that the system trusts and a user-assigned identity, bundled, and lets the process end', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const asked: (string | undefined)[] = [];
    const identity = await serve((request, response) => {
      const { searchParams } = new URL(request.url ?? '', 'http://a');
      asked.push(request.headers['x-identity-header'] as string, searchParams.get('client_id') ?? '');
      asked.push(searchParams.get('resource') ?? '');
      handOut(request, response);
    });
    const authorizations: unknown[] = [];
    const endpoint = await startTlsServer((request, response) => {
      authorizations.push(request.headers.authorization === `Bearer ${testKeys.securityToken}`);
      response.writeHead(201).end();
    });
    const script = `
      import { openAzureBlobLogBucket } from './azure-blob.ts';
      const endpoint = new URL(process.env.ENDPOINT);
      const bucket = openAzureBlobLogBucket({ account: 'testaccount', container: 'lists', endpoint });
      bucket.put('a', 'a', 'text/plain').then(
        () => process.stdout.write('done'), (error) => process.stdout.write(error.stack));`;
    const outfile = path.join(folder, 'put.cjs');
    await bundle(script, outfile);
    await writeFile(path.join(folder, 'ca.pem'), certificate.cert);
    const child = spawn(process.execPath, [outfile], {
      env: {
        ...process.env,
        ENDPOINT: endpoint,
        IDENTITY_ENDPOINT: identity.href,
        IDENTITY_HEADER: 'secret',
        AZURE_CLIENT_ID: 'an-identity',
        NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(printed).toBe('done');
    expect(asked).toEqual(['secret', 'an-identity', 'https://storage.azure.com']);
    expect(authorizations).toEqual([true]);
  });
});
