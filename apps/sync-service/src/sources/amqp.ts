import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import type { Clock, Logger, Secret } from '@oms-sync/core';
import type { EventGridKeyEncoding } from '@oms-sync/storage-events';
import type { Delivery } from '../delivery.ts';
import { SourceError, type Source, type SourceState, type Submit } from '../source.ts';
import { closeAmqp, openAmqp } from './amqp-connection.ts';
import type { AmqpPublisher } from './amqp-publisher.ts';
import { describeError } from './error-description.ts';
import { sortMessage } from './message-body.ts';

export interface AmqpSourceOptions {
  readonly url: Secret;
  readonly queue: string;
  readonly isDeclared: boolean;
  readonly exchange: string | undefined;
  readonly eventgridKeyEncoding: EventGridKeyEncoding;
  /** Messages that are held unacknowledged at most. */
  readonly prefetch: number;
  readonly publisher: Pick<AmqpPublisher, 'publish'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onRefused: (source: string, reason: string) => void;
}

/** The queue of what nobody can read. */
export function deadLetterQueue(queue: string): string {
  return `${queue}.dead-letter`;
}

/** One channel, from when it consumes until it is lost. */
interface Session {
  readonly connection: ChannelModel;
  readonly channel: Channel;
  readonly consumerTag: string;
  readonly ended: Promise<string>;
  isOpen: boolean;
}

/** After so many deliveries in vain it is the message that ends its receivers. */
const maxDeliveries = 20;
/** How often a classic queue, which does not count, has delivered a message. */
const countHeader = 'x-oms-sync-deliveries';
const firstWaitMs = 500;
/** A broker that starts takes some seconds, and then nobody shall wait for long. */
const maxWaitMs = 5000;
const countEveryMs = 10_000;
/** What no second try will mend. Source: AMQP 0-9-1, 1.2 reply codes. */
const hopeless = new Set([403, 404, 406, 530]);

/**
 * Takes messages from a queue of an AMQP 0-9-1 broker, and acknowledges each when it is settled. What nobody can read is
 * published to the dead-letter queue, confirmed, and only then acknowledged: a rejection would drop it wherever the queue
 * has no dead-letter exchange, which a consumer cannot see.
 */
export class AmqpSource implements Source {
  readonly name = 'amqp';
  readonly #options: AmqpSourceOptions;
  readonly #stopping = new AbortController();
  #status: SourceState['status'] = 'connecting';
  #detail: string | undefined;
  #count: number | undefined;
  #session: Session | undefined;
  #running: Promise<void> | undefined;

  constructor(options: AmqpSourceOptions) {
    this.#options = options;
  }

