import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { Agent as HttpAgent, request as requestByHttp, type ClientRequest } from 'node:http';
import { request as requestByHttps } from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Logger, Secret, SettingsError } from '@oms-sync/core';
import { FakeClock, makeCertificate } from '@oms-sync/testing';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { HttpServer } from './http-server.ts';
import { startBench, type Bench, type BenchOptions } from './receivers/receivers.test-help.ts';
import { makeS3Event } from './receivers/signers.test-help.ts';

const token = 'the-token-of-the-server-test';
const headers = { authorization: `Bearer ${token}` };
let bench: Bench;
afterEach(() => bench?.server.stop());

async function start(options: Partial<BenchOptions> = {}): Promise<Bench> {
  bench = await startBench({
    values: { webhook_token: [new Secret(token)] },
    clock: new FakeClock(),
    ...options,
  });
  return bench;
}

/** Sends bytes as they are, and gives what comes until the connection ends. */
async function sendBytes(...parts: readonly (string | Buffer)[]): Promise<string> {
  const socket = net.connect(Number(bench.server.address.port), '127.0.0.1');
  let answer = '';
  socket.setEncoding('latin1').on('data', (chunk) => (answer += String(chunk)));
  socket.on('error', () => undefined); // What is still written when the answer is there.
  for (const part of parts) socket.write(part);
  await once(socket, 'close');
  return answer;
}

function readStatus(sent: ClientRequest): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    sent.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode));
    });
  });
}

const head = (contentLength: number | string, bearer = token) =>
  `POST /notifications/webhook HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${bearer}\r\n${
    typeof contentLength === 'number' ? `Content-Length: ${contentLength}` : contentLength
  }\r\n\r\n`;

describe('a passing fault is answered with 503, and loses nothing', () => {
  it('the inbox cannot write', async () => {
    const { inbox, send, events, lines } = await start();
    inbox.before = () => Promise.reject(new Error('the disk is full'));
    const refused = await send('webhook', makeS3Event('a.txt'), headers);
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([503, '1']);
    expect(events).toEqual(['webhook: unavailable']);
    expect(lines.join('')).toContain('"cause":"the disk is full","status":503');

    inbox.before = () => Promise.resolve();
    expect((await send('webhook', makeS3Event('a.txt'), headers)).status).toBe(200);
    expect(inbox.names).toEqual(['a.txt']);
  });

  it('the inbox is slow: within the five seconds of SMN', async () => {
    const clock = new FakeClock();
    const { inbox, send, events } = await start({ clock });
    inbox.before = () => new Promise(() => undefined);
    const startedAt = clock.now();
    expect((await send('webhook', makeS3Event('a.txt'), headers)).status).toBe(503);
    expect(events).toEqual(['webhook: time']);
    expect(clock.now() - startedAt).toBeLessThan(5000);
  });

  it('more requests than are taken in a second', async () => {
    const { inbox, send, events } = await start({ requestsPerSecond: 3 });
    const names = ['a', 'b', 'c', 'd', 'e'];
    const notify = async (name: string) => {
      const response = await send('webhook', makeS3Event(name), headers);
      expect([200, 503]).toContain(response.status);
      if (response.status === 503) expect(response.headers.get('retry-after')).toBe('1');
      return response.status === 200;
    };
    const taken = await Promise.all(names.map(notify));
    expect(taken.filter(Boolean)).toHaveLength(3);
    expect(events).toEqual(['webhook: rate', 'webhook: rate']);
    for (const name of names.filter((_, index) => taken[index] !== true)) {
      await expect.poll(() => notify(name), { timeout: 5000, interval: 100 }).toBe(true);
    }
    expect([...inbox.names].sort()).toEqual(names);
  });
});

describe('a body is not read', () => {
  it.each([
    ['that is longer than any message', head(1_048_577)],
    [
      'that has no end',
      `${head('Transfer-Encoding: chunked')}${`10000\r\n${'x'.repeat(65_536)}\r\n`.repeat(17)}`,
    ],
  ])('%s', async (_, bytes) => {
    await start();
    expect(await sendBytes(bytes)).toMatch(/^HTTP\/1\.1 413 .*connection: close/is);
    expect(bench.events).toEqual(['webhook: too_large']);
  });

  it('of somebody who does not know the token', async () => {
    await start();
    expect(await sendBytes(head(1000, 'x'.repeat(20)))).toMatch(/^HTTP\/1\.1 401 .*connection: close/is);
    expect(bench.events).toEqual(['webhook: sender']);
  });

  it('as something else than its content type says it is', async () => {
    const { send, events, inbox } = await start();
    const type = (contentType: string) =>
      send('webhook', makeS3Event('a.txt'), { ...headers, 'content-type': contentType });
    expect((await type('application/x-www-form-urlencoded')).status).toBe(200);
    expect((await type('no type')).status).toBe(422);
    expect(events).toEqual(['webhook: content']);
    expect(inbox.names).toEqual(['a.txt']);
  });
});

describe('what is no request is refused and counted', () => {
  it.each([
    ['no HTTP', 'hello\r\n\r\n'],
    [
      'an address that cannot be read',
      `POST /%zz?token=${token} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`,
    ],
    ['two lengths', `${head(5).trimEnd()}\r\nContent-Length: 6\r\n\r\nhello`],
  ])('%s', async (_, bytes) => {
    await start();
    expect(await sendBytes(bytes)).toMatch(/^HTTP\/1\.1 400 /);
    expect(bench.events).toEqual(['http: malformed']);
    expect(bench.lines.join('')).not.toContain(token);
  });
});

