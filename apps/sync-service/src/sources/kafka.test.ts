import { Logger, systemClock } from '@oms-sync/core';
import { startKafkaMock, whyNoKafkaMock, type KafkaMock } from '@oms-sync/peers';
import { Kafka, logLevel, Partitioners, type Admin, type Producer } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import type { Delivery } from '../delivery.ts';
import { findKafkaContradictions } from './kafka-settings.ts';
import { deadLetterTopic, KafkaSource } from './kafka.ts';

const needs = whyNoKafkaMock();
const waiting = { timeout: 20_000, interval: 20 };

// A group takes seconds to form: each test has one of its own, beside the others.
describe.skipIf(needs !== undefined).concurrent(`the Kafka source${needs ? ` (${needs})` : ''}`, () => {
  let mock: KafkaMock;
  let kafka: Kafka;
  let producer: Producer;
  let admin: Admin;

  beforeAll(async () => {
    mock = await startKafkaMock();
    kafka = new Kafka({ brokers: [mock.broker], logLevel: logLevel.NOTHING });
    producer = kafka.producer({
      allowAutoTopicCreation: true,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    admin = kafka.admin();
    await producer.connect();
    await admin.connect();
  }, 60_000);
  afterAll(async () => {
    try {
      await producer.disconnect();
      await admin.disconnect();
    } finally {
      await mock.stop();
    }
  }, 30_000);

  const end = async (source: KafkaSource) => {
    await source.stop();
    await source.close();
  };

  /** A source whose deliveries are settled, or left as they are. */
  async function start(
    { onTestFinished }: TestContext,
    topic: string,
    isSettled: boolean,
    brokers = [mock.broker],
  ) {
    const deliveries: Delivery[] = [];
    const refused: string[] = [];
    const options = { brokers, topics: [topic], group: `group-of-${topic}`, isTls: false };
    const source = new KafkaSource(
      { ...options, caFile: undefined, login: undefined },
      {
        eventgridKeyEncoding: 'form',
        // A rebalance of the mock takes that time, less a second.
        sessionTimeoutMs: 6000,
        clock: systemClock,
        logger: new Logger('error', () => undefined),
        onRefused: (_, reason) => refused.push(reason),
      },
    );
    await source.start((delivery) => {
      deliveries.push(delivery);
      if (isSettled) delivery.settle();
      return Promise.resolve();
    });
    onTestFinished(() => end(source), 30_000);
    const names = () =>
      deliveries
        .flatMap(({ records }) => records.map((each) => ('name' in each ? each.name : each.kind)))
        .sort();
    return { source, deliveries, refused, names };
  }

  const event = (key: string) =>
    JSON.stringify({
      Records: [
        {
          eventSource: 'minio:s3',
          eventName: 's3:ObjectCreated:Put',
          s3: { bucket: { name: 'b' }, object: { key: encodeURIComponent(key) } },
        },
      ],
    });
  const send = async (topic: string, values: readonly (string | null)[], partition?: number) => {
    await producer.send({
      topic,
      messages: values.map((value) => ({ value, ...(partition !== undefined && { partition }) })),
    });
  };
  /** What the group has committed of a partition; -1 for nothing. */
  const committed = async (topic: string, partition: number) => {
    const [found] = await admin.fetchOffsets({ groupId: `group-of-${topic}`, topics: [topic] });
    return found?.partitions.find((each) => each.partition === partition)?.offset;
  };

  it('commits what is settled, and nothing behind what is not', async (context) => {
    const { expect } = context;
    await send('order', [event('a+ü'), event('b'), event('c')], 0);
    const { names, deliveries } = await start(context, 'order', false);
    await expect.poll(names, waiting).toEqual(['a+ü', 'b', 'c']);
    deliveries[1]?.settle();
    deliveries[2]?.settle();
    // The other partition tells that a commit has passed meanwhile.
    await send('order', [event('other')], 1);
    await expect.poll(names, waiting).toHaveLength(4);
    deliveries[3]?.settle();
    await expect.poll(() => committed('order', 1), waiting).toBe('1');
    expect(await committed('order', 0)).toBe('-1');
    deliveries[0]?.settle();
    await expect.poll(() => committed('order', 0), waiting).toBe('3');
  });

  it('delivers what was not settled to the next one, and nothing else', async (context) => {
    const { expect } = context;
    await send('again', [event('a'), event('b')], 0);
    const first = await start(context, 'again', false);
    await expect.poll(first.names, waiting).toEqual(['a', 'b']);
    first.deliveries[0]?.settle();
    await first.source.stop();
    first.deliveries[1]?.handBack();
    await first.source.close();
    expect(first.source.state.status).toBe('stopped');
    const second = await start(context, 'again', true);
    await expect.poll(second.names, waiting).toEqual(['b']);
    await expect.poll(() => committed('again', 0), waiting).toBe('2');
  });

  it('shares the partitions with its replicas, and takes over from one that ends', async (context) => {
    const { expect } = context;
    const partitions = [0, 1, 2, 3];
    for (const partition of partitions) await send('shared', [event(`before ${partition}`)], partition);
    const first = await start(context, 'shared', false);
    await expect.poll(first.names, waiting).toHaveLength(4);
    const second = await start(context, 'shared', true);
    await expect.poll(() => second.source.state.status, waiting).toBe('running');
    // Both know that the partitions are divided when each gets some of what comes now.
    let round = 0;
    await expect
      .poll(
        async () => {
          round++;
          for (const partition of partitions)
            await send('shared', [event(`${partition} round ${round}`)], partition);
          return [first, second].every(({ names }) => names().some((name: string) => name.includes('round')));
        },
        { timeout: 30_000, interval: 500 },
      )
      .toBe(true);
    await end(first.source);
    const all = partitions.flatMap((partition) => [
      `before ${partition}`,
      ...Array.from({ length: round }, (_, index) => `${partition} round ${index + 1}`),
    ]);
    await expect.poll(() => [...new Set(second.names())], { timeout: 30_000 }).toEqual(all.sort());
  }, 90_000);

  it('puts what nobody can read into the dead-letter topic, and goes on', async (context) => {
    const { expect } = context;
    await send(deadLetterTopic('poison'), [event('makes the topic')]);
    await send('poison', ['no JSON', null, event('after')], 0);
    const { names, refused } = await start(context, 'poison', true);
    await expect.poll(names, waiting).toEqual(['after']);
    await expect.poll(() => committed('poison', 0), waiting).toBe('3');
    expect(refused).toEqual(['content', 'content']);
    const letters = await start(context, deadLetterTopic('poison'), false);
    await expect.poll(letters.names, waiting).toEqual(['makes the topic']);
    await expect.poll(() => letters.refused, waiting).toHaveLength(2);
  });

  it('says that no broker answers', async (context) => {
    const { expect } = context;
    const other = await startKafkaMock();
    const { source } = await start(context, 'lost', true, [other.broker]);
    await expect.poll(() => source.state.status, waiting).not.toBe('connecting');
    await other.stop();
    await expect.poll(() => source.state, { timeout: 60_000 }).toMatchObject({ status: 'failed' });
    expect(source.state.detail).toMatch(/broker|ECONNREFUSED/);
  }, 90_000);
});

describe('the settings of Kafka', () => {
  const settingsOf = (values: Parameters<typeof findKafkaContradictions>[0]) =>
    [...findKafkaContradictions(values)].map(({ setting }) => setting);

  it.each([
    ['brokers without topics', { kafka_brokers: ['a:9093'] }, ['kafka_topics']],
    ['topics without brokers', { kafka_topics: ['t'] }, ['kafka_brokers']],
    [
      'no TLS to another machine',
      { kafka_brokers: ['127.0.0.1:1', 'b:2'], kafka_topics: ['t'], kafka_tls: 'no' },
      ['kafka_tls'],
    ],
    ['a login without a user', { kafka_sasl: 'plain' }, ['kafka_username', 'kafka_password']],
    [
      'no TLS on this machine',
      { kafka_brokers: ['localhost:9092'], kafka_topics: ['t'], kafka_tls: 'no' },
      [],
    ],
  ] as const)('%s', (_, values, wrong) => {
    expect(settingsOf(values)).toEqual(wrong);
  });
});