  get state(): SourceState {
    const backlog = this.#count === undefined ? undefined : { count: this.#count, unit: 'messages' as const };
    return { status: this.#status, detail: this.#detail, place: this.#options.queue, backlog };
  }

  async start(submit: Submit): Promise<void> {
    let first: Session | undefined;
    try {
      first = await this.#open(submit);
    } catch (error) {
      if (hopeless.has(codeOf(error))) {
        const advice = 'docs/guides/brokers.md says what to do';
        throw new SourceError(`amqp_url, amqp_queue: ${describeError(error)}; ${advice}`, { cause: error });
      }
      this.#lose(describeError(error));
    }
    this.#running = this.#keepRunning(submit, first);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const session = this.#session;
    // If it is lost meanwhile, it consumes no more either.
    if (session?.isOpen === true) await session.channel.cancel(session.consumerTag).catch(() => undefined);
    this.#status = 'stopped';
  }

  async close(): Promise<void> {
    if (this.#session !== undefined) await closeAmqp(this.#session.connection);
    await this.#running;
  }

  async #keepRunning(submit: Submit, first: Session | undefined): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    let waitMs = firstWaitMs;
    for (let session = first; ;) {
      if (session !== undefined) {
        waitMs = firstWaitMs;
        // It may have been opened while the source was stopped and closed.
        if (signal.aborted) await closeAmqp(session.connection);
        const reason = await session.ended;
        if (!signal.aborted) this.#lose(reason);
      }
      if (signal.aborted) return;
      await clock.sleep(waitMs, signal);
      if (signal.aborted) return;
      waitMs = Math.min(2 * waitMs, maxWaitMs);
      session = await this.#open(submit).catch((error: unknown) => {
        if (!signal.aborted) this.#lose(describeError(error));
        return undefined;
      });
    }
  }

  #lose(reason: string): void {
    this.#status = 'failed';
    this.#detail = reason;
    this.#count = undefined;
    this.#options.logger.log('warn', 'source lost', { source: this.name, reason });
  }

  async #open(submit: Submit): Promise<Session> {
    const { url, clock, logger, queue } = this.#options;
    const session = await openAmqp({ url, name: 'oms-sync', clock }, async (connection) =>
      this.#consume(connection, await connection.createChannel(), submit),
    );
    this.#session = session;
    if (this.#stopping.signal.aborted) return session;
    this.#status = 'running';
    this.#detail = undefined;
    logger.log('info', 'source connected', { source: this.name, queue });
    return session;
  }

  async #consume(connection: ChannelModel, channel: Channel, submit: Submit): Promise<Session> {
    const { queue, prefetch, clock } = this.#options;
    let end: (reason: string) => void = () => undefined;
    const ended = new Promise<string>((resolve) => (end = resolve));
    const done = new AbortController();
    const session = { connection, channel, consumerTag: '', ended, isOpen: true };
    const finish = (reason: string) => {
      if (!session.isOpen) return;
      session.isOpen = false;
      done.abort();
      end(reason);
      // A channel that is gone takes its connection along: one way to begin again.
      void closeAmqp(connection);
    };
    let why = 'the connection was closed';
    connection.on('error', (error) => (why = error.message)); // Channels are closed after that, then the connection.
    channel.on('error', (error) => finish(error.message));
    channel.on('close', () => finish(why));
    connection.on('close', () => finish(why));
    if (this.#options.isDeclared) await this.#declare(channel);
    await channel.checkQueue(queue);
    await channel.checkQueue(deadLetterQueue(queue));
    await channel.prefetch(prefetch);
    let feeding = Promise.resolve();
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (message === null) return finish(`the broker cancelled the consumer of ${queue}`);
      // What fails here is a fault of ours: the message comes again, and after some times it is refused.
      const fail = (error: unknown) => finish(`a message cannot be taken: ${describeError(error)}`);
      feeding = feeding.then(() => this.#take(session, message, submit)).catch(fail);
    });
    session.consumerTag = consumerTag;
    void this.#countWaiting(session, clock, done.signal);
    return session;
  }

  async #declare(channel: Channel): Promise<void> {
    const { queue, exchange } = this.#options;
    const deadLetters = deadLetterQueue(queue);
    const quorum = { 'x-queue-type': 'quorum' };
    await channel.assertQueue(deadLetters, { durable: true, arguments: quorum });
    await channel.assertQueue(queue, {
      durable: true,
      // A limit that the broker has by itself must not drop anything either.
      arguments: { ...quorum, 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': deadLetters },
    });
    if (exchange === undefined) return;
    await channel.assertExchange(exchange, 'topic', { durable: true });
    await channel.bindQueue(queue, exchange, '#');
  }

  /** Also finds out that the queue is gone: the broker closes the channel then. */
  async #countWaiting(session: Session, clock: Clock, done: AbortSignal): Promise<void> {
    while (!done.aborted) {
      // A failure ends the channel, and that is told elsewhere.
      const queue = await session.channel.checkQueue(this.#options.queue).catch(() => undefined);
      this.#count = queue?.messageCount;
      await clock.sleep(countEveryMs, done);
    }
  }

  async #take(session: Session, message: ConsumeMessage, submit: Submit): Promise<void> {
    // What is not taken is unacknowledged, and others get it.
    if (!session.isOpen || this.#stopping.signal.aborted) return;
    const deliveries = countDeliveries(message);
    if (deliveries >= maxDeliveries) {
      return this.#refuse(session, message, 'redelivered', `it was delivered ${deliveries} times in vain`);
    }
    if (message.fields.redelivered && message.properties.headers?.['x-delivery-count'] === undefined) {
      const headers = { ...message.properties.headers, [countHeader]: deliveries + 1 };
      return this.#move(session, message, this.#options.queue, headers);
    }
    const { source, records, receivedAt, refusal } = sortMessage(message.content, this.#options);
    const timestamp: unknown = message.properties.timestamp; // Seconds since 1970, of senders that say it.
    const settle = () => {
      if (refusal === undefined) return acknowledge(session, message);
      void this.#refuse(session, message, 'content', refusal);
    };
    if (records.length === 0) return settle();
    const delivery: Delivery = {
      source: source ?? this.name,
      records,
      waitingSince: receivedAt ?? (typeof timestamp === 'number' ? timestamp * 1000 : undefined),
      settle,
      handBack: () => {
        if (session.isOpen) session.channel.nack(message, false, true);
      },
    };
    await submit(delivery);
  }

  async #refuse(session: Session, message: ConsumeMessage, reason: string, why: string): Promise<void> {
    const { queue, logger, onRefused } = this.#options;
    const to = deadLetterQueue(queue);
    onRefused(this.name, reason);
    logger.log('error', 'message refused', { source: this.name, queue, to, reason: why });
    const { [countHeader]: _, 'x-delivery-count': __, ...headers } = message.properties.headers ?? {}; // Put back, it counts anew.
    await this.#move(session, message, to, { ...headers, 'x-oms-sync-reason': why });
  }

  /** Tries until it is there: the message is unacknowledged meanwhile. */
  async #move(
    session: Session,
    { content, properties, fields }: ConsumeMessage,
    to: string,
    headers: Readonly<Record<string, unknown>>,
  ): Promise<void> {
    const { publisher, clock, logger } = this.#options;
    const messageId: unknown = properties.messageId;
    const options = { headers, ...(typeof messageId === 'string' && { messageId }) };
    for (let waitMs = firstWaitMs; session.isOpen; waitMs = Math.min(2 * waitMs, maxWaitMs)) {
      try {
        await publisher.publish(to, content, options);
        return acknowledge(session, { content, properties, fields });
      } catch (error) {
        logger.log('warn', 'message cannot be moved', {
          source: this.name,
          to,
          reason: describeError(error),
        });
        await clock.sleep(waitMs, this.#stopping.signal);
        if (this.#stopping.signal.aborted) return;
      }
    }
  }
}

function acknowledge(session: Session, message: ConsumeMessage): void {
  // A lost channel's messages are delivered again, and a repeat is free.
  if (session.isOpen) session.channel.ack(message);
}

/** How often it was delivered before. Quorum queues count themselves. */
function countDeliveries({ properties }: ConsumeMessage): number {
  const headers = properties.headers ?? {};
  const own: unknown = headers[countHeader];
  const counts: unknown[] = [headers['x-delivery-count'], own];
  return Math.max(0, ...counts.map((count) => (typeof count === 'number' ? count : 0)));
}

function codeOf(error: unknown): number {
  return error instanceof Error && 'code' in error ? Number(error.code) : Number.NaN;
}
