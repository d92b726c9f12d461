import { translateAzure } from './azure-blob.ts';
import { decodeBase64 } from './base64.ts';
import { describeValue, parseJson } from './json.ts';
import { type StorageRecord } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/**
 * Translates a message that Event Grid put into a storage queue: its JSON, plain (until about 2021) or as Base64 (since),
 * or the event itself where somebody has decoded and parsed it on the way.
 *
 * @throws {UnknownEventError} for anything else.
 */
export function translateAzureMessage(message: unknown): StorageRecord[] {
  if (typeof message !== 'string') return translateAzure(message);
  // The JSON of an event begins with a bracket, which is not in the alphabet of Base64.
  if (/^\s*[[{]/.test(message)) return translateAzure(parseJson(message));
  const text = decodeBase64(message);
  if (text === undefined) {
    throw new UnknownEventError(`expected JSON, plain or as Base64, found ${describeValue(message)}`);
  }
  return translateAzure(parseJson(text));
}
