import { randomUUID } from 'node:crypto';
import { GcfHost, type GcfCloudEvent, type GcfResult } from '../gcf.ts';
import type { Change, Channel, Delivery, Platform, RunningFunction } from '../platform.ts';

/** How many requests Google has under way to the function at once. */
const concurrency = 16;

/** One request of a channel. */
type Send = (host: GcfHost) => Promise<GcfResult>;

/** How old an event is that is delivered for the so-manieth time: Pub/Sub waits 10 s, then twice as long, up to 600 s. */
function timeOf(deliveries: number): string {
  let ageMs = 0;
  for (let delivery = 1; delivery < deliveries; delivery++)
    ageMs += Math.min(600, 10 * 2 ** (delivery - 1)) * 1000;
  return new Date(Date.now() - ageMs).toISOString();
}

function makeObject({ name, bucket = 'source' }: Change): object {
  return {
    kind: 'storage#object',
    id: `${bucket}/${name}/1732558670348402`,
    selfLink: `https://www.googleapis.com/storage/v1/b/${bucket}/o/${encodeURIComponent(name)}`,
    name,
    bucket,
    generation: '1732558670348402',
    metageneration: '1',
    size: '1',
  };
}

function makeCloudEvent(change: Change, deliveries: number): GcfCloudEvent {
  const { name, kind, bucket = 'source' } = change;
  return {
    id: randomUUID(),
    source: `//storage.googleapis.com/projects/_/buckets/${bucket}`,
    type: `google.cloud.storage.object.v1.${kind === 'created' ? 'finalized' : 'deleted'}`,
    subject: `objects/${name}`,
    bucket,
    time: timeOf(deliveries),
    data: makeObject(change),
  };
}

function makeMessage(change: Change, deliveries: number, payloadFormat: 'JSON_API_V1' | 'NONE'): object {
  const { name, kind, bucket = 'source' } = change;
  const id = randomUUID();
  const now = new Date().toISOString();
  return {
    attributes: {
      bucketId: bucket,
      eventTime: timeOf(deliveries),
      eventType: kind === 'created' ? 'OBJECT_FINALIZE' : 'OBJECT_DELETE',
      notificationConfig: `projects/_/buckets/${bucket}/notificationConfigs/1`,
      objectGeneration: '1732558670348402',
      objectId: name,
      payloadFormat,
    },
    messageId: id,
    message_id: id,
    publishTime: now,
    publish_time: now,
    ...(payloadFormat === 'NONE'
      ? {}
      : { data: Buffer.from(JSON.stringify(makeObject(change))).toString('base64') }),
  };
}

/** Names that Cloud Storage takes no object under. Source: Cloud Storage, "About Cloud Storage objects". */
function refuses(name: string): boolean {
  return (
    /[\r\n]/.test(name) || name === '.' || name === '..' || name.startsWith('.well-known/acme-challenge/')
  );
}

/** A channel whose event is a request, one for each change. */
function makeChannel(name: string, makeSend: (change: Change, deliveries: number) => Send): Channel {
  return {
    name,
    batch: 1,
    makeEvent: (changes, deliveries) => changes.map((change) => makeSend(change, deliveries)),
    // The first one that comes 23 hours after the event; it is given up after 24.
    lastDelivery: 144,
    refuses,
  };
}

const subscription = 'projects/example-project/subscriptions/oms-push';

function makeMessagePublished(change: Change, deliveries: number): GcfCloudEvent {
  return {
    id: randomUUID(),
    source: '//pubsub.googleapis.com/projects/example-project/topics/objects',
    type: 'google.cloud.pubsub.topic.v1.messagePublished',
    time: new Date().toISOString(),
    data: { message: makeMessage(change, deliveries, 'JSON_API_V1'), subscription },
  };
}

const channels: readonly [Channel, ...Channel[]] = [
  makeChannel('Eventarc', (change, deliveries) => {
    const event = makeCloudEvent(change, deliveries);
    return (host) => host.invoke(event);
  }),
  makeChannel('Eventarc, structured', (change, deliveries) => {
    const event = makeCloudEvent(change, deliveries);
    return (host) => host.invoke(event, 'structured');
  }),
  makeChannel('Eventarc over Pub/Sub', (change, deliveries) => {
    const event = makeMessagePublished(change, deliveries);
    return (host) => host.invoke(event);
  }),
  makeChannel('Eventarc, older signature', (change, deliveries) => {
    const event = makeCloudEvent(change, deliveries);
    return (host) => host.invoke(event, 'binary', 'event');
  }),
  makeChannel('Eventarc over Pub/Sub, older signature', (change, deliveries) => {
    const event = makeMessagePublished(change, deliveries);
    return (host) => host.invoke(event, 'binary', 'event');
  }),
  ...(['JSON_API_V1', 'NONE'] as const).map((payloadFormat) =>
    makeChannel(`Pub/Sub push, ${payloadFormat}`, (change, deliveries) => {
      const body = { message: makeMessage(change, deliveries, payloadFormat), subscription };
      return (host) => host.push(body);
    }),
  ),
];

/** Reads an answer as Pub/Sub does, which is also what carries the events of Eventarc. */
function readAnswer({ name }: Change, result: GcfResult): Delivery {
  return result.ok
    ? { returned: [], error: undefined }
    : { returned: [name], error: `${result.errorType}: ${result.errorMessage}` };
}

/** The functions of an app in Google Cloud, with what only Google has. */
export interface RunningGcf extends RunningFunction {
  readonly host: GcfHost;
}

/** Google Cloud Functions. */
export const gcf: Platform<RunningGcf> = {
  name: 'gcf',
  store: 'gs',
  nodeVersions: ['22.23.3', '24.21.0'],
  channels,
  cannot: {
    merging: 'Google delivers one event a request',
    'secrets, own store': "Google's SDK sends no keys to a machine of one's own",
  },
  start(options) {
    const host = new GcfHost(options);
    return {
      host,
      async deliver(channel, changes, deliveries = 1) {
        const waiting = [...changes.entries()];
        const answers: Delivery[] = [];
        const work = async () => {
          for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
            const [index, change] = next;
            // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the channels of this platform make them
            const [send] = channel.makeEvent([change], deliveries) as [Send];
            answers[index] = readAnswer(change, await send(host));
          }
        };
        await Promise.all(Array.from({ length: concurrency }, work));
        return {
          returned: answers.flatMap(({ returned }) => returned),
          error: answers.find(({ error }) => error !== undefined)?.error,
        };
      },
      async deliverRaw(event) {
        const request = { headers: { 'content-type': 'application/json' }, body: JSON.stringify(event) };
        const signatures = ['cloudevent', 'event', 'http'] as const;
        const results = await Promise.all(signatures.map((signature) => host.send(request, signature)));
        const errors = results.map((result) =>
          result.ok ? undefined : `${result.errorType}: ${result.errorMessage}`,
        );
        // Whichever function acknowledges it loses it.
        return { error: errors.includes(undefined) ? undefined : errors.join('\n') };
      },
      async replay() {
        // Source: Cloud Scheduler, "HTTP targets": the headers of its calls.
        const headers = { 'x-cloudscheduler': 'true', 'user-agent': 'Google-Cloud-Scheduler' };
        const result = await host.send({ headers, body: '' }, 'http');
        return { error: result.ok ? undefined : `${result.errorType}: ${result.errorMessage}` };
      },
      kill: () => host.kill(),
      stop: () => host.stop(),
    };
  },
};