it('who is refused again and again fills no log', async () => {
  let now = 0;
  const clock = { now: () => now, sleep: () => new Promise<void>(() => undefined) };
  const { send, events, lines } = await start({ clock });
  const refuse = () => send('webhook', 'x', { authorization: 'Bearer of-something-else' });
  for (let index = 0; index < 5; index++) await refuse();
  now = 1000;
  await refuse();
  expect(events).toHaveLength(6);
  const refusals = lines.filter((line) => line.includes('notification refused'));
  expect(refusals).toHaveLength(2);
  expect(refusals[1]).toContain('"unlogged":4');
});

describe('a stop', () => {
  const notify = async (name: string, address: URL, agent?: HttpAgent) => {
    const url = new URL('/notifications/webhook', address);
    const sent = requestByHttp(url, { method: 'POST', headers, ...(agent && { agent }) });
    sent.end(makeS3Event(name));
    return readStatus(sent);
  };

  it('waits for what is under way, and takes nothing more', async () => {
    const sleep = (_: number, signal?: AbortSignal) =>
      new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()));
    const { server, inbox } = await start({ clock: { now: Date.now, sleep } });
    const { address } = server;
    const under: { keep: () => void } = { keep: () => undefined };
    const begun = new Promise<void>((resolve) => {
      inbox.before = () => {
        resolve();
        return new Promise((keep) => (under.keep = keep));
      };
    });
    // Over a connection that is not to end with the answer.
    const agent = new HttpAgent({ keepAlive: true });
    const answer = notify('under-way.txt', address, agent);
    await begun;
    const stopped = server.stop();
    inbox.before = () => Promise.resolve();
    under.keep();
    expect(await answer).toBe(200);
    await stopped;
    agent.destroy();
    expect(inbox.names).toEqual(['under-way.txt']);
    await expect(notify('late.txt', address)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it.each([
    ['nothing has come', ''],
    ['half a request has come', head(1000)],
  ])('does not wait for ever for a connection on which %s', async (_, bytes) => {
    const { server } = await start();
    const socket = net.connect(Number(server.address.port), '127.0.0.1');
    await once(socket, 'connect');
    socket.write(bytes);
    // Answered behind it, so that the server has it.
    expect(await notify('a.txt', server.address)).toBe(200);
    socket.resume().on('error', () => undefined);
    const closed = once(socket, 'close');
    await server.stop();
    await closed;
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-tls-'));
  const certificate = makeCertificate();
  const write = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text);
    return path.join(folder, name);
  };
  const certFile = write('cert.pem', certificate.cert);
  const keyFile = write('key.pem', certificate.key);
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const files = (cert: string, key: string) => ({ tls_cert_file: cert, tls_key_file: key });

  it.each([
    [
      'a file that is not there',
      files(`${folder}/none.pem`, keyFile),
      `tls_cert_file: expected a file that can be read, found ENOENT for ${folder}/none.pem`,
    ],
    [
      'a file that is no certificate',
      files(keyFile, keyFile),
      'tls_cert_file: expected a certificate (PEM), and its key in tls_key_file, found ',
    ],
    [
      'the key of another certificate',
      files(certFile, write('other.pem', makeCertificate().key)),
      'found ERR_OSSL_X509_KEY_VALUES_MISMATCH',
    ],
  ])('says of %s which setting it is', (_, settings, message) => {
    const open = () =>
      new HttpServer({
        settings: { listen: '127.0.0.1:0', ...settings },
        logger: new Logger('info', () => undefined),
        clock: new FakeClock(),
      });
    expect(open).toThrow(SettingsError);
    expect(open).toThrow(message);
    expect(open).not.toThrow('PRIVATE KEY');
  });

  it('that is not spoken ends the connection, and is counted', async () => {
    await start({ settings: files(certFile, keyFile) });
    await sendBytes('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(bench.events).toEqual(['http: malformed']);
  });

  it('that does not begin keeps no stop waiting', async () => {
    const { server } = await start({ settings: files(certFile, keyFile) });
    const socket = net.connect(Number(server.address.port), '127.0.0.1').resume();
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    const closed = once(socket, 'close');
    await server.stop();
    await closed;
    expect(socket.destroyed).toBe(true);
  });

  it('is spoken when there is a certificate', async () => {
    const { server, inbox } = await start({ settings: files(certFile, keyFile) });
    expect(server.address.protocol).toBe('https:');
    const sent = requestByHttps(new URL('/notifications/webhook', server.address), {
      method: 'POST',
      headers,
      ca: certificate.cert,
    });
    sent.end(makeS3Event('by-tls.txt'));
    expect(await readStatus(sent)).toBe(200);
    expect(inbox.names).toEqual(['by-tls.txt']);
  });
});

it.each([
  ['taken', (port: string) => `127.0.0.1:${port}`, 'EADDRINUSE'],
  ['no address of this machine', () => '192.0.2.1:8080', 'EADDRNOTAVAIL'],
  ['no port', () => '127.0.0.1:99999', 'ERR_SOCKET_BAD_PORT'],
])('an address that is %s is a wrong setting', async (_, makeListen, code) => {
  await start();
  const listen = makeListen(bench.server.address.port);
  const another = new HttpServer({
    settings: { listen, tls_cert_file: undefined, tls_key_file: undefined },
    logger: new Logger('info', () => undefined),
    clock: new FakeClock(),
  });
  await expect(another.start()).rejects.toThrow(
    `listen: expected an address that is free here, found ${code} for ${listen}`,
  );
});
