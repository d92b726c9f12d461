import {
  getMember,
  getText,
  parseJson,
  translateGcs,
  translateOrUnknown,
  UnknownEventError,
  type StorageRecord,
} from '@oms-sync/storage-events';

/**
 * Translates what came in a request. The framework hands on what it cannot convert as bytes, and acknowledges it if
 * nobody minds: a batch of CloudEvents (application/cloudevents-batch+json) is read here, anything else is refused.
 */
export function translateBody(body: unknown): StorageRecord[] {
  return translateOrUnknown('event', () =>
    translateGcs(readData(Buffer.isBuffer(body) ? readJson(body) : body)),
  );
}

/** The data of a CloudEvent may come as bytes: where its content type is not JSON's, or in Base64 (`data_base64`). */
function readData(event: unknown): unknown {
  if (typeof event !== 'object' || event === null) return event;
  const data = getMember(event, 'data');
  const base64 = getText(event, 'data_base64');
  if (Buffer.isBuffer(data)) return { ...event, data: readJson(data) };
  return data === undefined && base64 !== undefined
    ? { ...event, data: readJson(Buffer.from(base64, 'base64')) }
    : event;
}

/**
 * What came to a function with the older signature of event functions, as if there were only the newer one. The framework
 * splits the body there, if it has not converted it: the context is what is left of it without its data.
 * Source: the functions framework for Node.js 5, function_wrappers.ts and cloud_event_to_background_event.ts.
 */
export function joinBackgroundEvent(data: unknown, context: unknown): unknown {
  if (getText(context, 'eventType') !== undefined) return { data, context };
  return data !== undefined && typeof context === 'object' ? { ...context, data } : context;
}

function readJson(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    if (error instanceof UnknownEventError) throw error;
    throw new UnknownEventError(`expected JSON, found ${bytes.length} bytes that are no UTF-8`, {
      cause: error,
    });
  }
}
