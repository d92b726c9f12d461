import { TimeLimitError, withTimeLimit, type Clock, type Logger, type StorageRecord } from '@oms-sync/core';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KnownRecord } from './delivery.ts';
import type { HttpServer, Routes } from './http-server.ts';
import type { Inbox } from './inbox.ts';
import {
  Refusal,
  type Handshake,
  type Message,
  type Receiver,
  type RequestHead,
} from './receivers/receiver.ts';

export interface NotificationRoutesOptions {
  readonly logger: Logger;
  readonly receivers: readonly Receiver[];
  readonly inbox: Inbox;
  readonly clock: Clock;
  /** Requests a second from one address to one receiver; what comes beyond that is to come again. */
  readonly requestsPerSecond: number;
  /** A notification came that was kept before: nothing was done. */
  readonly onRepeated?: (source: string) => void;
}

/** SMN waits for five seconds, and nobody waits for less. */
const answerWithinMs = 4500;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whose route it is, in the metrics and the log. */
    source?: string;
  }
}

/**
 * Adds `POST /notifications/{name}` for each receiver. The answer is a 2xx only when the notification is kept, or was
 * before, or when it is a handshake.
 */
export function addNotificationRoutes(server: HttpServer, options: NotificationRoutesOptions): void {
  server.add((routes) => {
    routes.removeAllContentTypeParsers();
    // SNS sends its JSON as text/plain, and nobody's content type says what is in it.
    routes.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
    for (const receiver of options.receivers) addRoutes(routes, receiver, options);
  });
}

function addRoutes(routes: Routes, receiver: Receiver, options: NotificationRoutesOptions): void {
  const { name, maxBytes } = receiver;
  const url = `/notifications/${name}`;
  const rateLimit = {
    max: options.requestsPerSecond,
    timeWindow: 1000,
    errorResponseBuilder: () =>
      new Refusal('rate', `more than ${options.requestsPerSecond} requests a second`),
  };
  const common = {
    url,
    config: { source: name, rateLimit },
    // Before the body is read: nobody else gets as far as that.
    preParsing: async (request: FastifyRequest) => receiver.admit?.(headOf(request)),
  };
  routes.route({
    ...common,
    method: 'POST',
    bodyLimit: maxBytes,
    handler: (request, reply) =>
      withinTime(options.clock, async () => {
        const received = await receiver.receive(headOf(request), request.body);
        if (received.kind === 'handshake') return answerHandshake(receiver, received, reply, options);
        await keep(receiver, received, options);
        return { status: 'kept' };
      }),
  });
  const greet = receiver.greet?.bind(receiver);
  if (greet === undefined) return;
  routes.route({
    ...common,
    method: 'OPTIONS',
    handler: async (request, reply) => answerHandshake(receiver, greet(headOf(request)), reply, options),
  });
}

function headOf({ headers, query }: FastifyRequest): RequestHead {
  return { headers, query: typeof query === 'object' && query !== null ? { ...query } : {} };
}

/** @throws {Refusal} `time` when it takes too long. If it is kept later, the sender's next try is a repeat. */
async function withinTime<Result>(clock: Clock, work: () => Promise<Result>): Promise<Result> {
  try {
    return await withTimeLimit(work(), answerWithinMs, clock);
  } catch (error) {
    if (!(error instanceof TimeLimitError)) throw error;
    throw new Refusal('time', `nothing could be kept in ${answerWithinMs} ms`);
  }
}

async function keep(
  { name: source }: Receiver,
  { messageId, records }: Message,
  { inbox, clock, onRepeated }: NotificationRoutesOptions,
): Promise<void> {
  const known = records.filter(isKnown);
  if (known.length > 0) {
    const kept = await add(inbox, { source, messageId, records: known, receivedAt: clock.now() });
    if (kept === 'repeated') onRepeated?.(source);
  }
  // What is known is on its way all the same; the others come again, or end where the sender puts what it cannot deliver.
  const unknown = records.find((record) => record.kind === 'unknown');
  if (unknown !== undefined) throw new Refusal('content', unknown.reason);
  if (known.length === 0) throw new Refusal('content', 'expected records, found none');
}

async function add(inbox: Inbox, notification: Parameters<Inbox['add']>[0]) {
  try {
    return await inbox.add(notification);
  } catch (error) {
    throw new Refusal('unavailable', 'the notification cannot be kept now', { cause: error });
  }
}

function isKnown(record: StorageRecord): record is KnownRecord {
  return record.kind !== 'unknown';
}

function answerHandshake(
  { name: source }: Receiver,
  { level, what, about, headers = {}, body = { status: what } }: Handshake,
  reply: FastifyReply,
  { logger }: NotificationRoutesOptions,
): Readonly<Record<string, string>> {
  logger.log(level, what, { source, topic: about });
  reply.headers(headers);
  return body;
}
