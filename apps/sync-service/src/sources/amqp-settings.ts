import {
  isLoopback,
  matching,
  oneOf,
  Secret,
  type Setting,
  type SettingProblem,
  type ValuesOf,
} from '@oms-sync/core';

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

/**
 * RabbitMQ ends a consumer that holds a message for longer than its `consumer_timeout`, 30 minutes, and delivers all that
 * it holds again. Source: https://www.rabbitmq.com/docs/consumers#acknowledgement-timeout
 */
const maxHoldMinutes = 25;

/** What is wrong between the settings of AMQP that are each right. */
export function* findAmqpContradictions(
  values: Partial<ValuesOf<typeof amqpSettings>> & { readonly retry_max_age?: number | undefined },
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
  const { retry_max_age: held = 0 } = values;
  if (values.amqp_queue !== undefined && held > maxHoldMinutes * 60_000) {
    yield {
      setting: 'retry_max_age',
      expected: `${maxHoldMinutes} minutes at most with amqp_queue: a broker waits for 30, and delivers again`,
      found: `${Math.round(held / 60_000)} minutes`,
    };
  }
}

function parseAmqpUrl(text: string): { readonly value: Secret } | { readonly expected: string } {
  const expected = 'amqps://user:password@host/virtual-host, or amqp:// to loopback';
  if (!URL.canParse(text)) return { expected };
  const url = new URL(text);
  const isSafe = url.protocol === 'amqps:' || (url.protocol === 'amqp:' && isLoopback(url));
  return isSafe && url.hostname !== '' ? { value: new Secret(text) } : { expected };
}
