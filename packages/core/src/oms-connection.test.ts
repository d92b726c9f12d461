import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { testKeys } from '@oms-sync/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { OmsConnection, type OmsCall, type OmsConnectionOptions } from './oms-connection.ts';
import { OmsError } from './oms-error.ts';
import { Secret } from './secret.ts';

const credentials = {
  accessKey: new Secret(testKeys.accessKey),
  secretKey: new Secret(testKeys.secretKey),
  securityToken: undefined,
};
const now = Date.parse('2026-01-02T03:04:05Z');

let server: Server;
let host: string;
let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void;
let connection: OmsConnection;

beforeEach(async () => {
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => answer(request, response, Buffer.concat(chunks).toString()));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  connect();
});

afterEach(() => {
  vi.useRealTimers();
  connection.close();
  server.closeAllConnections();
  server.close();
});

function connect(options: Partial<OmsConnectionOptions> = {}): void {
  connection = new OmsConnection({ protocol: 'http:', credentials, now: () => now, ...options });
}

function call(options: Partial<OmsCall> = {}): Promise<unknown> {
  const url = new URL(`http://${host}/v2/p/sync-tasks`);
  return connection.call({ method: 'POST', url, body: '{}', timeoutMs: 5000, ...options });
}

function answerWith(status: number, body: string, headers: Record<string, string> = {}): void {
  answer = (_, response) => response.writeHead(status, headers).end(body);
}

async function failWith(options?: Partial<OmsCall>): Promise<OmsError> {
  const error: unknown = await call(options).catch((thrown: unknown) => thrown);
  if (!(error instanceof OmsError)) throw new TypeError('expected an OmsError', { cause: error });
  return error;
}

describe('a call of OMS', () => {
  it('has its method, its body to the last byte, and a type', async () => {
    const seen: unknown[] = [];
    answer = ({ method, url, headers }, response, body) => {
      seen.push([method, url, headers['content-type'], headers['content-length'], headers.host, body]);
      response.end();
    };
    await call({ body: '"é"' });
    await call({ method: 'GET', body: '', url: new URL(`http://${host}/v2/p?limit=1`) });
    expect(seen).toEqual([
      ['POST', '/v2/p/sync-tasks', 'application/json', '4', host, '"é"'],
      ['GET', '/v2/p?limit=1', 'application/json', '0', host, ''],
    ]);
  });

  it.each([
    [200, '{"tasks":[1]}', { tasks: [1] }],
    [299, '"é"', 'é'],
    [204, '', undefined],
    [200, ' \n', undefined],
    [200, 'null', null],
    [202, '{"error_msg":"no error"}', { error_msg: 'no error' }],
  ])('gives what %i with %j holds', async (status, body, value) => {
    answerWith(status, body);
    expect(await call()).toEqual(value);
  });

  it.each([
    [300, '', { code: 'HTTP.300', status: 300, message: '' }],
    [400, '{"error_code":"OMS.0064"}', { code: 'OMS.0064', message: '{"error_code":"OMS.0064"}' }],
    [400, '{"error_code":"OMS.0064","error_msg":"no"}', { code: 'OMS.0064', message: 'no' }],
    [400, '{"error_code":"OMS.0064","error_msg":7}', { message: '{"error_code":"OMS.0064","error_msg":7}' }],
    [200, '{"error_code":7,"error_msg":"no"}', { code: 'HTTP.200', message: 'no' }],
    [400, `{"error_code":"${'x'.repeat(64)}"}`, { code: 'x'.repeat(64) }],
    [400, `{"error_code":"${'x'.repeat(65)}"}`, { code: 'HTTP.400' }],
    [400, '{"error_code":"OMS.1 !"}', { code: 'HTTP.400' }],
    [400, '{"error_code":"! OMS.1"}', { code: 'HTTP.400' }],
    [400, 'null', { code: 'HTTP.400', message: 'null' }],
    [400, 'x'.repeat(600), { message: 'x'.repeat(500) }],
  ])('fails with %i and %j', async (status, body, fields) => {
    answerWith(status, body);
    expect(await failWith()).toMatchObject(fields);
  });

  it('says who answered something else than JSON, and what', async () => {
    answerWith(200, `<p>${testKeys.secretKey}</p>`);
    expect(await failWith()).toMatchObject({
      faultClass: 'passing',
      status: 200,
      code: 'UnexpectedAnswer',
      message: `${host} answered 200 with something else than JSON: <p>[secret]</p>`,
    });
  });

  it.each([
    ['2 Jan 2026 03:04:15 GMT', 10_000],
    ['Thu Jan  2 03:04:05 2025', 0],
    ['0', 0],
    ['120', 120_000],
    ['-1 day', undefined],
  ])('reads Retry-After: %s', async (header, retryAfterMs) => {
    answerWith(503, '', { 'retry-after': header });
    expect(await failWith()).toMatchObject({ retryAfterMs });
  });

  it.each([
    [
      401,
      'Fri, 02 Jan 2026 03:09:05 GMT',
      ' (the clock of this machine is 5 minutes behind that of OMS; signatures are refused beyond 15)',
    ],
    [
      403,
      'Fri, 02 Jan 2026 02:44:05 GMT',
      ' (the clock of this machine is 20 minutes ahead of that of OMS; signatures are refused beyond 15)',
    ],
    [403, 'Fri, 02 Jan 2026 03:08:05 GMT', ''],
    [401, 'no date', ''],
    [400, 'Fri, 02 Jan 2026 03:20:05 GMT', ''],
  ])('speaks of the clock with %i at %s: %j', async (status, date, clock) => {
    answerWith(status, 'no', { date });
    expect((await failWith()).message).toBe(`no${clock}`);
  });

  it('reads as long an answer as it is asked to', async () => {
    const body = JSON.stringify('x'.repeat(100_000));
    answerWith(200, body);
    expect(await failWith()).toMatchObject({ code: 'UnexpectedAnswer' });
    connection.close();
    connect({ maxAnswerBytes: body.length });
    expect(await call()).toBe('x'.repeat(100_000));
    connection.close();
    connect({ maxAnswerBytes: body.length - 1 });
    expect(await failWith()).toMatchObject({ code: 'UnexpectedAnswer' });
  });

  it('is signed at the time of the machine if there is no other', async () => {
    connect({ now: undefined });
    let date: unknown;
    answer = ({ headers }, response) => {
      date = headers['x-sdk-date'];
      response.end();
    };
    const before = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
    await call();
    const seconds = (text: unknown) => String(text).replace(/[-:]|\.\d+/g, '');
    expect(seconds(date) >= seconds(before)).toBe(true);
    expect(seconds(date) <= seconds(new Date().toISOString())).toBe(true);
  });
});

