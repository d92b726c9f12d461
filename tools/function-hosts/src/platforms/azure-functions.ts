import { randomUUID } from 'node:crypto';
import { AzureHost } from '../azure-functions.ts';
import type { InvocationResult } from '../invocation.ts';
import type { Change, Channel, Delivery, Platform, RunningFunction } from '../platform.ts';

const account =
  '/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/tests/providers/Microsoft.Storage/storageAccounts/account';

/** Event Grid's waits before each delivery, in seconds. Source: "Event Grid message delivery and retry". */
const retryWaits = [0, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200];

/** The tenth comes 10.8 hours after the event, the next and last but one 22.8 hours. */
const lastEventGridDelivery = 10;
/** As host.json has it; then the host moves a message to the poison queue. */
const maxDequeueCount = 5;

/** When the event happened that is being delivered for this time. */
function makeEventTime(deliveries: number): string {
  const age = retryWaits.slice(0, deliveries).reduce((sum, wait) => sum + wait, 0);
  return new Date(Date.now() - age * 1000).toISOString();
}

function makeSubject({ name, bucket = 'source' }: Change): string {
  return `/blobServices/default/containers/${bucket}/blobs/${name}`;
}

function makeData({ name, kind, bucket = 'source' }: Change): object {
  return {
    api: kind === 'created' ? 'PutBlob' : 'DeleteBlob',
    requestId: randomUUID(),
    eTag: '0x8DE41834B2337B3',
    contentType: 'application/octet-stream',
    contentLength: 1,
    blobType: 'BlockBlob',
    // As Azure writes it, which is no way to get the name back.
    url: `https://account.blob.core.windows.net/${bucket}/${name}`,
    sequencer: '00000000000000000000000000015F5F0000000000051c9c',
  };
}

function makeEvent(change: Change, deliveries = 1): object {
  return {
    topic: account,
    subject: makeSubject(change),
    eventType: change.kind === 'created' ? 'Microsoft.Storage.BlobCreated' : 'Microsoft.Storage.BlobDeleted',
    id: randomUUID(),
    data: makeData(change),
    dataVersion: '',
    metadataVersion: '1',
    eventTime: makeEventTime(deliveries),
  };
}

function makeCloudEvent(change: Change, deliveries = 1): object {
  return {
    specversion: '1.0',
    source: account,
    subject: makeSubject(change),
    type: change.kind === 'created' ? 'Microsoft.Storage.BlobCreated' : 'Microsoft.Storage.BlobDeleted',
    id: randomUUID(),
    data: makeData(change),
    time: makeEventTime(deliveries),
  };
}

const encodeBase64 = (text: string) => Buffer.from(text).toString('base64');

/** What Event Grid posts is an object or a list; what stands in a queue is a text. */
const channels: readonly [Channel, ...Channel[]] = [
  {
    name: 'Event Grid',
    batch: 1,
    lastDelivery: lastEventGridDelivery,
    makeEvent: (changes, deliveries) => changes.map((change) => makeEvent(change, deliveries)),
  },
  {
    name: 'Event Grid, CloudEvents',
    batch: 1,
    lastDelivery: lastEventGridDelivery,
    makeEvent: ([change], deliveries) => (change ? makeCloudEvent(change, deliveries) : {}),
  },
  {
    name: 'Storage queue, Base64',
    batch: 1,
    lastDelivery: maxDequeueCount,
    makeEvent: ([change]) => encodeBase64(JSON.stringify(change ? makeEvent(change) : {})),
  },
  {
    name: 'Storage queue, plain',
    batch: 1,
    lastDelivery: maxDequeueCount,
    makeEvent: ([change]) => JSON.stringify(change ? makeCloudEvent(change) : {}),
  },
  {
    name: 'Storage queue, a list in a message',
    // 64 KB hold so many events, each with a name of 1,024 bytes.
    batch: 35,
    lastDelivery: maxDequeueCount,
    makeEvent: (changes) => JSON.stringify(changes.map((change) => makeEvent(change))),
  },
];

/** How many deliveries the tests make at once. */
const concurrency = 16;

/** A function app in Azure, with what only Azure has. */
export interface RunningAzure extends RunningFunction {
  readonly host: AzureHost;
}

/** Azure Functions. */
export const azureFunctions: Platform<RunningAzure> = {
  name: 'azure-functions',
  store: 'az',
  nodeVersions: ['22.23.3', '24.21.0'],
  channels,
  cannot: {},
  start(options) {
    const settings = { oms_queue: 'oms-sync-events', ...options.settings };
    const host = new AzureHost({ ...options, settings });
    return {
      host,
      async deliver(channel, changes, deliveries = 1) {
        const parts = split(changes, channel.batch);
        const results: Delivery[] = [];
        const waiting = parts.entries();
        const deliverOneByOne = async () => {
          for (const [index, part] of waiting) {
            const event = channel.makeEvent(part, deliveries);
            const result =
              typeof event === 'string'
                ? await host.deliverQueueMessage(event, deliveries)
                : await host.deliverEventGrid(event);
            results[index] = readAnswer(part, result);
          }
        };
        await Promise.all(Array.from({ length: concurrency }, deliverOneByOne));
        return {
          returned: results.flatMap(({ returned }) => returned),
          error: results.find(({ error }) => error !== undefined)?.error,
        };
      },
      async deliverRaw(event) {
        const result = await host.deliverEventGrid(event);
        return { error: readAnswer([], result).error };
      },
      replay: async () => ({ error: readAnswer([], await host.fireTimer()).error }),
      kill: () => host.kill(),
      stop: () => host.stop(),
    };
  },
};

function split(changes: readonly Change[], size: number): Change[][] {
  const parts = Math.ceil(changes.length / size);
  return Array.from({ length: parts }, (_, index) => changes.slice(index * size, (index + 1) * size));
}

/** A failure brings all of a delivery back. */
function readAnswer(changes: readonly Change[], result: InvocationResult): Delivery {
  return result.ok
    ? { returned: [], error: undefined }
    : { returned: changes.map(({ name }) => name), error: `${result.errorType}: ${result.errorMessage}` };
}
