import { createHash, randomUUID } from 'node:crypto';
import { once, setMaxListeners } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { isSystemError, ObjectFolder } from '@oms-sync/log-bucket';
import { checkAccess, type Access } from './access.ts';
import type { Catalog } from './catalog.ts';
import { Faults, type Fault, type FaultOperation } from './faults.ts';
import { Refusal } from './refusal.ts';
import { readTarget, type Target } from './target.ts';
import { writeError, writeListing } from './xml.ts';

export interface ObsStandinOptions extends Access {
  /** The folder whose sub-folders are the buckets. One that is not there is a bucket that does not exist. */
  readonly buckets: string;
  /** Any free one when left out. */
  readonly port?: number;
  /** Objects a page of a listing holds at most; 1,000 like OBS when left out. */
  readonly pageSize?: number;
  /** Whether a page that is not the last says where the next one begins; it does when left out. */
  readonly hasNextMarker?: boolean;
  /** A bucket can also stand in front of this domain name: `bucket.domain`. */
  readonly domain?: string;
  /** Buckets that can only be listed, by their names, beside those in the folder. */
  readonly catalogs?: ReadonlyMap<string, Catalog>;
  /** The clock, in milliseconds. */
  readonly now?: () => number;
}

/** A request that came in, and how it ended. */
export interface SeenRequest {
  readonly operation: FaultOperation | undefined;
  readonly bucket: string;
  /** The key, or the prefix of a listing. */
  readonly key: string;
  /** Undefined when a fault left it without an answer. */
  readonly status: number | undefined;
}

export interface ObsStandin {
  /** Where it listens, on the loopback address. */
  readonly url: URL;
  readonly faults: Pick<Faults, 'set' | 'clear'>;
  /** All requests so far, in the order in which they ended. */
  readonly requests: readonly SeenRequest[];
  /** The content type of an object that was put since the start. */
  contentType(bucket: string, key: string): string | undefined;
  /** Stops at once, open connections included. A second call does no more. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

const defaultPageSize = 1000;
const defaultContentType = 'binary/octet-stream';

/** Starts a stand-in for OBS in this process. See README.md for what it is good for. */
export async function startObsStandin(options: ObsStandinOptions): Promise<ObsStandin> {
  const faults = new Faults();
  const requests: SeenRequest[] = [];
  const contentTypes = new Map<string, string>();
  const closing = new AbortController();
  setMaxListeners(0, closing.signal); // Each request that waits has one.

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const requestId = randomUUID();
    let target: Target | undefined;
    let status: number | undefined;
    try {
      const body = await buffer(request);
      target = readTarget(request, options.domain);
      const fault = faults.take(target.operation, target.key);
      if (fault?.kind === 'reset') return void request.socket.resetAndDestroy();
      if (fault?.kind === 'black-hole') return;
      if (fault?.kind === 'answer' && fault.page !== undefined) {
        status = fault.status;
        return void response.writeHead(status, { 'content-type': 'text/html' }).end(fault.page);
      }
      if (fault?.kind === 'slow') await setTimeout(fault.delayMs, undefined, { signal: closing.signal });
      const answer = await answerTo(target, request, body, fault);
      if (fault?.kind === 'truncated') return cutOff(answer, response);
      status = answer.status;
      send(response, answer, requestId);
    } catch (error) {
      if (closing.signal.aborted || request.socket.destroyed) return; // Nobody is there to answer.
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'InternalError', String(error));
      status = refusal.status;
      send(response, asAnswer(refusal, request.url ?? '', requestId), requestId);
    } finally {
      const { operation, bucket = '', key = '' } = target ?? {};
      requests.push({ operation, bucket, key, status });
    }
  };

  const answerTo = async (
    target: Target,
    request: IncomingMessage,
    body: Buffer,
    fault: Fault | undefined,
  ): Promise<Answer> => {
    if (fault?.kind === 'answer') {
      throw new Refusal(fault.status, fault.code, 'A fault that was asked for.', fault.retryAfter);
    }
    checkAccess(
      {
        method: request.method ?? '',
        headers: request.headersDistinct,
        resource: target.resource,
        path: target.path,
        query: target.rawQuery,
        body,
      },
      options,
      (options.now ?? Date.now)(),
    );
    const catalog = options.catalogs?.get(target.bucket);
    if (catalog !== undefined && target.operation === 'list') {
      return list(target, (count) => catalog.list(target.key, target.query.get('marker') ?? '', count));
    }
    const folder = await openBucket(target.bucket);
    const typeKey = `${target.bucket}/${target.key}`;
    switch (target.operation) {
      case 'put': {
        await folder.write(target.key, body);
        contentTypes.set(typeKey, request.headers['content-type'] ?? defaultContentType);
        return { status: 200, headers: { etag: etagOf(body) } };
      }
      case 'get':
      case 'head':
        return readObject(folder, target, contentTypes.get(typeKey));
      case 'delete': {
        await folder.delete(target.key);
        contentTypes.delete(typeKey);
        return { status: 204 };
      }
      case 'list':
        return list(target, (count) => listFolder(folder, target, count));
    }
  };

  const openBucket = async (bucket: string): Promise<ObjectFolder> => {
    const root = path.join(options.buckets, bucket);
    if (!(await isFolder(root))) {
      throw new Refusal(404, 'NoSuchBucket', 'The specified bucket does not exist.');
    }
    return new ObjectFolder(root);
  };

  const listFolder = async (folder: ObjectFolder, { key: prefix, query }: Target, count: number) => {
    const after = await folder.list(prefix, query.get('marker') ?? '', count + 1);
    return { objects: after.slice(0, count), isTruncated: after.length > count };
  };

  const list = async (
    { bucket, key: prefix, query }: Target,
    find: (count: number) => ReturnType<Catalog['list']> | ReturnType<typeof listFolder>,
  ): Promise<Answer> => {
    const marker = query.get('marker') ?? '';
    const asked = Number(query.get('max-keys') ?? defaultPageSize);
    if (!(asked >= 0)) throw new Refusal(400, 'InvalidArgument', 'max-keys is not a number.');
    const maxKeys = Math.min(asked, options.pageSize ?? defaultPageSize, defaultPageSize);
    const { objects, isTruncated } = await find(maxKeys);
    const nextMarker = isTruncated && options.hasNextMarker !== false ? objects.at(-1)?.key : undefined;
    const isUrlEncoded = query.get('encoding-type') === 'url';
    const page = { bucket, prefix, marker, maxKeys, isTruncated, nextMarker, isUrlEncoded, objects };
    return { status: 200, headers: { 'content-type': 'application/xml' }, body: writeListing(page) };
  };

  const server = createServer((request, response) => void handle(request, response));
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;

  let closed: Promise<void> | undefined;
  const stop = async () => {
    closing.abort();
    const stopped = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await stopped;
  };

  return {
    url: new URL(`http://127.0.0.1:${port}`),
    faults,
    requests,
    contentType: (bucket, key) => contentTypes.get(`${bucket}/${key}`),
    close: () => (closed ??= stop()),
  };
}

