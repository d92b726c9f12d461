import { translatePubSubMessage } from './gcs-message.ts';
import { describeValue, getMember, getText, isObject, shorten } from './json.ts';
import { translateEach, type RecordOrigin, type StorageRecord, unknownRecord } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/**
 * What Cloud Storage calls its events: as CloudEvents, and as background events of the first generation. One of a family
 * creates: `finalized` is also the overwrite, the copy and the rewrite. The `deleted` or `archived` of what was
 * overwritten comes beside it and says nothing about the name.
 * Sources: googleapis/google-cloudevents; functions-framework-nodejs, background_event_to_cloud_event.ts.
 */
const families = [
  { prefix: 'google.cloud.storage.object.v1.', creation: 'google.cloud.storage.object.v1.finalized' },
  { prefix: 'google.storage.object.', creation: 'google.storage.object.finalize' },
];

/**
 * Translates an event of Cloud Storage, or a list of them: a CloudEvent of Cloud Storage, or a notification through
 * Pub/Sub, be it as a CloudEvent (Eventarc), as the body of a push, or as a background event of the first generation.
 * Names are raw and stand in the data. The subject of a CloudEvent has one too, but it travels in a header and may come
 * out of it as another.
 *
 * @throws {UnknownEventError} for anything else.
 */
export function translateGcs(event: unknown): StorageRecord[] {
  return translateEach(event, (each) => [translateEvent(each)]);
}

interface Envelope {
  readonly type: string | undefined;
  readonly time: string | undefined;
  readonly id: string | undefined;
}

function translateEvent(event: unknown): StorageRecord {
  const envelope = readEnvelope(event);
  const { type, id } = envelope;
  if (type === undefined && isObject(getMember(event, 'message'))) {
    return translatePubSubMessage(getMember(event, 'message'), 'message', id);
  }
  if (type === 'google.cloud.pubsub.topic.v1.messagePublished') {
    return translatePubSubMessage(getMember(event, 'data', 'message'), 'data.message', id);
  }
  if (type === 'google.pubsub.topic.publish') {
    return translatePubSubMessage(getMember(event, 'data'), 'data', id);
  }
  const family = families.find(({ prefix }) => type?.startsWith(prefix));
  if (family === undefined) {
    throw new UnknownEventError(
      `expected an event of Cloud Storage or of Pub/Sub, found ${describeValue(event)}${type === undefined ? '' : ` of type ${shorten(type)}`}`,
    );
  }
  return translateObjectEvent(event, envelope, family.creation);
}

/** Background events have their envelope in `context`, or beside the data. */
function readEnvelope(event: unknown): Envelope {
  if (getText(event, 'specversion') !== undefined) {
    return { type: getText(event, 'type'), time: getText(event, 'time'), id: getText(event, 'id') };
  }
  const context = getMember(event, 'context') ?? event;
  return {
    type: getText(context, 'eventType'),
    time: getText(context, 'timestamp'),
    id: getText(context, 'eventId'),
  };
}

function translateObjectEvent(event: unknown, { type, time, id }: Envelope, creation: string): StorageRecord {
  const origin: RecordOrigin = {
    store: 'gs',
    bucket: getText(event, 'data', 'bucket') ?? getText(event, 'bucket'),
    eventTime: time,
    eventId: id,
  };
  if (type !== creation) return { ...origin, kind: 'ignored', reason: shorten(type ?? '') };
  const name = getMember(event, 'data', 'name');
  if (typeof name !== 'string') {
    return unknownRecord('data.name', 'a text', name);
  }
  return { ...origin, kind: 'created', name };
}
