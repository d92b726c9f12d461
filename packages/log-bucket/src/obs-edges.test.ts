import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeCertificate, testKeys } from '@oms-sync/testing';
import { Secret, type LogBucket } from '@oms-sync/core';
import { faultOf, showsKeys, testCredentials } from './obs.test-help.ts';
import { openObsLogBucket, type ObsLogBucketOptions } from './obs.ts';
import { answering, listen, serve, storeHeaders, strangeAnswers } from './servers.test-help.ts';

// What OBS does not do by itself, or what is only seen on the wire: servers made for one test each.

const textType = 'text/plain; charset=utf-8';

async function openFor(
  listener: RequestListener,
  options: Partial<ObsLogBucketOptions> = {},
): Promise<LogBucket> {
  const endpoint = await serve(listener);
  return openObsLogBucket({ bucket: 'lists', endpoint, credentials: testCredentials, ...options });
}

const first = (bucket: LogBucket) => bucket.list('p')[Symbol.asyncIterator]().next();

describe('a listing of status 200 that is broken', () => {
  const entry =
    '<Contents><Key>p</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Contents>';
  const listing = (content: string) => `<ListBucketResult>${content}</ListBucketResult>`;
  const whole = listing(`<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${entry}`);

  it('is told from a whole one', async () => {
    const bucket = await openFor(answering(`${whole}\n`, storeHeaders));
    expect(await first(bucket)).toMatchObject({ value: { key: 'p', size: 1 } });
  });

  it.each([
    ['empty', ''],
    ['no XML', 'Bad gateway'],
    ['another document', '<html><body>Log in first</body></html>'],
    ['an error', '<Error><Code>InternalError</Code></Error>'],
    ['cut off behind an object', whole.slice(0, -'</ListBucketResult>'.length)],
    ['cut off in an object', whole.slice(0, whole.indexOf('<Size>'))],
    ['without IsTruncated', listing(entry)],
    ['without the next marker or an object', listing('<IsTruncated>true</IsTruncated>')],
    ['with an object without key', whole.replace('<Key>p</Key>', '')],
    ['with an object without size', whole.replace('<Size>1</Size>', '<Size>x</Size>')],
    ['with an object without time', whole.replace('2026', 'then')],
  ])('%s: a passing fault', async (_what, body) => {
    const bucket = await openFor(answering(body, storeHeaders));
    expect(await faultOf(first(bucket))).toMatchObject({ status: 200, code: 'BrokenAnswer', passing: true });
  });

  it('with a name that is not encoded: a passing fault', async () => {
    const bucket = await openFor(answering(whole.replace('<Key>p', '<Key>100%'), storeHeaders));
    expect(await faultOf(first(bucket))).toMatchObject({ code: 'BrokenAnswer', passing: true });
  });

  it('that comes again and again: a fault', async () => {
    const again = listing(`<IsTruncated>true</IsTruncated><NextMarker>p</NextMarker>${entry}`);
    const bucket = await openFor(answering(again, storeHeaders));
    const listAll = async () => {
      for await (const { key } of bucket.list('p')) expect(key).toBe('p');
    };
    expect(await faultOf(listAll())).toMatchObject({ code: 'BrokenAnswer' });
  });
});

describe('an answer of success that is not of the store', () => {
  it.each(strangeAnswers)('of status %d and %j: a passing fault', async (status, body) => {
    const bucket = await openFor((request, response) => {
      request.resume().on('end', () => response.writeHead(status).end(body));
    });
    const calls = [() => bucket.put('p', 'a', textType), () => bucket.get('p'), () => bucket.delete('p')];
    for (const call of calls) {
      expect(await faultOf(call())).toMatchObject({ code: 'BrokenAnswer', passing: true });
    }
  });

  it('is one without an ETag to a put', async () => {
    const bucket = await openFor((request, response) => {
      request.resume().on('end', () => response.writeHead(200, { ...storeHeaders, etag: '' }).end());
    });
    expect(await faultOf(bucket.put('p', 'a', textType))).toMatchObject({ code: 'BrokenAnswer' });
    await bucket.delete('p');
  });
});

describe('the connection', () => {
  it('is kept for the next request', async () => {
    const connected = vi.fn<() => void>();
    const server = createServer((request, response) =>
      request.resume().on('end', () => response.writeHead(200, storeHeaders).end()),
    );
    server.on('connection', connected);
    const endpoint = new URL(`http://${await listen(server)}`);
    const bucket = openObsLogBucket({ bucket: 'lists', endpoint, credentials: testCredentials });
    for (const key of ['a', 'b', 'c']) await bucket.put(key, key, textType);
    expect(connected).toHaveBeenCalledTimes(1);
  });

  it('is closed when the answer stops half way', async () => {
    const closed = vi.fn<() => void>();
    const bucket = await openFor(
      (_request, response) => {
        response.on('close', closed).writeHead(200, { 'content-length': '10' }).write('half');
      },
      { timeoutMs: 50 },
    );
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'ETIMEDOUT', passing: true });
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  it('is closed in time also when bytes keep coming', async () => {
    let timer: NodeJS.Timeout | undefined;
    const bucket = await openFor(
      (_request, response) => {
        response.writeHead(200, { 'content-length': '1000000' });
        timer = setInterval(() => response.write('x'), 5);
      },
      { timeoutMs: 100 },
    );
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'ETIMEDOUT' });
    clearInterval(timer);
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

  it('refuses what is no HTTP', async () => {
    const bucket = await openFor((_request, response) => void response.socket?.end('SSH-2.0-OpenSSH\r\n'));
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'HPE_INVALID_CONSTANT', passing: true });
  });
});

