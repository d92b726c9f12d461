import type { Clock, Logger, Settings, SettingProblem, ValuesOf } from '@oms-sync/core';
import { AmqpInbox } from '../amqp-inbox.ts';
import { EmbeddedQueue } from '../embedded-queue.ts';
import type { Inbox } from '../inbox.ts';
import type { Source } from '../source.ts';
import { AmqpPublisher } from './amqp-publisher.ts';
import { amqpSettings, findAmqpContradictions } from './amqp-settings.ts';
import { AmqpSource } from './amqp.ts';
import { findKafkaContradictions, kafkaSettings, readKafkaOptions } from './kafka-settings.ts';
import { KafkaSource } from './kafka.ts';
import { OutboxSource, outboxSettings, readOutboxOptions } from './outbox.ts';
import {
  findPostgresContradictions,
  PostgresSource,
  postgresSettings,
  readPostgresOptions,
} from './postgres.ts';

/** The settings of all sources that the service connects to: a source is there when its settings are. */
export const sourceSettings = {
  ...amqpSettings,
  ...kafkaSettings,
  ...postgresSettings,
  ...outboxSettings,
} as const;

export type SourceValues = ValuesOf<typeof sourceSettings>;

/** What is wrong between settings of sources that are each right. */
export function* findSourceContradictions(
  values: Partial<SourceValues> & { readonly retry_max_age?: number | undefined },
): Generator<SettingProblem, void, undefined> {
  yield* findAmqpContradictions(values);
  yield* findKafkaContradictions(values);
  yield* findPostgresContradictions(values);
}

export interface SourceOptions {
  readonly core: Pick<Settings, 'eventgridKeyEncoding' | 'maxInFlight'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onRefused: (source: string, reason: string) => void;
}

export interface OpenSources {
  readonly sources: readonly Source[];
  /** Where notifications are kept: the embedded queue, or the broker. */
  readonly inbox: Inbox;
  readonly embedded: EmbeddedQueue | undefined;
  /** Ends what is shared by them, when each of them is closed. */
  close(): Promise<void>;
}

/**
 * The sources that the settings ask for, the queue first.
 *
 * @throws {QueueError} when the folder of the embedded queue cannot be used.
 */
export async function openSources(
  values: SourceValues & { readonly queue_folder: string },
  options: SourceOptions,
): Promise<OpenSources> {
  const amqp = openAmqp(values, options);
  const kafka = readKafkaOptions(values);
  const { eventgridKeyEncoding } = options.core;
  const postgres = readPostgresOptions(values);
  const outbox = readOutboxOptions(values);
  const connected = [
    ...(amqp === undefined ? [] : [amqp.source]),
    ...(kafka === undefined ? [] : [new KafkaSource(kafka, { ...options, eventgridKeyEncoding })]),
    ...(postgres === undefined ? [] : [new PostgresSource(postgres, options.clock, options.logger)]),
    ...(outbox === undefined ? [] : [new OutboxSource(outbox, options.clock, options.logger)]),
  ];
  const close = async () => amqp?.publisher.close();
  if (values.queue === 'amqp' && amqp !== undefined) {
    return { sources: connected, inbox: amqp.inbox, embedded: undefined, close };
  }
  const embedded = await EmbeddedQueue.open({ ...options, folder: values.queue_folder });
  return { sources: [embedded, ...connected], inbox: embedded, embedded, close };
}

/** As many as the dispatcher holds: ten names a request, in ten runs under way, twice that waiting, twenty delayed. */
const messagesPerRequest = 10 * 32;

function openAmqp(values: SourceValues, { core, ...options }: SourceOptions) {
  const { amqp_url: url, amqp_queue: queue } = values;
  if (url === undefined || queue === undefined) return undefined;
  const publisher = new AmqpPublisher(url, options.clock);
  const source = new AmqpSource({
    ...options,
    url,
    queue,
    isDeclared: values.amqp_declare === 'yes',
    exchange: values.amqp_exchange,
    eventgridKeyEncoding: core.eventgridKeyEncoding,
    prefetch: Math.min(65_535, messagesPerRequest * core.maxInFlight),
    publisher,
  });
  return { source, inbox: new AmqpInbox(publisher, queue), publisher };
}
