import { decodeBase64 } from './base64.ts';
import { describeValue, getMember, getText, isObject, parseJson } from './json.ts';
import { type RecordOrigin, type StorageRecord, unknownRecord } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/**
 * Translates a message of Pub/Sub that notifies of an object. Its attributes say what happened to which object. With the
 * payload format JSON_API_V1 its data says the latter again, with NONE there is no data. The OBJECT_DELETE of what was
 * overwritten (`overwrittenByGeneration`) is ignored as every other, and the OBJECT_FINALIZE that overwrote it
 * (`overwroteGeneration`) is a creation.
 * Source: Cloud Storage, Pub/Sub notifications.
 *
 * @param id The id of the event around the message, for a message that has none.
 * @throws {UnknownEventError} for a message that is no notification of Cloud Storage.
 */
export function translatePubSubMessage(
  message: unknown,
  where: string,
  id: string | undefined,
): StorageRecord {
  const object = readObject(message);
  const origin: RecordOrigin = {
    store: 'gs',
    bucket: getText(message, 'attributes', 'bucketId') ?? getText(object, 'bucket'),
    eventTime: getText(message, 'attributes', 'eventTime') ?? getText(message, 'publishTime'),
    eventId: getText(message, 'messageId') ?? id,
  };
  if (isEmpty(message)) return { ...origin, kind: 'ignored', reason: 'empty message' };
  const eventType = getText(message, 'attributes', 'eventType');
  // Other publishers write an eventType too.
  if (eventType === undefined || !/^OBJECT_[A-Z_]{1,40}$/.test(eventType)) {
    const found = describeValue(getMember(message, 'attributes', 'eventType'));
    throw new UnknownEventError(
      `${where}.attributes.eventType: expected that of a notification of Cloud Storage, found ${found}`,
    );
  }
  if (eventType !== 'OBJECT_FINALIZE') return { ...origin, kind: 'ignored', reason: eventType };

  const names = [getMember(message, 'attributes', 'objectId'), getMember(object, 'name')].filter(
    (name) => typeof name === 'string',
  );
  const [name, other = name] = names;
  if (name === undefined) {
    return unknownRecord(`${where}.attributes.objectId`, 'a text', undefined);
  }
  if (name !== other) {
    const found = `${describeValue(name)}, and ${describeValue(other)} in the data`;
    return { kind: 'unknown', reason: `${where}.attributes.objectId: found ${found}` };
  }
  return { ...origin, kind: 'created', name };
}

/** Nothing is in it, so nothing is lost; redelivered it would be as empty. */
function isEmpty(message: unknown): boolean {
  const attributes = getMember(message, 'attributes') ?? {};
  return (
    getText(message, 'messageId') !== undefined &&
    (getMember(message, 'data') ?? '') === '' &&
    isObject(attributes) &&
    Object.keys(attributes).length === 0
  );
}

/** The object that the data describes; undefined if it does not, or cannot be read: the attributes say what is needed. */
function readObject(message: unknown): unknown {
  const text = decodeBase64(getText(message, 'data') ?? '');
  try {
    return parseJson(text);
  } catch (error) {
    if (error instanceof UnknownEventError) return undefined;
    throw error;
  }
}
