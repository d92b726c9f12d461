import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Clock, Logger } from '@oms-sync/core';
import type { EventGridKeyEncoding } from '@oms-sync/storage-events';
import type { Admin, ISocketFactory, Kafka, KafkaConfig, KafkaMessage, Producer, SASLOptions } from 'kafkajs';
import type { Source, SourceState, Submit } from '../source.ts';
import { describeError } from './error-description.ts';
import { KafkaSession } from './kafka-session.ts';
import { isLocal, type KafkaOptions } from './kafka-settings.ts';

/** The topic of what nobody can read. */
export function deadLetterTopic(topic: string): string {
  return `${topic}.dead-letter`;
}

export interface KafkaSourceTools {
  readonly eventgridKeyEncoding: EventGridKeyEncoding;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onRefused: (source: string, reason: string) => void;
  /** {@link KafkaSession}'s; shorter in tests. */
  readonly sessionTimeoutMs?: number;
}

const firstWaitMs = 500;
const maxWaitMs = 30_000;
const lookEveryMs = 15_000;

/**
 * Takes messages from topics of Kafka, as one consumer of a group: the brokers divide the partitions among the replicas.
 *
 * By kafkajs, which nobody maintains at present: the maintained clients in JavaScript (@platformatic/kafka 1.35) ask for
 * versions of the protocol that Event Hubs (Fetch 6 at most), DMS before Kafka 3 and librdkafka's mock do not speak, and
 * those over librdkafka compile at installation or load a binary from elsewhere.
 */
export class KafkaSource implements Source {
  readonly name = 'kafka';
  readonly #options: KafkaOptions;
  readonly #tools: KafkaSourceTools;
  readonly #stopped = new AbortController();
  #session: KafkaSession | undefined;
  #producer: Promise<Producer> | undefined;
  #running: Promise<unknown> | undefined;
  #status: SourceState['status'] = 'connecting';
  #detail: string | undefined;
  /** Why a message that nobody can read cannot be kept elsewhere. */
  #stuck: string | undefined;
  /** Partitions in which messages were deleted before they were taken. */
  readonly #gaps = new Map<string, string>();
  #waiting: number | undefined;

  constructor(options: KafkaOptions, tools: KafkaSourceTools) {
    this.#options = options;
    this.#tools = tools;
  }

  get state(): SourceState {
    const details = [this.#detail, this.#stuck, ...this.#gaps.values()].filter(
      (detail) => detail !== undefined,
    );
    return {
      status: this.#status,
      detail: details.length === 0 ? undefined : details.join('; '),
      place: `${this.#options.topics.join(', ')}, group ${this.#options.group}`,
      backlog: this.#waiting === undefined ? undefined : { count: this.#waiting, unit: 'messages' },
    };
  }

  // oxlint-disable-next-line typescript/require-await -- brokers that are away may come back: nothing can fail for good
  async start(submit: Submit): Promise<void> {
    this.#running = this.#consumeAgainAndAgain(submit);
    void this.#keepLooking(); // Nothing waits for it: it changes nothing.
  }

  // oxlint-disable-next-line typescript/require-await -- what is under way is settled later
  async stop(): Promise<void> {
    this.#stopped.abort();
    this.#session?.stop();
    this.#status = 'stopped';
  }

  async close(): Promise<void> {
    await this.#session?.close();
    await this.#running;
    const producer = await this.#producer?.catch(() => undefined);
    await producer?.disconnect();
  }

