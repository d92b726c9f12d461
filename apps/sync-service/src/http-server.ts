import { readFileSync } from 'node:fs';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import { createSecureContext } from 'node:tls';
import rateLimit from '@fastify/rate-limit';
import { SettingsError, type Clock, type Logger } from '@oms-sync/core';
import fastify, {
  type FastifyContextConfig,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import { Refusal, type RefusalReason } from './receivers/receiver.ts';
import type { ServiceValues } from './service-settings.ts';

/** Where routes are added: a part of the server, so that what is set there is for these routes only. */
export type Routes = FastifyInstance<Server>;

export interface HttpServerOptions {
  readonly settings: Pick<ServiceValues, 'listen' | 'tls_cert_file' | 'tls_key_file'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** A request was refused: of a receiver, or of nobody (`http`). */
  readonly onRefused?: (source: string, reason: RefusalReason) => void;
}

/** From the first byte to the last one of a request. */
const requestTimeoutMs = 10_000;
const headersTimeoutMs = 5000;
/** How often the two are looked at; Node.js would do it every 30 seconds. */
const timeoutCheckMs = 1000;
/** Longer than load balancers keep idle connections (60 s as a rule), so that it is they who end them. */
const keepAliveTimeoutMs = 75_000;
/** A connection on which nothing moves; the slowest answer takes a part of that. */
const connectionTimeoutMs = 80_000;
const maxConnections = 1000;
/** Longer than any answer takes. */
const stopWithinMs = 5000;
/** Anything that is not a notification is small. */
const maxBytes = 64 * 1024;
/** Whoever is refused again and again fills no disk: a line a second for each source and reason. */
const logEveryMs = 1000;

/**
 * The HTTP server of the service. Others {@link add} their routes before it starts. They throw a {@link Refusal}; how it is
 * answered, counted and logged is the same for all.
 */
export class HttpServer {
  readonly #routes: Routes;
  readonly #options: HttpServerOptions;
  /** Also those on which no request has come, or no TLS: Node.js ends neither with the server. */
  readonly #sockets = new Set<Socket>();
  readonly #refusals = new Map<string, { readonly loggedAt: number; times: number }>();

  /** @throws {SettingsError} if the files of the certificate cannot be used. */
  constructor(options: HttpServerOptions) {
    this.#options = options;
    const certificate = readCertificate(options.settings);
    const timeouts = { connectionsCheckingInterval: timeoutCheckMs };
    const servers = {
      https:
        certificate === undefined
          ? null
          : { ...certificate, ...timeouts, handshakeTimeout: headersTimeoutMs },
      http: timeouts,
    };
    this.#routes = fastify({
      ...servers,
      logger: false,
      // The addresses that a proxy in front of us tells, if it is on this machine.
      trustProxy: 'loopback',
      bodyLimit: maxBytes,
      requestTimeout: requestTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      connectionTimeout: connectionTimeoutMs,
      forceCloseConnections: 'idle',
      // What still comes on an open connection while it closes is taken like anything else.
      return503OnClosing: false,
      clientErrorHandler: (error, socket) => this.#answerNoRequest(error, socket),
      // Without the error: it shows the address, in which a token may stand.
      frameworkErrors: (_error, request, reply) =>
        this.#answerError(new Refusal('malformed', 'the address cannot be read'), request, reply),
    });
    const { server } = this.#routes;
    server.headersTimeout = headersTimeoutMs;
    server.maxConnections = maxConnections;
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    void this.#routes.register(rateLimit, {
      global: false,
      addHeaders: { 'x-ratelimit-limit': false, 'x-ratelimit-remaining': false, 'x-ratelimit-reset': false },
      addHeadersOnExceeding: {
        'x-ratelimit-limit': false,
        'x-ratelimit-remaining': false,
        'x-ratelimit-reset': false,
      },
    });
    this.#routes.setErrorHandler((error, request, reply) => this.#answerError(error, request, reply));
    this.#routes.setNotFoundHandler((request, reply) =>
      this.#answerError(new Refusal('not_found', 'nothing is here'), request, reply),
    );
    this.#routes.addHook('onResponse', async ({ method, routeOptions }, { statusCode, elapsedTime }) =>
      // The pattern of the route: an address may hold a token.
      options.logger.log('debug', 'request', {
        method,
        route: routeOptions.url,
        status: statusCode,
        ms: Math.round(elapsedTime),
      }),
    );
  }

  /** Adds routes; to be called before {@link start}. */
  add(addRoutes: (routes: Routes) => void): void {
    void this.#routes.register((routes: Routes, _options, done) => {
      addRoutes(routes);
      done();
    });
  }

  /** Where it listens. */
  get address(): URL {
    const { tls_cert_file: certificate } = this.#options.settings;
    const address = this.#routes.server.address();
    if (address === null || typeof address === 'string') throw new Error('the HTTP server does not listen');
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
    return new URL(`${certificate === undefined ? 'http' : 'https'}://${host}:${address.port}`);
  }

  /** @throws {SettingsError} if the address cannot be had. */
  async start(): Promise<void> {
    const { listen } = this.#options.settings;
    const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(listen) ?? [];
    try {
      await this.#routes.listen({ host: host.replace(/^\[|\]$/g, ''), port: Number(port) });
    } catch (error) {
      if (!isFaultOfAddress(error)) throw error;
      const found = `${describeFault(error)} for ${listen}`;
      throw new SettingsError([{ setting: 'listen', expected: 'an address that is free here', found }]);
    }
  }

  /** Takes no more connections; resolves when the requests under way are answered, or no answer can come any more. */
  async stop(): Promise<void> {
    const done = new AbortController();
    const closed = Promise.resolve(this.#routes.close()).finally(() => done.abort());
    await Promise.race([closed, this.#options.clock.sleep(stopWithinMs, done.signal)]);
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #answerError(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
    const refusal = toRefusal(error);
    const { reason, statusCode, message } = refusal;
    // A request that cannot be read has no route.
    const { config }: { config?: FastifyContextConfig } = request.routeOptions;
    const source = config?.source ?? 'http';
    this.#refuse(source, refusal, request.ip);
    if (statusCode === 503 && !reply.hasHeader('retry-after')) reply.header('retry-after', '1');
    // The rest of a body that nobody has read would be taken for the next request.
    if (!request.raw.complete) reply.header('connection', 'close');
    void reply.code(statusCode).send({ error: message, reason });
  }

  /** What could not be read as a request: Node.js would answer 408 to a slow one, which SMN does not repeat. */
  #answerNoRequest(error: Error & { readonly code?: string }, socket: Socket): void {
    const { code } = error;
    const isSlow = code === 'ERR_HTTP_REQUEST_TIMEOUT';
    const isHttp = isSlow || code?.startsWith('HPE_') === true;
    if (code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    const refusal = new Refusal(isSlow ? 'time' : 'malformed', isSlow ? 'too slow' : 'this is no request');
    this.#refuse('http', refusal, socket.remoteAddress);
    const status = isSlow ? '503 Service Unavailable' : '400 Bad Request';
    // Where TLS has failed there is nobody to talk to, and an answer would never be gone.
    if (!isHttp || !socket.writable) {
      socket.destroy();
      return;
    }
    socket.end(`HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    socket.destroySoon(); // Whether the other side ends it or not.
  }

  #refuse(source: string, refusal: Refusal, sender: string | undefined): void {
    const { logger, clock, onRefused } = this.#options;
    const { reason, message, statusCode, cause } = refusal;
    onRefused?.(source, reason);
    const key = `${source} ${reason}`;
    const last = this.#refusals.get(key);
    const now = clock.now();
    if (last !== undefined && now - last.loggedAt < logEveryMs) {
      last.times++;
      return;
    }
    this.#refusals.set(key, { loggedAt: now, times: 0 });
    logger.log('warn', 'notification refused', {
      source,
      reason,
      message,
      ...(cause instanceof Error && { cause: cause.message }),
      status: statusCode,
      sender,
      ...(last !== undefined && last.times > 0 && { unlogged: last.times }),
    });
  }
}

/** What is wrong with a request, whoever found it. Anything unexpected is ours, and may pass. */
function toRefusal(error: unknown): Refusal {
  if (error instanceof Refusal) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new Refusal('too_large', 'the body is longer than any message', { cause: error });
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new Refusal('content', 'the content type cannot be read', { cause: error });
  }
  if (code === 'FST_ERR_CTP_INVALID_JSON_BODY' || code === 'FST_ERR_CTP_EMPTY_JSON_BODY') {
    return new Refusal('content', 'the body is no JSON', { cause: error });
  }
  return new Refusal('unavailable', 'something went wrong here', { cause: error });
}

function readCertificate({
  tls_cert_file: certFile,
  tls_key_file: keyFile,
}: HttpServerOptions['settings']): { readonly cert: Buffer; readonly key: Buffer } | undefined {
  if (certFile === undefined || keyFile === undefined) return undefined;
  const pair = { cert: readFile('tls_cert_file', certFile), key: readFile('tls_key_file', keyFile) };
  try {
    createSecureContext(pair);
  } catch (error) {
    const found = `${describeFault(error)} for ${certFile} and ${keyFile}`;
    throw new SettingsError([
      { setting: 'tls_cert_file', expected: 'a certificate (PEM), and its key in tls_key_file', found },
    ]);
  }
  return pair;
}

function readFile(setting: string, file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const found = `${describeFault(error)} for ${file}`;
    throw new SettingsError([{ setting, expected: 'a file that can be read', found }]);
  }
}

function isFaultOfAddress(error: unknown): boolean {
  return error instanceof Error && ('syscall' in error || describeFault(error) === 'ERR_SOCKET_BAD_PORT');
}

function describeFault(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'a fault';
}
