import { once } from 'node:events';
import { request } from 'node:http';
import { Logger, Secret, systemClock } from '@oms-sync/core';
import { sha256, signV4 } from '@oms-sync/obs-standin';
import {
  startRabbitmq,
  startRadosgw,
  whyNoRabbitmq,
  whyNoRadosgw,
  type Rabbitmq,
  type Radosgw,
} from '@oms-sync/peers';
import { testKeys, uglyNames } from '@oms-sync/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AmqpPublisher } from '../sources/amqp-publisher.ts';
import { AmqpSource } from '../sources/amqp.ts';
import { startBench, type Bench } from './receivers.test-help.ts';

const token = 'the-token-of-radosgw';
/** radosgw takes a NUL in a name, and then loses what follows. */
const names = uglyNames.filter((name) => !name.includes('\0'));

/** Asks a radosgw with a signature of Version 4. */
async function ask(
  { endpoint, accessKey, secretKey }: Radosgw,
  {
    method,
    path,
    query = '',
    body = '',
    service = 's3',
    contentType = 'application/xml',
  }: {
    readonly method: string;
    readonly path: string;
    readonly query?: string;
    readonly body?: string;
    readonly service?: string;
    readonly contentType?: string;
  },
): Promise<void> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const headers = {
    host: endpoint.host,
    'content-type': contentType,
    'x-amz-content-sha256': sha256(body),
    'x-amz-date': time,
  };
  const scope = {
    date: time.slice(0, 8),
    region: 'default',
    service,
    signedHeaders: Object.keys(headers).sort(),
  };
  const listed = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, [value]]));
  const signature = signV4({ method, path, query, headers: listed }, scope, secretKey);
  const credential = `${accessKey}/${scope.date}/${scope.region}/${service}/aws4_request`;
  const sent = request(endpoint, {
    method,
    agent: false, // A connection that was idle may be closed at that moment.
    path: query === '' ? path : `${path}?${query}`, // As it is: a URL would make something else of `..`.
    headers: {
      ...headers,
      'content-length': Buffer.byteLength(body),
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${scope.signedHeaders.join(';')}, Signature=${signature}`,
    },
  });
  sent.end(body);
  const [response]: unknown[] = await once(sent, 'response');
  await expectSuccess(response, `${method} ${path}`);
}

async function expectSuccess(response: unknown, what: string): Promise<void> {
  if (typeof response !== 'object' || response === null || !(Symbol.asyncIterator in response))
    throw new Error(what);
  let text = '';
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- node:http says so
  const stream = response as AsyncIterable<Buffer> & { readonly statusCode: number };
  for await (const chunk of stream) text += chunk.toString();
  if (stream.statusCode > 299) throw new Error(`${what}: ${stream.statusCode} ${text}`);
}

function encodePath(name: string): string {
  const hex = (character: string) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(name)
    .replace(/[!'()*]/g, hex)
    .replaceAll('%2F', '/');
}

const needs = whyNoRadosgw();

describe.skipIf(needs !== undefined)(`what radosgw pushes${needs === undefined ? '' : ` (${needs})`}`, () => {
  let radosgw: Radosgw;
  let bench: Bench;

  beforeAll(async () => {
    bench = await startBench({ values: { webhook_token: [new Secret(token)] } });
    radosgw = await startRadosgw(testKeys);
    const webhook = new URL(`/notifications/webhook?token=${token}`, bench.server.address);
    await makeBucket('passing', { 'push-endpoint': webhook.href, persistent: 'false' });
    await makeBucket('persistent', { 'push-endpoint': webhook.href, persistent: 'true' });
  });

  afterAll(async () => {
    await radosgw.stop();
    await bench.server.stop();
  });

  /** A bucket that notifies us of objects that are created, by a topic of the same name. */
  async function makeBucket(bucket: string, attributes: Readonly<Record<string, string>>): Promise<void> {
    await ask(radosgw, { method: 'PUT', path: `/${bucket}` });
    const topic = new URLSearchParams({ Action: 'CreateTopic', Name: bucket });
    for (const [index, [key, value]] of Object.entries(attributes).entries()) {
      topic.set(`Attributes.entry.${index + 1}.key`, key);
      topic.set(`Attributes.entry.${index + 1}.value`, value);
    }
    await ask(radosgw, {
      method: 'POST',
      path: '/',
      body: topic.toString(),
      service: 'sns',
      contentType: 'application/x-www-form-urlencoded',
    });
    await ask(radosgw, {
      method: 'PUT',
      path: `/${bucket}`,
      query: 'notification=',
      body: `<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TopicConfiguration><Id>sync</Id><Topic>arn:aws:sns:default::${bucket}</Topic><Event>s3:ObjectCreated:*</Event></TopicConfiguration></NotificationConfiguration>`,
    });
  }

  const put = (bucket: string, name: string) =>
    ask(radosgw, {
      method: 'PUT',
      path: `/${bucket}/${encodePath(name)}`,
      body: 'content',
      contentType: 'text/plain',
    });

  it('names arrive as they are, however ugly', async () => {
    for (const name of names) await put('passing', name);
    await expect.poll(() => bench.inbox.names.length, { timeout: 20_000 }).toBe(names.length);
    expect([...bench.inbox.names].sort()).toEqual([...names].sort());
    expect(bench.events).toEqual([]);
  });

  // A gateway looks for new persistent topics every 30 seconds, whatever its configuration says.
  const isThorough = process.env['OMS_SYNC_PEERS'] === 'required';
  const patience = isThorough ? '' : ' (takes half a minute: OMS_SYNC_PEERS=required)';
  it.skipIf(!isThorough)(
    `what cannot be kept now comes again, with a persistent topic${patience}`,
    async () => {
      let tries = 0;
      bench.inbox.before = () =>
        ++tries < 3 ? Promise.reject(new Error('the disk is full')) : Promise.resolve();
      bench.inbox.kept.length = 0;
      await put('persistent', 'again.txt');
      await expect.poll(() => bench.inbox.names, { timeout: 60_000 }).toEqual(['again.txt']);
      expect(bench.events).toEqual(['webhook: unavailable', 'webhook: unavailable']);
      expect(tries).toBe(3);
    },
    90_000,
  );

  const needsBroker = whyNoRabbitmq();
  describe.skipIf(needsBroker !== undefined)(`over AMQP${needsBroker ? ` (${needsBroker})` : ''}`, () => {
    let rabbitmq: Rabbitmq;
    let publisher: AmqpPublisher;
    let source: AmqpSource;
    const arrived: string[] = [];

    beforeAll(async () => {
      rabbitmq = await startRabbitmq();
      publisher = new AmqpPublisher(new Secret(rabbitmq.url), systemClock);
      source = new AmqpSource({
        url: new Secret(rabbitmq.url),
        queue: 'oms-sync',
        isDeclared: true,
        exchange: 'buckets',
        eventgridKeyEncoding: 'form',
        prefetch: 10,
        publisher,
        clock: systemClock,
        logger: new Logger('error', () => undefined),
        onRefused: (_, reason) => arrived.push(`(${reason})`),
      });
      await source.start(async (delivery) => {
        arrived.push(
          ...delivery.records.map((record) => (record.kind === 'created' ? record.name : `(${record.kind})`)),
        );
        delivery.settle();
      });
    }, 120_000);

    afterAll(async () => {
      try {
        await source.stop();
        await source.close();
        await publisher.close();
      } finally {
        await rabbitmq.stop();
      }
    }, 30_000);

    it('names arrive as they are, by way of the exchange', async () => {
      // No user in the address: radosgw takes that over TLS only, and RabbitMQ's own one without.
      const broker = `amqp://${new URL(rabbitmq.url).host}`;
      await makeBucket('broker', {
        'push-endpoint': broker,
        'amqp-exchange': 'buckets',
        'amqp-ack-level': 'broker',
      });
      for (const name of names) await put('broker', name);
      // Each once at least: radosgw may publish again what the broker confirms late.
      const readArrived = () => [...new Set(arrived)].sort();
      await expect.poll(readArrived, { timeout: 20_000 }).toEqual([...names].sort());
    });
  });
});
