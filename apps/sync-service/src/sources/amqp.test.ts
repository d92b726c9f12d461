import { once } from 'node:events';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { Logger, Secret, systemClock } from '@oms-sync/core';
import { startRabbitmq, whyNoRabbitmq, type Rabbitmq } from '@oms-sync/peers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AmqpInbox } from '../amqp-inbox.ts';
import type { Delivery } from '../delivery.ts';
import { AmqpPublisher, PublishError } from './amqp-publisher.ts';
import { AmqpSource, deadLetterQueue } from './amqp.ts';

const needs = whyNoRabbitmq();
const waiting = { timeout: 20_000, interval: 50 };

describe.skipIf(needs !== undefined)(`the AMQP source${needs ? ` (${needs})` : ''}`, () => {
  let rabbitmq: Rabbitmq;
  let connection: ChannelModel;
  let channel: ConfirmChannel;
  let publisher: AmqpPublisher;
  const started: AmqpSource[] = [];
  const open = async () => {
    connection = await connect(rabbitmq.url);
    connection.on('error', () => undefined);
    channel = await connection.createConfirmChannel();
  };

  beforeAll(async () => {
    rabbitmq = await startRabbitmq();
    publisher = new AmqpPublisher(new Secret(rabbitmq.url));
    await open();
  }, 120_000);
  afterEach(async () => {
    for (const source of started.splice(0)) {
      await source.stop();
      await source.close();
    }
  });
  afterAll(async () => {
    try {
      await publisher.close();
      await connection.close();
    } finally {
      await rabbitmq.stop();
    }
  }, 30_000);

  /** A source whose deliveries are settled, or left as they are. */
  async function start(queue: string, isSettled = true, isDeclared = true) {
    const deliveries: Delivery[] = [];
    const refused: string[] = [];
    const source = new AmqpSource({
      url: new Secret(rabbitmq.url),
      queue,
      isDeclared,
      exchange: undefined,
      eventgridKeyEncoding: 'form',
      prefetch: 10,
      publisher,
      clock: systemClock,
      logger: new Logger('error', () => undefined),
      onRefused: (_, reason) => refused.push(reason),
    });
    await source.start(async (delivery) => {
      deliveries.push(delivery);
      if (isSettled) delivery.settle();
    });
    started.push(source);
    const names = () =>
      deliveries.flatMap(({ records }) => records.map((each) => ('name' in each ? each.name : each.kind)));
    return { source, deliveries, refused, names };
  }

  const count = async (queue: string) => (await channel.checkQueue(queue)).messageCount;
  const send = async (queue: string, body: string) => {
    channel.sendToQueue(queue, Buffer.from(body), { persistent: true });
    await channel.waitForConfirms();
  };
  const event = (key: string) =>
    JSON.stringify({
      Records: [
        {
          eventSource: 'ceph:s3',
          eventName: 'ObjectCreated:Put',
          s3: { bucket: { name: 'b' }, object: { key } },
        },
      ],
    });

  it('acknowledges what is settled, and hands back what is not', async () => {
    const first = await start('kept', false);
    await send('kept', event('a+ü'));
    await expect.poll(first.names, waiting).toEqual(['a+ü']);
    await first.source.stop();
    first.deliveries[0]?.handBack();
    await first.source.close();
    const second = await start('kept');
    await expect.poll(second.names, waiting).toEqual(['a+ü']);
    await second.source.stop();
    await second.source.close();
    expect(await count('kept')).toBe(0);
  });

  it('takes what the inbox has kept', async () => {
    const { deliveries, names } = await start('inbox');
    const record = { kind: 'created', name: 'x', store: 's3', bucket: 'b' } as const;
    const notification = { source: 'smn', messageId: '1', records: [record], receivedAt: 1 };
    expect(await new AmqpInbox(publisher, 'inbox').add(notification)).toBe('kept');
    await expect.poll(names, waiting).toEqual(['x']);
    expect(deliveries[0]?.source).toBe('smn');
    await expect(new AmqpInbox(publisher, 'nowhere').add(notification)).rejects.toThrow('no queue nowhere');
  });

  it('puts what nobody can read into the dead-letter queue, and goes on', async () => {
    const { refused, names } = await start('poison');
    await send('poison', 'no JSON');
    await send('poison', event('after'));
    await expect.poll(names, waiting).toEqual(['after']);
    await expect.poll(() => count(deadLetterQueue('poison')), waiting).toBe(1);
    expect(refused).toEqual(['content']);
  });

  it.each(['classic', 'quorum'])(
    'gives up a message that a %s queue has delivered twenty times in vain',
    async (type) => {
      const queue = `killer-${type}`;
      const quorum = { durable: true, arguments: { 'x-queue-type': 'quorum' } };
      await channel.assertQueue(deadLetterQueue(queue), quorum);
      await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': type } });
      const { deliveries, refused } = await start(queue, false, false);
      await send(queue, event('killer'));
      for (let times = 0; refused.length === 0 && times < 30; times++) {
        await expect.poll(() => deliveries.length > 0 || refused.length > 0, waiting).toBe(true);
        deliveries.pop()?.handBack();
      }
      expect(refused).toEqual(['redelivered']);
      await expect.poll(() => count(deadLetterQueue(queue)), waiting).toBe(1);
    },
  );

  it('refuses to start where there is no such queue', async () => {
    await expect(start('missing', true, false)).rejects.toThrow('NOT_FOUND');
  });

  it('comes back by itself when its queue was deleted', async () => {
    const { source, names } = await start('lost');
    await channel.deleteQueue('lost');
    await expect.poll(() => source.state.status, waiting).toBe('failed');
    await expect.poll(() => source.state.status, waiting).toBe('running');
    await send('lost', event('again'));
    await expect.poll(names, waiting).toEqual(['again']);
  }, 60_000);

  // The last one: the connection of this suite does not come back by itself.
  it('loses nothing when the broker is shut down, and when it is killed', async () => {
    const { source, names } = await start('restarted');
    const inbox = new AmqpInbox(publisher, 'restarted');
    const keep = (name: string) =>
      inbox.add({
        source: 'smn',
        messageId: name,
        records: [{ kind: 'created', name, store: 's3', bucket: 'b' }],
        receivedAt: 1,
      });
    const lost = once(connection, 'close');
    for (const end of ['shutDown', 'kill'] as const) {
      await keep(`before ${end}`);
      await rabbitmq[end]();
      await expect(keep('while it is away')).rejects.toThrow(PublishError);
      await rabbitmq.startAgain();
      // A sender that got no 2xx sends it again.
      await expect.poll(() => keep(`after ${end}`).catch(String), { timeout: 30_000 }).toBe('kept');
      await expect.poll(() => new Set(names()), { timeout: 30_000 }).toContain(`after ${end}`);
      expect(names()).toContain(`before ${end}`);
      expect(source.state.status).toBe('running');
    }
    await lost;
    await open();
    await expect.poll(() => count('restarted'), waiting).toBe(0);
  }, 120_000);
});
