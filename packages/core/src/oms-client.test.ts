import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { inspect } from 'node:util';
import { anyName, makeCertificate, testKeys } from '@oms-sync/testing';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { OmsClient } from './oms-client.ts';
import { OmsError } from './oms-error.ts';
import { Secret } from './secret.ts';

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const credentials = {
  accessKey: new Secret(testKeys.accessKey),
  secretKey: new Secret(testKeys.secretKey),
  securityToken: new Secret(testKeys.securityToken),
};
const now = Date.parse('2026-01-02T03:04:05Z');

let server: Server | undefined;
let client: OmsClient | undefined;

afterEach(() => {
  client?.close();
  server?.closeAllConnections();
  server?.close();
});

async function connect(answer: Answer): Promise<OmsClient> {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request, response, Buffer.concat(chunks).toString()));
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  client = new OmsClient({
    syncUrl: new URL(`http://127.0.0.1:${port}/v2/p/sync-tasks/t/events`),
    credentials,
    now: () => now,
  });
  return client;
}

/** What the client throws at this answer. */
async function failWith(answer: Answer, timeoutMs = 5000): Promise<OmsError> {
  const sender = await connect(answer);
  const error: unknown = await sender.createSyncEvents(['name'], timeoutMs).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof OmsError)) throw new TypeError('expected an OmsError', { cause: error });
  return error;
}

function answerWith(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return (_, response) => response.writeHead(status, headers).end(body);
}

