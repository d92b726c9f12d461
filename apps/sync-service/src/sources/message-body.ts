import {
  getMember,
  getText,
  parseJson,
  translateObs,
  translateOrUnknown,
  translateS3Message,
  UnknownEventError,
  type EventGridKeyEncoding,
} from '@oms-sync/storage-events';
import type { StorageRecord } from '@oms-sync/core';
import type { KnownRecord } from '../delivery.ts';
import type { Notification } from '../inbox.ts';

/** Marks what {@link formatEnvelope} made. */
const envelopeType = 'oms-sync/notification';

export interface MessageBodyOptions {
  readonly eventgridKeyEncoding: EventGridKeyEncoding;
}

/** What a message of a broker holds. */
export interface MessageBody {
  /** The receiver that it came by, for one that the service has put there itself. */
  readonly source: string | undefined;
  readonly records: readonly StorageRecord[];
  /** When the service got it, in milliseconds since 1970, for one that it has put there itself. */
  readonly receivedAt?: number | undefined;
}

/** A notification as the body of a message, for {@link readMessageBody}. */
export function formatEnvelope({ source, messageId, records, receivedAt }: Notification): Buffer {
  return Buffer.from(JSON.stringify({ type: envelopeType, source, messageId, receivedAt, records }));
}

/**
 * Reads a message as the stores publish it (S3 and what speaks like it, OBS), as SNS and SMN wrap it, or as the service
 * has put it there itself.
 *
 * @throws {UnknownEventError} for anything else.
 */
export function readMessageBody(body: Buffer, options: MessageBodyOptions): MessageBody {
  const text = decode(body);
  const message = parseJson(text);
  if (getText(message, 'type') === envelopeType) return readEnvelope(message);
  if (getText(message, 'topic_urn') !== undefined) {
    const records = translateOrUnknown('message', () =>
      translateObs(parseJson(getMember(message, 'message')), options),
    );
    return { source: undefined, records };
  }
  const records = isObs(message) ? translateObs(message, options) : translateS3Message(text);
  if (records.length === 0) throw new UnknownEventError('expected records, found none');
  return { source: undefined, records };
}

/** What can be delivered of a message, and why the rest of it, or all, is to be refused. */
export interface SortedMessage {
  readonly source: string | undefined;
  readonly records: readonly KnownRecord[];
  readonly receivedAt: number | undefined;
  readonly refusal: string | undefined;
}

/** As {@link readMessageBody}, for a message that somebody has to keep when nobody can read it. */
export function sortMessage(body: Buffer, options: MessageBodyOptions): SortedMessage {
  try {
    const { source, records, receivedAt } = readMessageBody(body, options);
    const known = records.filter((record): record is KnownRecord => record.kind !== 'unknown');
    return {
      source,
      records: known,
      receivedAt,
      refusal: records.find((record) => record.kind === 'unknown')?.reason,
    };
  } catch (error) {
    if (!(error instanceof UnknownEventError)) throw error;
    return { source: undefined, records: [], receivedAt: undefined, refusal: error.message };
  }
}

function decode(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new UnknownEventError(`expected JSON, found ${body.length} bytes that are no UTF-8`, {
      cause: error,
    });
  }
}

/** CloudEvents of OBS, and its notifications, which say `OBS` or lack the source of S3's. */
function isObs(message: unknown): boolean {
  const first: unknown = Array.isArray(message) ? message[0] : message;
  if (getText(first, 'type')?.startsWith('OBS:') === true) return true;
  const records = getMember(message, 'Records');
  if (!Array.isArray(records)) return false;
  const source = getText(records[0], 'eventSource');
  return getMember(records[0], 'obs') !== undefined || source?.toUpperCase() === 'OBS';
}

function readEnvelope(message: unknown): MessageBody {
  const records = getMember(message, 'records');
  const source = getText(message, 'source');
  if (source === undefined || !Array.isArray(records) || !records.every(isRecord)) {
    throw new UnknownEventError('expected a notification of the service, found another with its type');
  }
  const receivedAt = getMember(message, 'receivedAt');
  return { source, records, receivedAt: typeof receivedAt === 'number' ? receivedAt : undefined };
}

const texts = { created: ['name'], ignored: ['reason'], invalid: ['text', 'reason'] };

function isRecord(record: unknown): record is StorageRecord {
  const kind = getText(record, 'kind');
  if (kind !== 'created' && kind !== 'ignored' && kind !== 'invalid') return false;
  return ['store', ...texts[kind]].every((name) => typeof getMember(record, name) === 'string');
}
