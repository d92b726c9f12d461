import type { Scene } from '@oms-sync/conformance';
import type { GcfCloudEvent, RunningGcf } from '@oms-sync/function-hosts';

export type GcfScene = Scene<RunningGcf>;

/** The bodies of the log objects of a list, in the order of their names. */
export async function readEntries(
  scene: GcfScene,
  list: Parameters<GcfScene['read']>[0],
): Promise<Record<string, unknown>[]> {
  return (await scene.read(list))
    .map(({ body }) => JSON.parse(body) as Record<string, unknown>)
    .sort((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
}

/** What OMS received since it had received so many requests. */
export function namesSince(scene: GcfScene, before: number): string[] {
  return scene.oms.received.slice(before).flatMap(({ names }) => names);
}

/** The id of the event of a name: what a header can hold. */
export function idOf(name: string): string {
  return Buffer.from(name).toString('base64url');
}

/** A CloudEvent of Cloud Storage, as Eventarc delivers it. */
export function finalize(name: string, changes: Partial<GcfCloudEvent> = {}): GcfCloudEvent {
  return {
    id: idOf(name),
    source: '//storage.googleapis.com/projects/_/buckets/source',
    type: 'google.cloud.storage.object.v1.finalized',
    subject: `objects/${name}`,
    bucket: 'source',
    time: new Date().toISOString(),
    data: { kind: 'storage#object', bucket: 'source', name, size: '1', generation: '1', metageneration: '1' },
    ...changes,
  };
}

/** The body of a push by Pub/Sub, of the notification of an object. */
export function pushOf(
  name: string,
  payloadFormat: 'JSON_API_V1' | 'NONE' = 'JSON_API_V1',
  eventTime = new Date().toISOString(),
): object {
  const data = Buffer.from(JSON.stringify({ bucket: 'source', name })).toString('base64');
  return {
    message: {
      attributes: {
        bucketId: 'source',
        objectId: name,
        eventType: 'OBJECT_FINALIZE',
        eventTime,
        payloadFormat,
      },
      messageId: idOf(name),
      publishTime: eventTime,
      ...(payloadFormat === 'NONE' ? {} : { data }),
    },
    subscription: 'projects/example-project/subscriptions/oms-push',
  };
}