describe('an answer of a proxy', () => {
  it.each([
    [502, '<html><body>Bad gateway</body></html>', true],
    [502, 'Bad <gateway', true],
    [504, '', true],
    [407, '{"message":"Who are you?"}', false],
  ])('of status %d and %j has the status as its code; passing: %s', async (status, body, passing) => {
    const bucket = await openFor((_request, response) => void response.writeHead(status).end(body));
    const fault = await faultOf(bucket.get('a'));
    expect(fault).toMatchObject({ status, code: `HTTP${status}`, passing });
  });
});

describe('keys', () => {
  it('do not show when the answer holds them', async () => {
    const bucket = await openFor((request, response) => {
      const told = [request.headers.authorization, ...Object.values(testKeys)].join(' ');
      response.writeHead(403).end(`<Error><Code>Odd</Code><Message>${told}</Message></Error>`);
    });
    const fault = await faultOf(bucket.put('a', 'a', textType));
    expect(fault).toMatchObject({ code: 'Odd' });
    expect(fault.message).toContain('[secret]');
    expect(showsKeys(fault)).toBe(false);
  });

  it.each(['accessKey', 'secretKey', 'securityToken'] as const)(
    'are refused when %s cannot be sent',
    async (which) => {
      const credentials = { ...testCredentials, [which]: new Secret('two\nlines') };
      const bucket = await openFor(answering(''), { credentials });
      for (const operation of ['prepare', 'get'] as const) {
        const fault = await faultOf(bucket[operation]('a'));
        expect(fault).toMatchObject({ operation, code: 'RangeError', passing: false });
      }
    },
  );
});

describe('the SDK', () => {
  it('refuses an IPv6 address, which it would take apart', async () => {
    const endpoint = new URL('http://[::1]:9000');
    const bucket = openObsLogBucket({ bucket: 'lists', endpoint, credentials: testCredentials });
    expect(await faultOf(bucket.prepare())).toMatchObject({ code: 'RangeError', passing: false });
  });

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
    vi.doMock('esdk-obs-nodejs', () => {
      throw new Error('no such package');
    });
    const bucket = await openFor((_request, response) => void response.writeHead(200, storeHeaders).end());
    expect(await faultOf(bucket.prepare())).toMatchObject({ operation: 'prepare', passing: false });
    expect(await faultOf(bucket.get('a'))).toMatchObject({ operation: 'get', key: 'a' });
    vi.doUnmock('esdk-obs-nodejs');
    await bucket.prepare();
    expect(await bucket.get('a')).toBe('');
  });

  it('gives back what is no result: a fault', async () => {
    vi.doMock('esdk-obs-nodejs', () => ({
      default: class {
        getObject = () => Promise.resolve(undefined);
      },
    }));
    const bucket = await openFor(answering(''));
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'BrokenAnswer' });
    vi.doUnmock('esdk-obs-nodejs');
  });
});

describe('TLS', () => {
  const certificate = makeCertificate();
  const startServer = async () => {
    const server = createTlsServer(certificate, (request, response) =>
      request.resume().on('end', () => response.writeHead(200, storeHeaders).end()),
    );
    server.keepAliveTimeout = 0; // Never ends an idle connection.
    return `https://${await listen(server)}`;
  };

  it('refuses a certificate that nobody vouches for', async () => {
    const endpoint = new URL(await startServer());
    const bucket = openObsLogBucket({ bucket: 'lists', endpoint, credentials: testCredentials });
    const fault = await faultOf(bucket.put('a', 'a', textType));
    expect(fault).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT', passing: false });
  });

  it('takes one that the system trusts, bundled, and lets the process end with the connection open', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const script = `
      import { Secret } from '@oms-sync/core';
      import { openObsLogBucket } from './obs.ts';
      const { AK, SK, ENDPOINT } = process.env;
      const credentials = { accessKey: new Secret(AK), secretKey: new Secret(SK), securityToken: undefined };
      const bucket = openObsLogBucket({ bucket: 'lists', endpoint: new URL(ENDPOINT), credentials });
      bucket.put('a', 'a', 'text/plain').then(() => process.stdout.write('done'));`;
    const outfile = path.join(folder, 'put.cjs');
    await build({
      stdin: { contents: script, resolveDir: import.meta.dirname },
      outfile,
      bundle: true,
      minify: true,
      platform: 'node',
      target: 'node18',
      format: 'cjs',
    });
    await writeFile(path.join(folder, 'ca.pem'), certificate.cert);
    const child = spawn(process.execPath, [outfile], {
      env: {
        AK: testKeys.accessKey,
        SK: testKeys.secretKey,
        ENDPOINT: await startServer(),
        NODE_EXTRA_CA_CERTS: path.join(folder, 'ca.pem'),
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => (printed += chunk.toString()));
    expect(await once(child, 'close')).toEqual([0, null]);
    expect(printed).toBe('done');
  });
});
