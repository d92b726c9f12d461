import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { makeCertificate, testKeys } from '@oms-sync/testing';
import type { LogBucket } from '@oms-sync/core';
import { bundle } from './bundle.test-help.ts';
import { faultOf, showsKeys } from './obs.test-help.ts';
import { openS3LogBucket, type S3LogBucketOptions } from './s3.ts';
import { useLambdaEnvironment } from './s3.test-help.ts';
import { answering, listen, serve, storeHeaders, strangeAnswers } from './servers.test-help.ts';

// What a store does not do by itself, or what is only seen on the wire: servers made for one test each.

const textType = 'text/plain; charset=utf-8';
const first = (bucket: LogBucket) => bucket.list('p')[Symbol.asyncIterator]().next();

async function openFor(
  listener: RequestListener,
  options: Partial<S3LogBucketOptions> = {},
): Promise<LogBucket> {
  return openS3LogBucket({ bucket: 'lists', endpoint: await serve(listener), ...options });
}

useLambdaEnvironment(testKeys.securityToken);

describe('a listing of status 200 that is broken', () => {
  const entry =
    '<Contents><Key>p</Key><LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Contents>';
  const listing = (content: string) => `<ListBucketResult>${content}</ListBucketResult>`;
  const whole = listing(`<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>${entry}`);

  it('is told from a whole one', async () => {
    const bucket = await openFor(answering(`${whole}\n`));
    expect(await first(bucket)).toMatchObject({ value: { key: 'p', size: 1 } });
  });

  it.each([
    ['empty', ''],
    ['no XML', 'Bad gateway'],
    ['another document', '<html><body>Log in first</body></html>'],
    ['cut off behind an object', whole.slice(0, -'</ListBucketResult>'.length)],
    ['cut off in an object', whole.slice(0, whole.indexOf('<Size>'))],
    ['without IsTruncated', listing(entry)],
    ['without the next marker or an object', listing('<IsTruncated>true</IsTruncated>')],
    ['with an object without key', whole.replace('<Key>p</Key>', '')],
    ['with an object without size', whole.replace('<Size>1</Size>', '')],
    ['with an object of no size', whole.replace('<Size>1</Size>', '<Size>x</Size>')],
    ['with an object without time', whole.replace('2026', 'then')],
    ['with a name that is not encoded', whole.replace('<Key>p', '<Key>100%')],
  ])('%s: a passing fault', async (_what, body) => {
    const bucket = await openFor(answering(body));
    expect(await faultOf(first(bucket))).toMatchObject({ status: 200, code: 'BrokenAnswer', passing: true });
  });

  it('with an error in its place is that error', async () => {
    const bucket = await openFor(answering('<Error><Code>InternalError</Code></Error>'));
    expect(await faultOf(first(bucket))).toMatchObject({ code: 'InternalError', passing: true });
  });

  it('that comes again and again: a fault', async () => {
    const again = listing(`<IsTruncated>true</IsTruncated><NextMarker>p</NextMarker>${entry}`);
    const bucket = await openFor(answering(again));
    const listAll = async () => {
      for await (const { key } of bucket.list('p')) expect(key).toBe('p');
    };
    expect(await faultOf(listAll())).toMatchObject({ code: 'BrokenAnswer' });
  });
});