describe('OmsClient', () => {
  it('sends the encoded names, signed, over one connection', async () => {
    const requests: {
      method: string;
      url: string;
      headers: IncomingMessage['headers'];
      body: string;
      socket: Socket;
    }[] = [];
    const sender = await connect((request, response, body) => {
      requests.push({
        method: request.method ?? '',
        url: request.url ?? '',
        headers: request.headers,
        body,
        socket: request.socket,
      });
      response.end();
    });
    await sender.createSyncEvents(['test/001.txt', 'test+001.txt', 'a b'], 5000);
    await sender.createSyncEvents(['again'], 5000);
    expect(requests[0]).toMatchObject({ method: 'POST', url: '/v2/p/sync-tasks/t/events' });
    expect(requests[0]?.body).toBe('{"object_keys":["test%2F001.txt","test%2B001.txt","a%20b"]}');
    expect(requests[0]?.headers).toMatchObject({
      'content-type': 'application/json',
      'x-sdk-date': '20260102T030405Z',
      'x-security-token': testKeys.securityToken,
    });
    expect(requests[0]?.headers.authorization).toMatch(
      /^SDK-HMAC-SHA256 Access=\w+, SignedHeaders=content-type;host;x-sdk-date;x-security-token, Signature=[0-9a-f]{64}$/,
    );
    expect(requests[1]?.socket).toBe(requests[0]?.socket);
  });

  it('fails with what is under way when it is closed', async () => {
    const sender = await connect(() => sender.close());
    await expect(sender.createSyncEvents(['name'], 5000)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('encodes any name so that form-decoding gives it back', async () => {
    const decoded: string[] = [];
    const sender = await connect((_, response, body) => {
      const keys = (JSON.parse(body) as { object_keys: string[] }).object_keys;
      for (const key of keys) {
        expect(key).toMatch(/^([A-Za-z0-9._~-]|%[0-9A-F]{2})+$/);
        decoded.push(new URLSearchParams(`k=${key}`).get('k') ?? '');
      }
      response.end();
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyName, { minLength: 1, maxLength: 10 }), async (names) => {
        decoded.length = 0;
        await sender.createSyncEvents(names, 5000);
        expect(decoded).toEqual(names);
      }),
    );
  });

  it.each([
    ['no body', ''],
    ['an empty object', '{}'],
    ['other JSON', '"accepted"'],
  ])('takes 200 with %s for a success', async (_, body) => {
    const sender = await connect(answerWith(200, body));
    await expect(sender.createSyncEvents(['name'], 5000)).resolves.toBeUndefined();
  });

  it('gives class, status, code and message of an error', async () => {
    const error = await failWith(
      answerWith(400, '{"error_code":"OMS.0064","error_msg":"Invalid request parameters."}'),
    );
    expect(error).toMatchObject({
      faultClass: 'refused',
      status: 400,
      code: 'OMS.0064',
      message: 'Invalid request parameters.',
      retryAfterMs: undefined,
    });
  });

  it('takes what is no error code for none', async () => {
    const echo = `{"error_code":"bad key ${testKeys.secretKey}"}`;
    const error = await failWith(answerWith(400, echo));
    expect(error).toMatchObject({
      faultClass: 'refused',
      code: 'HTTP.400',
      message: '{"error_code":"bad key [secret]"}',
    });
  });

  it('does not take a 200 with an error code, or with a page of somebody else, for a success', async () => {
    expect(await failWith(answerWith(200, '{"error_code":"OMS.1001","error_msg":"Internal"}'))).toMatchObject(
      {
        faultClass: 'passing',
        code: 'OMS.1001',
      },
    );
    expect(await failWith(answerWith(200, '<html>Welcome to the hotel</html>'))).toMatchObject({
      faultClass: 'passing',
      code: 'UnexpectedAnswer',
    });
  });

  it.each([
    ['7', 7000],
    ['Fri, 02 Jan 2026 03:05:05 GMT', 60_000],
    ['Fri, 02 Jan 2026 03:00:00 GMT', 0],
    ['soon', undefined],
  ])('reads Retry-After: %s', async (header, expected) => {
    const error = await failWith(answerWith(503, 'busy', { 'retry-after': header }));
    expect(error).toMatchObject({ faultClass: 'passing', code: 'HTTP.503', retryAfterMs: expected });
  });

  it('says that a clock is wrong when that may be why a signature is refused', async () => {
    const error = await failWith(
      answerWith(401, '{"error_code":"APIG.0301","error_msg":"Incorrect IAM authentication information"}', {
        date: 'Fri, 02 Jan 2026 03:20:05 GMT',
      }),
    );
    expect(error.faultClass).toBe('identity');
    expect(error.message).toContain('clock of this machine is 16 minutes behind');
  });

  it('times out when nothing is answered, or only half', async () => {
    const silent = await failWith(() => undefined, 30);
    expect(silent).toMatchObject({
      faultClass: 'passing',
      code: 'ETIMEDOUT',
      message: 'no answer within 30 ms',
    });
    const half = await failWith(
      (_, response) => void response.writeHead(200, { 'content-length': '100' }).write('{'),
      30,
    );
    expect(half).toMatchObject({ faultClass: 'passing', code: 'ETIMEDOUT' });
  });

  it.each<[string, Answer]>([
    ['before the answer', (request) => request.socket.resetAndDestroy()],
    [
      'in the middle of the answer',
      (request, response) =>
        response
          .writeHead(200, { 'content-length': '100' })
          .write('{', () => request.socket.resetAndDestroy()),
    ],
    [
      'after too short an answer',
      (request, response) =>
        response.writeHead(200, { 'content-length': '100' }).write('{', () => request.socket.end()),
    ],
  ])('takes a connection that ends %s for a passing fault', async (_, answer) => {
    expect(await failWith(answer)).toMatchObject({
      faultClass: 'passing',
      code: 'ECONNRESET',
      status: undefined,
    });
  });

  it('goes on with a new connection when the kept one has died meanwhile', async () => {
    let count = 0;
    const sender = await connect((request, response) => {
      if (++count === 2) request.socket.resetAndDestroy();
      else response.end();
    });
    await sender.createSyncEvents(['first'], 5000);
    await sender.createSyncEvents(['second'], 5000);
    expect(count).toBe(3);
  });

  it('does not take one dead connection after the other', async () => {
    const alive = new Set<Socket>();
    const sender = await connect((request, response) => {
      // A connection answers once; then it is dead without a word, as behind a load balancer that has forgotten it.
      if (!alive.has(request.socket)) response.end();
      alive.add(request.socket);
    });
    await Promise.all([1, 2, 3].map(() => sender.createSyncEvents(['name'], 5000)));
    await expect(sender.createSyncEvents(['name'], 30)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    await expect(sender.createSyncEvents(['name'], 5000)).resolves.toBeUndefined();
  });

  it('speaks TLS, and not with just anybody', async () => {
    const tls = createTlsServer(makeCertificate(), (_, response) => void response.end());
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    const { port } = tls.address() as AddressInfo;
    const syncUrl = new URL(`https://127.0.0.1:${port}/v2/p/sync-tasks/t/events`);
    client = new OmsClient({ syncUrl, credentials });
    await expect(client.createSyncEvents(['name'], 5000)).rejects.toMatchObject({
      faultClass: 'passing',
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
    });
    tls.close();
  });

  it('gives the code of a connection that is refused', async () => {
    const sender = await connect(() => undefined);
    await new Promise((resolve) => server?.close(resolve));
    await expect(sender.createSyncEvents(['name'], 5000)).rejects.toMatchObject({
      faultClass: 'passing',
      code: 'ECONNREFUSED',
    });
  });

  it('reads no endless answer', async () => {
    const error = await failWith((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    });
    expect(error).toMatchObject({ faultClass: 'passing', code: 'UnexpectedAnswer' });
    expect(error.message.length).toBeLessThan(1000);
  });

  it('lets no key into an error or its own print, whatever comes back', async () => {
    const echo: Answer = (request, response, body) =>
      response.writeHead(400).end(`${JSON.stringify(request.headers)}${body}${testKeys.secretKey}`);
    const printed = [
      inspect(await failWith(echo), { depth: null, showHidden: true }),
      inspect(await failWith((request) => request.socket.resetAndDestroy()), {
        depth: null,
        showHidden: true,
      }),
      inspect(client, { depth: null, showHidden: true }),
    ].join('');
    for (const secret of Object.values(testKeys)) expect(printed.includes(secret)).toBe(false);
  });
});
