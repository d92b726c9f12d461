import type { StorageRecord } from '@oms-sync/core';
import { getText, parseJson, UnknownEventError } from '@oms-sync/storage-events';
import { Refusal } from './receiver.ts';

/**
 * The JSON of a body.
 *
 * @throws {Refusal} for bytes that are no UTF-8, and for a text that is no JSON.
 */
export function readJson(body: unknown): unknown {
  if (!Buffer.isBuffer(body)) throw new Refusal('content', 'expected a body, found none');
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (error) {
    throw new Refusal('content', `expected JSON, found ${body.length} bytes that are no UTF-8`, {
      cause: error,
    });
  }
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof UnknownEventError)) throw error;
    // Nothing of it is shown: nobody knows yet who sent it, and the token of a subscription may stand there.
    throw new Refusal('content', `expected JSON, found ${body.length} bytes that are none`);
  }
}

/** What a translator of storage-events makes of a message; a message that it does not understand is refused. */
export function translate(toRecords: () => readonly StorageRecord[]): readonly StorageRecord[] {
  return refuseUnknown(toRecords);
}

/** A text of a message that has to be there. */
export function needText(message: unknown, name: string): string {
  const text = getText(message, name);
  if (text === undefined) throw new Refusal('content', `${name}: expected a text, found none`);
  return text;
}

function refuseUnknown<Result>(read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof UnknownEventError)) throw error;
    throw new Refusal('content', error.message, { cause: error });
  }
}