describe('the names of a listing', () => {
  const listing = (key: string, encoding = '') =>
    `<ListBucketResult>${encoding}<IsTruncated>false</IsTruncated><Contents><Key>${key}</Key>` +
    '<LastModified>2026-01-01T00:00:00Z</LastModified><Size>1</Size></Contents></ListBucketResult>';

  it('are form-encoded where the answer says that they are encoded', async () => {
    const bucket = await openFor(answering(listing('p+b%2Bc%2520%0A', '<EncodingType>url</EncodingType>')));
    expect(await first(bucket)).toMatchObject({ value: { key: 'p b+c%20\n' } });
  });

  it('are taken as they are where it does not: some compatible stores do not know encoding-type', async () => {
    const bucket = await openFor(answering(listing('p+b%2Bc')));
    expect(await first(bucket)).toMatchObject({ value: { key: 'p+b%2Bc' } });
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

  it('is one of status 204 to a put', async () => {
    const bucket = await openFor((request, response) => {
      request.resume().on('end', () => response.writeHead(204, storeHeaders).end());
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
    const bucket = openS3LogBucket({ bucket: 'lists', endpoint });
    for (const key of ['a', 'b', 'c']) await bucket.put(key, key, textType);
    expect(connected).toHaveBeenCalledTimes(1);
  });

  it.each(['get', 'list'] as const)('is closed when the answer to a %s stops half way', async (operation) => {
    const closed = vi.fn<() => void>();
    const bucket = await openFor(
      (_request, response) => {
        response.on('close', closed).writeHead(200, { 'content-length': '10' }).write('half');
      },
      { timeoutMs: 50 },
    );
    const calls = { get: () => bucket.get('a'), list: () => first(bucket) };
    expect(await faultOf(calls[operation]())).toMatchObject({ code: 'ETIMEDOUT', passing: true });
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
  });

  it('is closed in time also when bytes keep coming', async () => {
    const closed = vi.fn<() => void>();
    const bucket = await openFor(
      (_request, response) => {
        response.writeHead(200, { 'content-length': '1000000' });
        const timer = setInterval(() => response.write('x'), 5);
        response.on('close', () => clearInterval(timer)).on('close', closed);
      },
      { timeoutMs: 100 },
    );
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'ETIMEDOUT' });
    await vi.waitFor(() => expect(closed).toHaveBeenCalled());
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

  it('is never plain http to another machine, whoever names the endpoint', async () => {
    const endpoint = new URL('http://s3.example.com');
    expect(() => openS3LogBucket({ bucket: 'lists', endpoint })).toThrow(RangeError);
    vi.stubEnv('AWS_ENDPOINT_URL_S3', endpoint.href);
    const fault = await faultOf(openS3LogBucket({ bucket: 'lists' }).get('a'));
    expect(fault).toMatchObject({ code: 'RangeError', passing: false });
    expect(fault.message).toContain('https');
  });
});

describe('a bucket in another region', () => {
  it('is asked there, once more for each request', async () => {
    const regions: (string | undefined)[] = [];
    const bucket = await openFor((request, response) => {
      const region = /\/\d{8}\/([^/]+)\/s3\//.exec(request.headers.authorization ?? '')?.[1];
      regions.push(region);
      if (region === 'ap-southeast-1') return void response.writeHead(200, storeHeaders).end('body');
      response
        .writeHead(301, { 'x-amz-bucket-region': 'ap-southeast-1' })
        .end('<Error><Code>PermanentRedirect</Code><Message>Elsewhere.</Message></Error>');
    });
    expect(await bucket.get('a')).toBe('body');
    expect(regions).toEqual(['eu-central-1', 'ap-southeast-1']);
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
    for (const call of [() => bucket.get('a'), () => bucket.put('a', 'a', textType), () => first(bucket)]) {
      expect(await faultOf(call())).toMatchObject({ status, code: `HTTP${status}`, passing });
    }
  });
});

describe('the credentials', () => {
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

  const withoutKeys = () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', undefined);
    vi.stubEnv('AWS_SESSION_TOKEN', undefined);
  };

  const handOut: RequestListener = (_request, response) => {
    response.end(
      JSON.stringify({
        AccessKeyId: testKeys.accessKey,
        SecretAccessKey: testKeys.secretKey,
        Token: testKeys.securityToken,
        Expiration: new Date(Date.now() + 3_600_000).toISOString(),
      }),
    );
  };

  it('are those of the container where the environment has none', async () => {
    withoutKeys();
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', (await serve(handOut)).href);
    const tokens: unknown[] = [];
    const bucket = await openFor((request, response) => {
      tokens.push(request.headers['x-amz-security-token']);
      response.writeHead(200, storeHeaders).end('body');
    });
    expect(await bucket.get('a')).toBe('body');
    expect(tokens.map((token) => token === testKeys.securityToken)).toEqual([true]);
    expect(showsKeys(bucket)).toBe(false);
  });

  it('that nobody has: a passing fault, as the service that hands them out may only be away', async () => {
    withoutKeys();
    const bucket = await openFor(answering(''));
    expect(await faultOf(bucket.get('a'))).toMatchObject({ code: 'CredentialsProviderError', passing: true });
  });

  it('that come late: nothing is printed', async () => {
    withoutKeys();
    const credentials = await serve((request, response) => {
      setTimeout(() => handOut(request, response), 1_500);
    });
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', credentials.href);
    const written = [vi.spyOn(console, 'warn'), vi.spyOn(console, 'error')];
    for (const each of written) each.mockReturnValue();
    const bucket = await openFor(
      (_request, response) => void response.writeHead(200, storeHeaders).end('body'),
    );
    expect(await bucket.get('a')).toBe('body');
    expect(written.map(({ mock }) => mock.calls)).toEqual([[], []]);
    vi.restoreAllMocks();
  });

  it('that nobody hands out in time: a passing fault, and the next call asks anew', async () => {
    withoutKeys();
    const answers: RequestListener[] = [() => undefined, handOut];
    const credentials = await serve((request, response) => answers.shift()?.(request, response));
    vi.stubEnv('AWS_CONTAINER_CREDENTIALS_FULL_URI', credentials.href);
    const bucket = await openFor(
      (_request, response) => void response.writeHead(200, storeHeaders).end('body'),
      { timeoutMs: 1_000 },
    );
    const faults = await Promise.all([faultOf(bucket.get('a')), faultOf(bucket.get('b'))]);
    for (const fault of faults) expect(fault).toMatchObject({ code: 'ETIMEDOUT', passing: true });
    expect(await bucket.get('a')).toBe('body');
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
    vi.doMock('@aws-sdk/client-s3', () => {
      throw new Error('no such package');
    });
    const bucket = await openFor((_request, response) => void response.writeHead(200, storeHeaders).end());
    expect(await faultOf(bucket.prepare())).toMatchObject({ operation: 'prepare', passing: false });
    expect(await faultOf(bucket.get('a'))).toMatchObject({ operation: 'get', key: 'a' });
    vi.doUnmock('@aws-sdk/client-s3');
    await bucket.prepare();
    expect(await bucket.get('a')).toBe('');
  });

  it('without a region: a fault that says so', async () => {
    vi.stubEnv('AWS_REGION', undefined);
    const bucket = await openFor(answering(''));
    const fault = await faultOf(bucket.get('a'));
    expect(fault).toMatchObject({ passing: false });
    expect(fault.message).toContain('Region');
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
    const bucket = openS3LogBucket({ bucket: 'lists', endpoint: new URL(await startServer()) });
    const fault = await faultOf(bucket.put('a', 'a', textType));
    expect(fault).toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT', passing: false });
  });

  it('takes one that the system trusts, bundled, and lets the process end with the connection open', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const script = `
      import { openS3LogBucket } from './s3.ts';
      const bucket = openS3LogBucket({ bucket: 'lists', endpoint: new URL(process.env.ENDPOINT) });
      bucket.put('a', 'a', 'text/plain').then(() => process.stdout.write('done'));`;
    const outfile = path.join(folder, 'put.cjs');
    await bundle(script, outfile);
    await writeFile(path.join(folder, 'ca.pem'), certificate.cert);
    const child = spawn(process.execPath, [outfile], {
      env: {
        ...process.env,
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
