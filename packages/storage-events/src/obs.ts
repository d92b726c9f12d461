import { decodeForm } from './form-encoding.ts';
import { describeValue, getMember, getText, isObject, shorten } from './json.ts';
import { translateEach, type RecordOrigin, type StorageRecord, unknownRecord } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/** How EventGrid delivers keys: the option "object key encoding" of the subscription, which no event repeats. */
export type EventGridKeyEncoding = 'form' | 'raw';

export interface ObsOptions {
  readonly eventgridKeyEncoding: EventGridKeyEncoding;
}

/**
 * What creates or changes an object, in lower case: EventGrid writes `PUT` where notifications write `Put`.
 * An exact list, since a name that merely begins the same may create nothing.
 * Source: OBS User Guide, event notifications; EventGrid, OBS event types.
 */
const creations = new Set([
  'objectcreated:put',
  'objectcreated:post',
  'objectcreated:copy',
  'objectcreated:completemultipartupload',
]);

/** What no form-encoder leaves in a key: then EventGrid delivers keys as they are, whatever the setting says. */
const neverFormEncoded = /[^\x21-\x7e]|["#<>?\\^`{|}]/;

/**
 * Translates an event of OBS:
 * - notifications, `{Records: […]}`: version 3.0 (`obs`), version 2.0 as SMN carries it and as older FunctionGraph
 *   triggers and the console's test template have it (`s3`). Keys are form-encoded, the slash too.
 * - EventGrid, a CloudEvent 1.0 or a list of them, whose `data` is a record or a list of records.
 *
 * @throws {UnknownEventError} for anything else.
 */
export function translateObs(event: unknown, options: ObsOptions): StorageRecord[] {
  const records = getMember(event, 'Records');
  if (Array.isArray(records) && records.length > 0) {
    return records.map((record, index) => translateNotification(record, `Records[${index}]`));
  }
  return translateEach(event, (each) => translateCloudEvent(each, options));
}

function translateNotification(record: unknown, where: string): StorageRecord {
  return translateRecord(record, where, {}, (key) => asName(decodeForm(key)));
}

function translateCloudEvent(event: unknown, { eventgridKeyEncoding }: ObsOptions): StorageRecord[] {
  const type = getText(event, 'type');
  if (getText(event, 'specversion') === undefined || type?.startsWith('OBS:') !== true) {
    throw new UnknownEventError(
      `expected an event of OBS ({"Records": …} or a CloudEvent of type OBS:…), found ${describeValue(event)}${type === undefined ? '' : ` of type ${shorten(type)}`}`,
    );
  }
  const data = getMember(event, 'data');
  const records: readonly unknown[] = Array.isArray(data) ? data : [data];
  if (records.length === 0) throw new UnknownEventError('data: expected a record, found a list of 0');
  const subject = records.length === 1 ? getText(event, 'subject') : undefined;
  const defaults = {
    eventName: type.replace(/^OBS:DWR:/, ''),
    // Not the eventTime of the record: EventGrid writes local time there, with a false Z.
    eventTime: getText(event, 'time'),
    eventId: getText(event, 'id'),
  };
  return records.map((record, index) =>
    translateRecord(record, Array.isArray(data) ? `data[${index}]` : 'data', defaults, (key) =>
      readEventGridKey(key, subject, eventgridKeyEncoding),
    ),
  );
}

type ReadKey = (key: string) => { readonly name: string } | { readonly invalid: string };

function translateRecord(
  record: unknown,
  where: string,
  given: { eventName?: string; eventTime?: string | undefined; eventId?: string | undefined },
  readKey: ReadKey,
): StorageRecord {
  const part = ['obs', 's3'].find((name) => isObject(getMember(record, name)));
  if (part === undefined) {
    return unknownRecord(where, '"obs" or "s3" in it', record);
  }
  const eventName = getText(record, 'eventName') ?? given.eventName;
  if (eventName === undefined) {
    return unknownRecord(`${where}.eventName`, 'a name', getMember(record, 'eventName'));
  }
  const origin: RecordOrigin = {
    store: 'obs',
    bucket: getText(record, part, 'bucket', 'name') ?? getText(record, part, 'bucket', 'bucket'),
    eventTime: given.eventTime ?? getText(record, 'eventTime'),
    eventId:
      given.eventId ??
      getText(record, 'responseElements', 'x-obs-request-id') ??
      getText(record, 'responseElements', 'x-amz-request-id'),
  };
  // The prefix is that of the configuration; some senders leave it on.
  if (!creations.has(eventName.replace(/^s3:/, '').toLowerCase())) {
    return { ...origin, kind: 'ignored', reason: shorten(eventName) };
  }
  const key = getMember(record, part, 'object', 'key');
  if (typeof key !== 'string') {
    return unknownRecord(`${where}.${part}.object.key`, 'a text', key);
  }
  const result = readKey(key);
  return 'name' in result
    ? { ...origin, kind: 'created', name: result.name }
    : { ...origin, kind: 'invalid', text: key, reason: result.invalid };
}

function asName(decoded: string | undefined): ReturnType<ReadKey> {
  return decoded === undefined ? { invalid: 'the key has a broken escape' } : { name: decoded };
}

/**
 * Whether EventGrid encodes keys is an option of the subscription. The event tells only now and then: by a subject that
 * is the key in its other form, or by a character that encoding never leaves. Else the setting decides.
 */
function readEventGridKey(
  key: string,
  subject: string | undefined,
  encoding: EventGridKeyEncoding,
): ReturnType<ReadKey> {
  if (subject !== undefined && subject !== key) {
    if (decodeForm(key) === subject) return { name: subject };
    if (decodeForm(subject) === key) return { name: key };
  }
  if (encoding === 'raw' || neverFormEncoded.test(key)) return { name: key };
  const result = asName(decodeForm(key));
  return 'name' in result
    ? result
    : {
        invalid: `${result.invalid}; if the subscription does not encode keys, set eventgrid_key_encoding=raw`,
      };
}
