import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib';
import {
  isLoopback,
  matching,
  oneOf,
  Secret,
  withTimeLimit,
  type Clock,
  type Logger,
  type Setting,
  type SettingProblem,
  type ValuesOf,
} from '@oms-sync/core';
import { UnknownEventError, type EventGridKeyEncoding } from '@oms-sync/storage-events';
import type { Delivery, KnownRecord } from '../delivery.ts';
import type { Source, SourceState, Submit } from '../source.ts';
import { connectAmqp, type AmqpPublisher } from './amqp-publisher.ts';
import { readMessageBody } from './message-body.ts';

export const amqpSettings = {
  queue: {
    meaning:
      'what keeps notifications: a folder of this machine (`embedded`), or the queue of the broker (`amqp`)',
    parse: oneOf('embedded', 'amqp'),
    otherwise: 'embedded',
  },
  amqp_url: {
    meaning: 'address of the broker, `amqps://user:password@host/virtual-host`; `amqp://` for loopback only',
    parse: parseAmqpUrl,
    secret: true,
  },
  amqp_queue: {
    meaning: 'queue whose messages are taken',
    parse: matching(/^[^\s]{1,200}$/, 'the name of a queue, without spaces'),
  },
  amqp_declare: {
    meaning: 'whether the queue, and `{amqp_queue}.dead-letter` beside it, are declared at the start',
    parse: oneOf('no', 'yes'),
    otherwise: 'no',
  },
  amqp_exchange: {
    meaning: 'with `amqp_declare=yes`: topic exchange that is declared and bound to the queue',
    parse: matching(/^[\w.:-]{1,127}$/, 'the name of an exchange'),
  },
} as const satisfies Record<string, Setting<unknown>>;

/** What is wrong between the settings of AMQP that are each right. */
export function* findAmqpContradictions(
  values: Partial<ValuesOf<typeof amqpSettings>>,
): Generator<SettingProblem, void, undefined> {
  const isAsked = values.amqp_url !== undefined || values.amqp_queue !== undefined || values.queue === 'amqp';
  for (const setting of ['amqp_url', 'amqp_queue'] as const) {
    if (isAsked && values[setting] === undefined) {
      yield { setting, expected: amqpSettings[setting].meaning, found: 'nothing' };
    }
  }
  if (values.amqp_exchange !== undefined && values.amqp_declare !== 'yes') {
    yield { setting: 'amqp_exchange', expected: 'amqp_declare=yes beside it', found: 'amqp_declare=no' };
  }
}

function parseAmqpUrl(text: string): { readonly value: Secret } | { readonly expected: string } {
  const expected = 'amqps://user:password@host/virtual-host, or amqp:// to loopback';
  if (!URL.canParse(text)) return { expected };
  const url = new URL(text);
  const isSafe = url.protocol === 'amqps:' || (url.protocol === 'amqp:' && isLoopback(url));
  return isSafe && url.hostname !== '' ? { value: new Secret(text) } : { expected };
}

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
const maxWaitMs = 10_000;
/** A queue without a leader answers nothing, and the connection stays. */
const openWithinMs = 15_000;
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
      if (hopeless.has(codeOf(error))) throw error;
      this.#lose(messageOf(error));
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
    await this.#session?.connection.close().catch(() => undefined); // It may be lost already.
    await this.#running;
  }

  async #keepRunning(submit: Submit, first: Session | undefined): Promise<void> {
    const { clock } = this.#options;
    const { signal } = this.#stopping;
    let waitMs = firstWaitMs;
    for (let session = first; ;) {
      if (session !== undefined) {
        waitMs = firstWaitMs;
        const reason = await session.ended;
        if (!signal.aborted) this.#lose(reason);
      }
      if (signal.aborted) return;
      await clock.sleep(waitMs, signal);
      if (signal.aborted) return;
      waitMs = Math.min(2 * waitMs, maxWaitMs);
      session = await this.#open(submit).catch((error: unknown) => {
        this.#lose(messageOf(error));
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
    const connection = await connectAmqp(this.#options.url, 'oms-sync');
    let lost = 'the connection ended';
    connection.on('error', (error) => (lost = error.message));
    try {
      const channel = await connection.createChannel();
      const session = await withTimeLimit(
        this.#consume(connection, channel, submit, () => lost),
        openWithinMs,
        this.#options.clock,
      );
      this.#session = session;
      this.#status = 'running';
      this.#detail = undefined;
      this.#options.logger.log('info', 'source connected', { source: this.name, queue: this.#options.queue });
      return session;
    } catch (error) {
      void connection.close().catch(() => undefined); // The error that matters is thrown.
      throw error;
    }
  }

  async #consume(
    connection: ChannelModel,
    channel: Channel,
    submit: Submit,
    getLost: () => string,
  ): Promise<Session> {
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
      void connection.close().catch(() => undefined);
    };
    channel.on('error', (error) => finish(error.message));
    channel.on('close', () => finish('the channel was closed'));
    connection.on('close', () => finish(getLost()));
    if (this.#options.isDeclared) await this.#declare(channel);
    await channel.checkQueue(queue);
    await channel.checkQueue(deadLetterQueue(queue));
    await channel.prefetch(prefetch);
    let feeding = Promise.resolve();
    const { consumerTag } = await channel.consume(queue, (message) => {
      if (message === null) return finish(`the broker cancelled the consumer of ${queue}`);
      feeding = feeding.then(() => this.#take(session, message, submit));
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
    let body;
    try {
      body = readMessageBody(message.content, this.#options);
    } catch (error) {
      if (!(error instanceof UnknownEventError)) throw error;
      return this.#refuse(session, message, 'content', error.message);
    }
    const known = body.records.filter((record): record is KnownRecord => record.kind !== 'unknown');
    const unknown = body.records.find((record) => record.kind === 'unknown');
    const settle = () => {
      if (unknown === undefined) return acknowledge(session, message);
      void this.#refuse(session, message, 'content', unknown.reason);
    };
    if (known.length === 0) return settle();
    const delivery: Delivery = {
      source: body.source ?? this.name,
      records: known,
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
    await this.#move(session, message, to, { ...message.properties.headers, 'x-oms-sync-reason': why });
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
        logger.log('warn', 'message cannot be moved', { source: this.name, to, reason: messageOf(error) });
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

function messageOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? ` (${error.cause.message})` : '';
  return (error instanceof Error ? error.message : String(error)) + cause;
}
