import type { IncomingMessage } from 'node:http';
import type { FaultOperation } from './faults.ts';
import { Refusal } from './refusal.ts';

/** What a request is about. */
export interface Target {
  readonly operation: FaultOperation;
  readonly bucket: string;
  /** The key, or the prefix of a listing. */
  readonly key: string;
  readonly query: URLSearchParams;
  /** `/bucket/key` as it is signed: still encoded. */
  readonly resource: string;
  /** Both sides of the question mark in the request line, as they came. */
  readonly path: string;
  readonly rawQuery: string;
}

const operations: Readonly<Record<string, FaultOperation>> = {
  PUT: 'put',
  GET: 'get',
  HEAD: 'head',
  DELETE: 'delete',
};
const listQueries = new Set(['prefix', 'marker', 'max-keys', 'encoding-type']);
/** The SDK of AWS says with it which operation it means; stores do not look at it. */
const ignoredQuery = 'x-id';
const maxKeyBytes = 1024;

/**
 * Reads the request line by hand: `new URL` would fold `a/../b`.
 *
 * @param domain the host name that buckets can stand in front of.
 * @throws {Refusal} when it is nothing that the stand-in knows.
 */
export function readTarget(request: IncomingMessage, domain: string | undefined): Target {
  const [rawPath, rawQuery] = split(request.url ?? '/', '?');
  const query = new URLSearchParams(rawQuery);
  const hostBucket = readHostBucket(request.headers.host ?? '', domain);
  const resource = hostBucket === undefined ? rawPath : `/${hostBucket}${rawPath}`;
  const [bucket, rawKey] = split(resource.slice(1), '/');
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw new Refusal(400, 'InvalidBucketName', 'The specified bucket is not valid.');
  }
  const key = decode(rawKey);
  const operation = operations[request.method ?? ''];
  const isList = operation === 'get' && key === '';
  const unknown = [...query.keys()].find(
    (name) => name !== ignoredQuery && !(isList && listQueries.has(name)),
  );
  if (operation === undefined || unknown !== undefined || (key === '' && !isList)) {
    throw new Refusal(501, 'NotImplemented', 'The stand-in does not have this.');
  }
  if (Buffer.byteLength(key) > maxKeyBytes) {
    throw new Refusal(400, 'KeyTooLong', 'The key is longer than 1,024 bytes.');
  }
  const target = { bucket, query, resource, path: rawPath, rawQuery };
  return isList
    ? { ...target, operation: 'list', key: query.get('prefix') ?? '' }
    : { ...target, operation, key };
}

function readHostBucket(host: string, domain: string | undefined): string | undefined {
  const [name] = split(host, ':');
  return domain !== undefined && name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : undefined;
}

/** Both sides of the first separator; all is left of one that is not there. */
function split(text: string, separator: string): [string, string] {
  const index = text.indexOf(separator);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) throw new Refusal(400, 'InvalidURI', 'The URI is not valid.');
    throw error;
  }
}
