import { toFormKeyRecord } from './form-encoding.ts';
import { describeValue, getMember, getText, isObject, shorten } from './json.ts';
import { type RecordOrigin, type StorageRecord, unknownRecord } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/**
 * What creates or changes an object, in lower case and without the `s3:` that some dialects leave on. An exact list:
 * MinIO's `ObjectCreated:PutTagging`, `PutRetention` and `PutLegalHold` create nothing, and a restored object
 * (`ObjectRestore:Completed`) is the one that was there before.
 * Sources: S3 User Guide, event types; MinIO, internal/event/name.go; Ceph, S3 Bucket Notifications Compatibility.
 */
const creations = new Set([
  'objectcreated:put',
  // Ceph says so of the start of a multipart upload as well, when there is no object yet. To request that one is a
  // failure that shows, or nothing; to ignore a form upload is a loss.
  'objectcreated:post',
  'objectcreated:copy',
  'objectcreated:completemultipartupload',
  // Ceph, in the zone that an object has come to from another one, where nothing else tells; two names for one thing.
  'objectsynced:create',
  'replication:create',
]);

/**
 * Who sends keys as they are; to decode them would spoil `+` and `%`. All others form-encode: AWS (`aws:s3`, also what
 * old MinIO calls itself), MinIO (`minio:s3`) and RustFS (`rustfs:s3`) with the slash, LocalStack with `%20` for a space.
 * Sources: recorded from Ceph's radosgw 16; Scality, backbeat, extensions/notification/utils/message.js.
 */
const rawKeySources = new Set(['ceph:s3', 'scality:s3']);

/**
 * Translates an event of S3, or of a store that speaks like it:
 * - notifications, `{Records: [{s3: …}]}`. The decoder of the key depends on who sends it. MinIO's `Key` beside the
 *   records and the `urlDecodedKey` of some SDKs are not read: S3 sends neither.
 * - EventBridge. The key is raw. (LocalStack's is not, and nothing in the event tells it apart.)
 * - the test event that S3 sends when somebody saves a configuration.
 *
 * @throws {UnknownEventError} for anything else.
 */
export function translateS3(event: unknown): StorageRecord[] {
  const records = getMember(event, 'Records');
  if (Array.isArray(records)) {
    return records.map((record, index) => translateNotification(record, `Records[${index}]`));
  }
  if (getMember(event, 'source') === 'aws.s3') return [translateEventBridge(event)];
  if (getMember(event, 'Event') === 's3:TestEvent') return [translateTestEvent(event)];
  throw new UnknownEventError(
    `expected an event of S3 ({"Records": …} or EventBridge's of "aws.s3"), found ${describeValue(event)}`,
  );
}

function translateNotification(record: unknown, where: string): StorageRecord {
  if (!isObject(getMember(record, 's3'))) {
    return unknownRecord(where, '"s3" in it', record);
  }
  // A later major version may represent its fields in another way; a later minor one only has more of them.
  const version = getMember(record, 'eventVersion');
  if (typeof version === 'string' && Number.parseInt(version, 10) > 2) {
    return unknownRecord(`${where}.eventVersion`, 'version 2 or older', version);
  }
  const eventName = getText(record, 'eventName');
  if (eventName === undefined) {
    return unknownRecord(`${where}.eventName`, 'a name', getMember(record, 'eventName'));
  }
  const origin: RecordOrigin = {
    store: 's3',
    bucket: getText(record, 's3', 'bucket', 'name'),
    eventTime: getText(record, 'eventTime'),
    eventId: getText(record, 'responseElements', 'x-amz-request-id'),
  };
  if (!creations.has(eventName.replace(/^s3:/, '').toLowerCase())) {
    return { ...origin, kind: 'ignored', reason: shorten(eventName) };
  }
  const key = getMember(record, 's3', 'object', 'key');
  if (typeof key !== 'string') return unknownRecord(`${where}.s3.object.key`, 'a text', key);
  return rawKeySources.has(getText(record, 'eventSource') ?? '')
    ? { ...origin, kind: 'created', name: key }
    : toFormKeyRecord(origin, key);
}

function translateEventBridge(event: unknown): StorageRecord {
  const type = getText(event, 'detail-type');
  // CloudTrail tells of S3 under the same source, creations too, in a shape of its own: never to be ignored as no creation.
  if (type === undefined || type.endsWith('via CloudTrail')) {
    throw new UnknownEventError(
      `detail-type: expected "Object Created", found ${describeValue(getMember(event, 'detail-type'))}`,
    );
  }
  const origin: RecordOrigin = {
    store: 's3',
    bucket: getText(event, 'detail', 'bucket', 'name'),
    eventTime: getText(event, 'time'),
    eventId: getText(event, 'id'),
  };
  if (type !== 'Object Created') return { ...origin, kind: 'ignored', reason: shorten(type) };
  const key = getMember(event, 'detail', 'object', 'key');
  if (typeof key !== 'string') return unknownRecord('detail.object.key', 'a text', key);
  return { ...origin, kind: 'created', name: key };
}

function translateTestEvent(event: unknown): StorageRecord {
  return {
    kind: 'ignored',
    store: 's3',
    bucket: getText(event, 'Bucket'),
    eventTime: getText(event, 'Time'),
    eventId: getText(event, 'RequestId'),
    reason: 's3:TestEvent',
  };
}
