import type { Clock, Logger, Settings, SettingProblem, ValuesOf } from '@oms-sync/core';
import type { Inbox } from '../inbox.ts';
import type { Source } from '../source.ts';
import { AmqpInbox } from '../amqp-inbox.ts';
import { AmqpPublisher } from './amqp-publisher.ts';
import { amqpSettings, AmqpSource } from './amqp.ts';

/** The settings of all sources but the receivers: a source is there when its settings are. */
export const sourceSettings = { ...amqpSettings } as const;

export type SourceValues = ValuesOf<typeof sourceSettings>;

/** What is wrong between settings of sources that are each right. */
export function* findSourceContradictions(
  values: Partial<SourceValues> & { readonly queue?: 'embedded' | 'amqp' },
): Generator<SettingProblem, void, undefined> {
  const isAsked = values.amqp_url !== undefined || values.amqp_queue !== undefined || values.queue === 'amqp';
  for (const setting of ['amqp_url', 'amqp_queue'] as const) {
    if (isAsked && values[setting] === undefined) {
      yield { setting, expected: sourceSettings[setting].meaning, found: 'nothing' };
    }
  }
  if (values.amqp_exchange !== undefined && values.amqp_declare !== 'yes') {
    yield { setting: 'amqp_exchange', expected: 'amqp_declare=yes beside it', found: 'amqp_declare=no' };
  }
}

export interface SourceOptions {
  readonly core: Pick<Settings, 'eventgridKeyEncoding' | 'maxInFlight'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onRefused: (source: string, reason: string) => void;
}

export interface OpenSources {
  readonly sources: readonly Source[];
  /** Where a broker keeps notifications; undefined without one. */
  readonly inbox: Inbox | undefined;
  close(): Promise<void>;
}

/** The sources that the settings ask for. */
export function openSources(values: SourceValues, { core, ...options }: SourceOptions): OpenSources {
  const { amqp_url: url, amqp_queue: queue } = values;
  if (url === undefined || queue === undefined) {
    return { sources: [], inbox: undefined, close: () => Promise.resolve() };
  }
  const publisher = new AmqpPublisher(url);
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
  return { sources: [source], inbox: new AmqpInbox(publisher, queue), close: () => publisher.close() };
}

/** As many as the dispatcher holds: ten names a request, in ten runs under way, twice that waiting, twenty delayed. */
const messagesPerRequest = 10 * 32;
