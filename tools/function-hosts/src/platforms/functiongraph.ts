import { FunctionGraphHost } from '../functiongraph.ts';
import type { Change, Channel, Platform } from '../platform.ts';

/** As OBS encodes keys: a space is `+`, the slash `%2F`. */
function encodeForm(name: string): string {
  return new URLSearchParams([['', name]]).toString().slice(1);
}

function makeRecord({ name, kind, bucket = 'source' }: Change, encode: (name: string) => string): object {
  return {
    eventVersion: '3.0',
    eventSource: 'OBS',
    eventRegion: 'cn-north-4',
    eventTime: new Date().toISOString(),
    eventName: kind === 'created' ? 'ObjectCreated:Put' : 'ObjectRemoved:Delete',
    responseElements: { 'x-obs-request-id': '0000019A' },
    obs: { Version: '1.0', bucket: { name: bucket, bucket }, object: { key: encode(name), size: 1 } },
  };
}

function makeOlderRecord({ name, kind, bucket = 'source' }: Change): object {
  return {
    eventVersion: '2.0',
    eventTime: new Date().toISOString(),
    eventName: kind === 'created' ? 'ObjectCreated:Post' : 'ObjectRemoved:Delete',
    awsRegion: 'cn-north-4',
    s3: { bucket: { name: bucket }, object: { key: encodeForm(name), size: 1 } },
  };
}

function makeCloudEvent(change: Change, encode: (name: string) => string): object {
  return {
    specversion: '1.0',
    id: '0000019A',
    source: 'HC.OBS.DWR',
    type: change.kind === 'created' ? 'OBS:DWR:ObjectCreated:PUT' : 'OBS:DWR:ObjectRemoved:Delete',
    subject: encode(change.name),
    time: new Date().toISOString(),
    data: makeRecord(change, encode),
  };
}

const channels: readonly [Channel, ...Channel[]] = [
  {
    name: 'OBS trigger',
    batch: Infinity,
    makeEvent: (changes) => ({ Records: changes.map((change) => makeRecord(change, encodeForm)) }),
  },
  {
    name: 'OBS trigger, older notification',
    batch: Infinity,
    makeEvent: (changes) => ({ Records: changes.map(makeOlderRecord) }),
  },
  {
    name: 'EventGrid, encoded keys',
    batch: Infinity,
    makeEvent: (changes) => changes.map((change) => makeCloudEvent(change, encodeForm)),
  },
  {
    name: 'EventGrid, raw keys',
    batch: Infinity,
    makeEvent: (changes) => changes.map((change) => makeCloudEvent(change, (name) => name)),
    settings: { eventgrid_key_encoding: 'raw' },
  },
  {
    name: 'SMN trigger',
    batch: Infinity,
    makeEvent: (changes) => ({
      record: changes.map((change) => ({
        event_source: 'smn',
        smn: { message: JSON.stringify({ Records: [makeOlderRecord(change)] }) },
      })),
      functionname: 'oms-sync',
    }),
  },
];

/** Huawei Cloud FunctionGraph. */
export const functiongraph: Platform = {
  name: 'functiongraph',
  store: 'obs',
  nodeVersions: ['18.15.0', '20.15.0'],
  channels,
  cannot: { redelivery: 'FunctionGraph delivers a whole event again, or nothing of it' },
  start(options) {
    const host = new FunctionGraphHost(options);
    return {
      async deliver(channel, changes, deliveries = 1) {
        const result = await host.invoke(channel.makeEvent(changes, deliveries));
        return result.ok
          ? { returned: [], error: undefined }
          : {
              returned: changes.map(({ name }) => name),
              error: `${result.errorType}: ${result.errorMessage}`,
            };
      },
      async deliverRaw(event) {
        const result = await host.invoke(event);
        return { error: result.ok ? undefined : `${result.errorType}: ${result.errorMessage}` };
      },
      async replay() {
        // Source: FunctionGraph, "Supported event sources", timer.
        const result = await host.invoke({
          version: 'v1.0',
          time: new Date().toISOString(),
          trigger_type: 'TIMER',
          trigger_name: 'replay',
          user_event: '',
        });
        return { error: result.ok ? undefined : `${result.errorType}: ${result.errorMessage}` };
      },
      kill: () => host.kill(),
      stop: () => host.stop(),
    };
  },
};
