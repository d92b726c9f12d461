import {
  matching,
  oneOf,
  Secret,
  type Parse,
  type Setting,
  type SettingProblem,
  type ValuesOf,
} from '@oms-sync/core';
import { parseTopics } from '../receivers/topics.ts';

export const kafkaSettings = {
  kafka_brokers: {
    meaning: 'brokers to begin with, `host:port`, comma-separated',
    parse: parseTopics(/^[^\s:/@]+:\d{1,5}$/, 'brokers as host:port, comma-separated'),
  },
  kafka_topics: {
    meaning: 'topics whose messages are taken, comma-separated',
    parse: parseTopics(/^[\w.-]{1,237}$/, 'names of topics, comma-separated'),
  },
  kafka_group: {
    meaning: 'the consumer group',
    parse: matching(/^[\w.$-]{1,255}$/, 'the name of a consumer group'),
    otherwise: 'oms-sync',
  },
  kafka_tls: {
    meaning: 'whether the brokers are reached by TLS; `no` for loopback only',
    parse: oneOf('yes', 'no'),
    otherwise: 'yes',
  },
  kafka_ca_file: {
    meaning:
      'file of the authorities (PEM) that have signed the certificates of the brokers, if they are your own',
    parse: matching(/./, 'the path of a file'),
  },
  kafka_sasl: {
    meaning: 'how the service logs in',
    parse: oneOf('plain', 'scram-sha-256', 'scram-sha-512'),
  },
  kafka_username: { meaning: 'with `kafka_sasl`: the user', parse: matching(/./, 'a name') },
  kafka_password: { meaning: 'with `kafka_sasl`: the password', parse: parsePassword, secret: true },
} as const satisfies Record<string, Setting<unknown>>;

export type KafkaValues = ValuesOf<typeof kafkaSettings>;

/** Any text: a connection string of Event Hubs, for one. */
function parsePassword(text: string): ReturnType<Parse<Secret>> {
  return { value: new Secret(text) };
}

/** What is wrong between the settings of Kafka that are each right. */
export function* findKafkaContradictions(
  values: Partial<KafkaValues>,
): Generator<SettingProblem, void, undefined> {
  const { kafka_brokers: brokers, kafka_topics: topics, kafka_tls: tls } = values;
  const needs = (setting: keyof KafkaValues) => ({
    setting,
    expected: kafkaSettings[setting].meaning,
    found: 'nothing',
  });
  if (brokers === undefined && topics !== undefined) yield needs('kafka_brokers');
  if (topics === undefined && brokers !== undefined) yield needs('kafka_topics');
  if (values.kafka_sasl !== undefined) {
    if (values.kafka_username === undefined) yield needs('kafka_username');
    if (values.kafka_password === undefined) yield needs('kafka_password');
  }
  const areLocal = brokers?.every((broker) => isLocal(broker.replace(/:\d+$/, ''))) ?? true;
  if (tls === 'no' && !areLocal) {
    yield {
      setting: 'kafka_tls',
      expected: 'yes, unless all kafka_brokers are of this machine',
      found: 'no',
    };
  }
}

/** What the source needs of the settings. */
export interface KafkaOptions {
  readonly brokers: readonly string[];
  readonly topics: readonly string[];
  readonly group: string;
  readonly isTls: boolean;
  readonly caFile: string | undefined;
  readonly login:
    | {
        readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
        readonly username: string;
        readonly password: Secret;
      }
    | undefined;
}

/** Undefined if the settings do not ask for it. */
export function readKafkaOptions(values: KafkaValues): KafkaOptions | undefined {
  const { kafka_brokers: brokers, kafka_topics: topics, kafka_sasl: mechanism } = values;
  const { kafka_username: username, kafka_password: password } = values;
  if (brokers === undefined || topics === undefined) return undefined;
  return {
    brokers,
    topics,
    group: values.kafka_group,
    isTls: values.kafka_tls === 'yes',
    caFile: values.kafka_ca_file,
    login:
      mechanism === undefined || username === undefined || password === undefined
        ? undefined
        : { mechanism, username, password },
  };
}

/** Is a host this machine? */
export function isLocal(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|::1)$/.test(host);
}
