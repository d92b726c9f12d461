import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';
import { makeCertificate, testKeys } from '@oms-sync/testing';
import type { BadAddress } from './fault-table.test-help.ts';

/**
 * The name of no host: its first part is longer than 63 bytes (RFC 1035), so the resolver says so without asking a server,
 * which may be away, or slow to say no.
 */
const unknownHost = `${'x'.repeat(64)}.invalid`;

/** Those whom one meets at a wrong address. None of them must ever get a request. */
export interface Strangers {
  /** What a bad address is, in place of a good one. */
  addressOf(bad: BadAddress | undefined, good: URL): URL;
  /** Requests that one of them got. */
  readonly requestCount: number;
  close(): void;
}

export async function startStrangers(): Promise<Strangers> {
  let requestCount = 0;
  /** A server on TLS whose certificate nobody trusts. */
  const untrusted = createTlsServer(makeCertificate(), (_request, response) => {
    requestCount++;
    response.end();
  });
  const open = new Set<Socket>();
  const silent = createServer((socket) => {
    open.add(socket);
    socket.on('error', () => undefined).on('close', () => open.delete(socket));
  });
  const rude = createServer((socket) => {
    socket.on('error', () => undefined).once('data', () => socket.resetAndDestroy());
  });
  const ports = {
    untrusted: await listen(untrusted),
    silent: await listen(silent),
    rude: await listen(rude),
  };
  const local = (port: number, { pathname }: URL) => new URL(pathname, `https://127.0.0.1:${port}`);
  return {
    addressOf(bad, good) {
      switch (bad) {
        case undefined:
          return new URL(good);
        case 'nobody listens':
          return new URL(good.pathname, `http://${good.hostname}:9`);
        case 'unknown host':
          return new URL(good.pathname, `https://${unknownHost}`);
        case 'wrong certificate':
          return local(ports.untrusted, good);
        case 'plain text on the TLS port':
          return new URL(good.pathname, `https://${good.host}`);
        case 'reset in the TLS handshake':
          return local(ports.rude, good);
        case 'silence in the TLS handshake':
          return local(ports.silent, good);
      }
    },
    get requestCount() {
      return requestCount;
    },
    close() {
      for (const server of [untrusted, silent, rude]) server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/**
 * Hands out a token, which Google's SDK wants before it talks to a stranger: to the stand-in it sends none.
 * https://docs.cloud.google.com/compute/docs/metadata/overview
 */
export async function startGoogleCredentials(): Promise<{ readonly host: string; close(): void }> {
  const server = createHttpServer((request, response) => {
    const isToken = request.url?.startsWith('/computeMetadata/v1/instance/service-accounts/default/token');
    response
      .writeHead(isToken === true ? 200 : 404, {
        'metadata-flavor': 'Google',
        'content-type': 'application/json',
      })
      .end(JSON.stringify({ access_token: testKeys.securityToken, expires_in: 3600, token_type: 'Bearer' }));
  });
  return {
    host: `127.0.0.1:${await listen(server)}`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}
