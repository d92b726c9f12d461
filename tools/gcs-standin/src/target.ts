import type { IncomingMessage } from 'node:http';
import type { FaultOperation } from '@oms-sync/obs-standin';
import { Refusal } from './refusal.ts';

/** What a request is about. */
export interface Target {
  readonly operation: FaultOperation;
  readonly bucket: string;
  /** The name of the object, or the prefix of a listing. Empty where only the body says it. */
  readonly key: string;
  readonly query: URLSearchParams;
}

const maxKeyBytes = 1024;

/**
 * Reads the request line by hand: `new URL` would fold `a/../b`.
 *
 * The clients of Google leave `/storage/v1` out where STORAGE_EMULATOR_HOST names the address.
 *
 * @throws {Refusal} when it is nothing that the stand-in knows.
 */
export function readTarget(request: IncomingMessage): Target {
  const [path = '', rawQuery = ''] = (request.url ?? '').split('?', 2);
  const query = new URLSearchParams(rawQuery);
  const [, upload, rawBucket, rawKey] =
    /^(\/upload)?(?:\/storage\/v1)?\/b\/([^/]+)\/o(?:\/([^/]+))?$/.exec(path) ?? [];
  const operation = operationOf(request.method ?? '', upload !== undefined, rawKey !== undefined, query);
  if (rawBucket === undefined || operation === undefined) {
    throw new Refusal(501, 'notImplemented', 'The stand-in does not have this.');
  }
  const named = operation === 'list' ? query.get('prefix') : query.get('name');
  const key = rawKey === undefined ? (named ?? '') : decode(rawKey);
  if (Buffer.byteLength(key) > maxKeyBytes) {
    throw new Refusal(400, 'invalid', 'The object name is longer than 1,024 bytes.');
  }
  return { operation, bucket: decode(rawBucket), key, query };
}

function operationOf(
  method: string,
  isUpload: boolean,
  hasKey: boolean,
  query: URLSearchParams,
): FaultOperation | undefined {
  if (isUpload) return (method === 'POST' || method === 'PUT') && !hasKey ? 'put' : undefined;
  if (method === 'GET' && !hasKey) return 'list';
  if (method === 'GET') return query.get('alt') === 'media' ? 'get' : 'head';
  return method === 'DELETE' && hasKey ? 'delete' : undefined;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new Refusal(400, 'invalid', 'The URI is not valid.');
    throw error;
  }
}
