import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from '@oms-sync/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeHttpsGet, type HttpsGet } from './https-get.ts';

const certificate = makeCertificate();
const get = makeHttpsGet({ ca: certificate.cert });
const asked: string[] = [];
const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  '/text': (response) => response.end('the text'),
  '/redirect': (response) => response.writeHead(302, { location: '/text' }).end(),
  '/missing': (response) => response.writeHead(404).end('the text'),
  '/huge': (response) => response.end('x'.repeat(64 * 1024 + 1)),
  '/broken': (response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('the', () => response.destroy());
  },
  '/silent': () => undefined,
  '/slow': (response) => void response.write('the'),
};
let server: Server;
let url: (path: string) => URL;

beforeAll(async () => {
  server = createServer(certificate, (request: IncomingMessage, response) => {
    asked.push(request.url ?? '');
    answers[request.url ?? '']?.(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a server that listens on a port
  const { port } = server.address() as AddressInfo;
  url = (path) => new URL(path, `https://127.0.0.1:${port}`);
});

afterAll(() => {
  server.closeAllConnections();
  server.close();
});

it('gets a text', async () => {
  expect(await get(url('/text'))).toBe('the text');
});

describe('gives up, for now, and asks for nothing else at', () => {
  const impatient = makeHttpsGet({ ca: certificate.cert, timeoutMs: 300 });
  it.each<[string, string, string, HttpsGet]>([
    ['a redirect', '/redirect', 'answered with status 302', get],
    ['a text that is not there', '/missing', 'answered with status 404', get],
    ['a text that is longer than a certificate', '/huge', 'answered with more than 65536 bytes', get],
    ['an answer that breaks off', '/broken', 'broke off its answer', get],
    ['no answer', '/silent', 'did not answer in 300 ms', impatient],
    ['an answer that does not end', '/slow', 'did not answer in 300 ms', impatient],
    ['a server that nobody has certified', '/text', 'cannot be reached', makeHttpsGet()],
  ])('%s', async (_, path, message, by) => {
    asked.length = 0;
    await expect(by(url(path))).rejects.toMatchObject({
      reason: 'unavailable',
      statusCode: 503,
      message: `127.0.0.1 ${message}`,
    });
    expect(asked.filter((other) => other !== path)).toEqual([]);
  });

  it('a host that is not there', async () => {
    const gone = url('/text');
    gone.port = '1';
    await expect(get(gone)).rejects.toMatchObject({ message: '127.0.0.1 cannot be reached' });
  });
});