describe('the connection to OMS', () => {
  it('is given up with a request that got no answer in time', async () => {
    const closed = new Promise((resolve) => {
      answer = (request) => request.socket.once('close', resolve);
    });
    const error = await failWith({ timeoutMs: 20 });
    expect(error).toMatchObject({ code: 'ETIMEDOUT', message: 'no answer within 20 ms' });
    expect(error.cause).toMatchObject({ name: 'TimeoutError' });
    await closed;
  });

  it('says when a request has left, and only then', async () => {
    const onSent = vi.fn<() => void>();
    let sentBeforeAnswer = false;
    answer = (_, response) => {
      sentBeforeAnswer = onSent.mock.calls.length === 1;
      response.end();
    };
    await call({ onSent });
    expect(onSent).toHaveBeenCalledTimes(1);
    expect(sentBeforeAnswer).toBe(true);
    const url = new URL(`http://${host}/`);
    connection.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await failWith({ onSent, url })).toMatchObject({ code: 'ECONNREFUSED' });
    expect(onSent).toHaveBeenCalledTimes(1);
  });

  it('fails with all that is under way when it is closed', async () => {
    const arrived = new Promise<void>((resolve) => (answer = () => resolve()));
    const failed = failWith();
    await arrived;
    connection.close();
    expect(await failed).toMatchObject({ faultClass: 'passing', code: 'ECONNRESET' });
  });

  it('is not used again when it was idle for more than half a minute', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now });
    const sockets: Socket[] = [];
    answer = ({ socket }, response) => {
      sockets.push(socket);
      response.end();
    };
    await call();
    vi.setSystemTime(now + 30_000);
    await call();
    vi.setSystemTime(now + 60_001);
    await call();
    expect(sockets[1]).toBe(sockets[0]);
    expect(sockets[2]).not.toBe(sockets[0]);
  });

  it.each([
    [4970, 30],
    [6000, 1],
  ])('may die while it is idle: after %i ms, a new one has the time that is left', async (passed, left) => {
    vi.useFakeTimers({ toFake: ['performance'] });
    let count = 0;
    answer = ({ socket }, response) => {
      count++;
      if (count === 1) response.end();
      if (count !== 2) return;
      vi.advanceTimersByTime(passed);
      socket.resetAndDestroy();
    };
    await call();
    expect(await failWith({ timeoutMs: 5000 })).toMatchObject({
      code: 'ETIMEDOUT',
      message: `no answer within ${left} ms`,
    });
    expect(count).toBeGreaterThanOrEqual(2);
  });

  it('leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    answerWith(200, '');
    await call();
    expect(vi.getTimerCount()).toBe(0);
    answer = ({ socket }) => socket.resetAndDestroy();
    await failWith();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('has a fault of the network in its error', async () => {
    answer = ({ socket }) => socket.resetAndDestroy();
    const error = await failWith();
    expect(error.message).not.toBe('');
    expect(error.cause).toBeInstanceOf(Error);
  });
});
