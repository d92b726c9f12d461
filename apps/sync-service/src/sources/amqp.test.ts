import { once } from 'node:events';
import net from 'node:net';
import { connect, type ChannelModel, type ConfirmChannel } from 'amqplib';
import { Logger, Secret, systemClock, TimeLimitError } from '@oms-sync/core';
import { startRabbitmq, whyNoRabbitmq, type Rabbitmq } from '@oms-sync/peers';
import { FakeClock } from '@oms-sync/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SourceError } from '../source.ts';
import { AmqpInbox } from '../amqp-inbox.ts';
import type { Delivery } from '../delivery.ts';
import { closeAmqp, openAmqp } from './amqp-connection.ts';
import { AmqpPublisher, PublishError } from './amqp-publisher.ts';
import { AmqpSource, deadLetterQueue } from './amqp.ts';

const needs = whyNoRabbitmq();
const waiting = { timeout: 20_000, interval: 50 };

/** Passes on to a broker, until it is mute: connections are taken, and stay, and nothing is answered. */
async function startMutableProxy(port: number) {
  const sockets = new Set<net.Socket>();
  let isMute = false;
  const server = net.createServer((client) => {
    const broker = net.connect(port, '127.0.0.1');
    for (const socket of [client, broker]) sockets.add(socket.on('error', () => undefined)); // They are cut off.
    client.on('data', (data) => broker.write(data));
    broker.on('data', (data) => isMute || client.write(data));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  const cut = () => sockets.forEach((socket) => socket.destroy());
  const mute = () => (isMute = true);
  const stop = () => {
    cut();
    server.close();
  };
  return { url: new Secret(`amqp://guest:guest@127.0.0.1:${address.port}/`), mute, cut, stop };
}

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
    publisher = new AmqpPublisher(new Secret(rabbitmq.url), systemClock);
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
      await closeAmqp(connection);
    } finally {
      await rabbitmq.stop();
    }
  }, 30_000);

  /** A source whose deliveries are settled, or left as they are. */
  async function start(
    queue: string,
    isSettled = true,
    isDeclared = true,
    take = (delivery: Delivery) => {
      if (isSettled) delivery.settle();
    },
  ) {
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
      take(delivery);
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
      // Whoever puts it back gets it delivered.
      const dead = await channel.get(deadLetterQueue(queue), { noAck: true });
      if (dead === false) throw new Error('no dead letter');
      expect(dead.properties.headers?.['x-oms-sync-reason']).toContain('20 times in vain');
      channel.sendToQueue(queue, dead.content, { headers: dead.properties.headers });
      await expect.poll(() => deliveries.length, waiting).toBe(1);
      deliveries.pop()?.settle();
    },
  );

  it('refuses to start where there is no such queue', async () => {
    const missing = start('missing', true, false);
    await expect(missing).rejects.toThrow(SourceError);
    await expect(missing).rejects.toThrow('NOT_FOUND');
  });

  it('comes back by itself when its queue was deleted', async () => {
    const { source, names } = await start('lost');
    await channel.deleteQueue('lost');
    await expect.poll(() => source.state.status, waiting).toBe('failed');
    await expect.poll(() => source.state.status, waiting).toBe('running');
    await send('lost', event('again'));
    await expect.poll(names, waiting).toEqual(['again']);
  }, 60_000);

  it('takes a message again after a fault of its own', async () => {
    const faults = [new Error('a fault')];
    const { source, names } = await start('fault', true, true, (delivery) => {
      const fault = faults.pop();
      if (fault !== undefined) throw fault;
      delivery.settle();
    });
    await send('fault', event('a'));
    await expect.poll(() => source.state.detail, waiting).toBe('a message cannot be taken: a fault');
    await expect.poll(names, waiting).toEqual(['a', 'a']);
    expect(source.state.status).toBe('running');
  });

  it('does not wait for ever for a broker that takes connections and answers nothing', async () => {
    const proxy = await startMutableProxy(Number(new URL(rabbitmq.url).port));
    const address = { url: proxy.url, name: 'test', clock: systemClock };
    const model = await openAmqp(address, (opened) => Promise.resolve(opened));
    proxy.mute();
    const late = openAmqp({ ...address, clock: new FakeClock() }, (opened) => Promise.resolve(opened));
    await expect(late).rejects.toThrow(TimeLimitError);
    const closed = closeAmqp(model);
    proxy.cut();
    await closed;
    await closeAmqp(model);
    proxy.stop();
  });

  it('outlives a crash of its broker: senders come again, and nothing is lost', async () => {
    const { source, names } = await start('crash');
    const declaredAt = systemClock.now();
    const inbox = new AmqpInbox(publisher, 'crash');
    const kept: string[] = [];
    const faults: unknown[] = [];
    const isOver = new AbortController();
    const sending = (async () => {
      for (let number = 0; !isOver.signal.aborted; number++) {
        const record = { kind: 'created', name: `crash/${number}`, store: 's3', bucket: 'b' } as const;
        const notification = { source: 'smn', messageId: `${number}`, records: [record], receivedAt: 1 };
        const isKept = await inbox.add(notification).then(
          () => true,
          (error: unknown) => !faults.push(error),
        );
        if (isKept) kept.push(record.name);
        else await systemClock.sleep(50);
      }
    })();
    await expect.poll(() => names().length, waiting).toBeGreaterThan(10);
    // RabbitMQ 3.10 syncs its register of quorum queues later, and a queue that was not in it never works again.
    await expect.poll(() => systemClock.now() - declaredAt, waiting).toBeGreaterThan(2000);
    await rabbitmq.kill();
    await expect.poll(() => source.state.status, waiting).toBe('failed');
    await rabbitmq.startAgain();
    const before = kept.length;
    await expect.poll(() => source.state.status, waiting).toBe('running');
    await expect.poll(() => kept.length, waiting).toBeGreaterThan(before + 10);
    isOver.abort();
    await sending;
    const findMissing = () => {
      const arrived = new Set(names());
      return kept.filter((name) => !arrived.has(name));
    };
    await expect.poll(findMissing, { ...waiting, timeout: 60_000 }).toEqual([]);
    expect(faults.length).toBeGreaterThan(0);
    expect(faults.filter((fault) => !(fault instanceof PublishError))).toEqual([]);
    await open(); // For those that come after.
  }, 120_000);

  it('ends while it connects again', async () => {
    const { source } = await start('ends');
    await rabbitmq.kill();
    await expect.poll(() => source.state.status, waiting).toBe('failed');
    await source.stop();
    await source.close();
    expect(source.state.status).toBe('stopped');
  }, 60_000);
});