// --- requests ---

async function isFolder(folder: string): Promise<boolean> {
  try {
    return (await stat(folder)).isDirectory();
  } catch (error) {
    if (isSystemError(error) && error.code === 'ENOENT') return false;
    throw error;
  }
}

// --- answers ---

async function readObject(
  folder: ObjectFolder,
  { key, operation }: Target,
  contentType: string = defaultContentType,
): Promise<Answer> {
  const [file, body] = [await folder.find(key), await folder.read(key)];
  if (file === undefined || body === undefined) {
    throw new Refusal(404, 'NoSuchKey', 'The specified key does not exist.');
  }
  const headers = {
    'content-type': contentType,
    'content-length': String(body.length),
    etag: etagOf(body),
    'last-modified': file.lastModified.toUTCString(),
  };
  return { status: 200, headers, ...(operation === 'head' ? {} : { body }) };
}

function asAnswer(refusal: Refusal, resource: string, requestId: string): Answer {
  return {
    status: refusal.status,
    headers: {
      'content-type': 'application/xml',
      ...(refusal.retryAfter === undefined ? {} : { 'retry-after': String(refusal.retryAfter) }),
    },
    body: writeError(refusal.code, refusal.message, resource, requestId),
  };
}

function send(response: ServerResponse, { status, headers, body }: Answer, requestId: string): void {
  const ids = { 'x-amz-request-id': requestId, 'x-obs-request-id': requestId };
  response.writeHead(status, { ...ids, ...headers }).end(body);
}

/** Sends the head and half of the body, or half of the head, and hangs up. */
function cutOff({ status, headers, body }: Answer, response: ServerResponse): void {
  const bytes = Buffer.from(body ?? '');
  const { socket } = response;
  if (bytes.length === 0) return void socket?.end(`HTTP/1.1 ${status} OK\r\nX-Obs-`);
  const lengthened = { ...headers, 'content-length': String(bytes.length) };
  response.writeHead(status, lengthened).write(bytes.subarray(0, bytes.length / 2), () => socket?.end());
}

function etagOf(body: Buffer): string {
  return `"${createHash('md5').update(body).digest('hex')}"`;
}
