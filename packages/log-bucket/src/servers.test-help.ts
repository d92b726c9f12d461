import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { onTestFinished } from 'vitest';

// Servers made for one test each, for what a stand-in does not do by itself or what is only seen on the wire.

/** Starts a server on the loopback address, until the test is over. Gives its host and port. */
export async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  });
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

/** Starts one that answers each request in this way. */
export async function serve(listener: RequestListener): Promise<URL> {
  return new URL(`http://${await listen(createServer(listener))}`);
}

/** What only stores answer: OBS and S3, Azure, Google Cloud. */
export const storeHeaders = {
  etag: '"0x1"',
  'x-amz-request-id': '1',
  'x-obs-request-id': '1',
  'x-guploader-uploadid': '1',
};

/** Answers of success that no store has made. */
export const strangeAnswers: readonly (readonly [status: number, body: string])[] = [
  [200, '<html><body>Log in first</body></html>'],
  [200, '{}'],
  [200, ''],
  [206, '{}'],
];

/** Answers every request with 200 and this body, which ends where the connection does. */
export const answering =
  (body: string, headers: Readonly<Record<string, string>> = {}): RequestListener =>
  (_request, response) => {
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    response.socket?.end(`HTTP/1.1 200 OK\r\n${lines.join('')}Connection: close\r\n\r\n${body}`);
  };