  async #consumeAgainAndAgain(submit: Submit): Promise<void> {
    const { signal } = this.#stopped;
    for (let waitMs = firstWaitMs; !signal.aborted; waitMs = Math.min(2 * waitMs, maxWaitMs)) {
      const onFetched = () => {
        waitMs = firstWaitMs / 2;
        this.#set('running', undefined);
      };
      try {
        const kafka = await this.#connect();
        if (signal.aborted) return;
        this.#session = this.#open(kafka, submit, onFetched);
        await this.#session.run();
      } catch (error) {
        if (signal.aborted) return;
        this.#set('failed', describeError(error));
      }
      await this.#tools.clock.sleep(waitMs, signal);
    }
  }

  #open(kafka: Kafka, submit: Submit, onFetched: () => void): KafkaSession {
    const { topics, group } = this.#options;
    const { clock, eventgridKeyEncoding, sessionTimeoutMs = 30_000 } = this.#tools;
    return new KafkaSession({
      kafka,
      topics,
      group,
      eventgridKeyEncoding,
      source: this.name,
      sessionTimeoutMs,
      clock,
      submit,
      onFetched,
      refuse: (topic, message, reason) => this.#refuse(topic, message, reason),
      onCommitFailed: (error) =>
        this.#log('warn', `an offset cannot be committed, and is again: ${describeError(error)}`),
    });
  }

  async #connect(): Promise<Kafka> {
    const { brokers, isTls, caFile, login } = this.#options;
    // As late as that: a service without Kafka does not load it.
    const { Kafka: Client, logLevel } = await import('kafkajs');
    const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
    const config: KafkaConfig = {
      clientId: 'oms-sync',
      brokers: [...brokers],
      ssl: isTls && (ca === undefined || { ca: [ca] }),
      // What matters of it is in the state, and in the log as the state changes.
      logLevel: logLevel.NOTHING,
      retry: { retries: 2 },
      connectionTimeout: 10_000,
      ...(!isTls && { socketFactory: connectLocally }),
      ...(login !== undefined && { sasl: saslOf(login) }),
    };
    return new Client(config);
  }

  /** Tries until it is there: the offset is not committed before. */
  async #refuse(topic: string, message: KafkaMessage, reason: string): Promise<void> {
    const { onRefused, logger, clock } = this.#tools;
    const to = deadLetterTopic(topic);
    onRefused(this.name, 'content');
    logger.log('error', 'message refused', { source: this.name, topic, offset: message.offset, to, reason });
    const { key, value, headers } = message;
    const letter = { key, value, headers: { ...headers, 'x-oms-sync-reason': reason } };
    for (let waitMs = firstWaitMs; ; waitMs = Math.min(2 * waitMs, maxWaitMs)) {
      try {
        const producer = await (this.#producer ??= this.#openProducer());
        await producer.send({ topic: to, acks: -1, messages: [letter] });
        this.#stuck = undefined;
        return;
      } catch (error) {
        this.#stuck = `${to} cannot be written to, and offsets stay where they are until it can: ${describeError(error)}`;
        this.#log('warn', this.#stuck);
        await clock.sleep(waitMs, this.#stopped.signal);
        if (this.#stopped.signal.aborted) return new Promise(() => undefined); // It comes again.
      }
    }
  }

  async #openProducer(): Promise<Producer> {
    try {
      const { Partitioners } = await import('kafkajs');
      const kafka = await this.#connect();
      const producer = kafka.producer({
        createPartitioner: Partitioners.DefaultPartitioner,
        allowAutoTopicCreation: false,
      });
      await producer.connect();
      return producer;
    } catch (error) {
      this.#producer = undefined;
      throw error;
    }
  }

  /** How much waits, and whether something was deleted before it was taken. */
  async #keepLooking(): Promise<void> {
    const { signal } = this.#stopped;
    let admin: Admin | undefined;
    while (!signal.aborted) {
      try {
        if (admin === undefined) {
          admin = (await this.#connect()).admin({ retry: { retries: 1 } });
          await admin.connect();
        }
        await this.#look(admin);
      } catch (error) {
        // The consumer says it too, unless only the look is not allowed.
        this.#waiting = undefined;
        this.#log('debug', `how much waits cannot be seen: ${describeError(error)}`);
        await admin?.disconnect().catch(() => undefined); // It is lost.
        admin = undefined;
      }
      await this.#tools.clock.sleep(lookEveryMs, signal);
    }
    await admin?.disconnect().catch(() => undefined); // It may be lost.
  }

  async #look(admin: Admin): Promise<void> {
    const { topics, group } = this.#options;
    const committed = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
    let waiting = 0;
    for (const { topic, partitions } of committed) {
      const ends = new Map((await admin.fetchTopicOffsets(topic)).map((end) => [end.partition, end]));
      for (const { partition, offset } of partitions) {
        const { low = '0', high = '0' } = ends.get(partition) ?? {};
        // -1: the group has committed nothing yet, and begins with the first that is there.
        const next = offset === '-1' ? BigInt(low) : BigInt(offset);
        waiting += Math.max(0, Number(BigInt(high) - next));
        if (next < BigInt(low)) this.#tellGap(topic, partition, next, BigInt(low));
      }
    }
    this.#waiting = waiting;
  }

  #tellGap(topic: string, partition: number, next: bigint, low: bigint): void {
    const gap = `${topic}, partition ${partition}: messages ${next} to ${low - 1n} were deleted by its retention before they were taken; compare the buckets (oms-sync reconcile)`;
    if (this.#gaps.get(`${topic}/${partition}`) !== gap) this.#log('error', gap);
    this.#gaps.set(`${topic}/${partition}`, gap);
  }

  #set(status: SourceState['status'], detail: string | undefined): void {
    if (this.#stopped.signal.aborted || (status === this.#status && detail === this.#detail)) return;
    this.#status = status;
    this.#detail = detail;
    this.#log(status === 'failed' ? 'error' : 'info', detail);
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string | undefined): void {
    this.#tools.logger.log(level, 'source', { source: this.name, status: this.#status, message });
  }
}

/** A broker tells the addresses of the others: what may be read on its way goes to none beyond this machine. */
const connectLocally: ISocketFactory = ({ host, port, onConnect }) => {
  if (!isLocal(host)) throw new Error(`the broker ${host}:${port} is beyond this machine: kafka_tls=yes`);
  return connect({ host, port }, onConnect);
};

function saslOf({ mechanism, username, password }: NonNullable<KafkaOptions['login']>): SASLOptions {
  return { mechanism, username, password: password.reveal() };
}
