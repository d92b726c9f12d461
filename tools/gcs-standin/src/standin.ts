import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { isSystemError, ObjectFolder, type FolderObject } from '@oms-sync/log-bucket';
import { Faults, type Fault, type FaultOperation } from '@oms-sync/obs-standin';
import { Refusal } from './refusal.ts';
import { readTarget, type Target } from './target.ts';
import { readMetadata, readMultipart, type Metadata } from './upload.ts';

export interface GcsStandinOptions {
  /** The folder whose sub-folders are the buckets. One that is not there is a bucket that does not exist. */
  readonly buckets: string;
  /** Any free one when left out. */
  readonly port?: number;
  /** Objects a page of a listing holds at most; 1,000 like Google's when left out. */
  readonly pageSize?: number;
}

/** A request that came in, and how it ended. */
export interface SeenRequest {
  readonly operation: FaultOperation | undefined;
  readonly bucket: string;
  /** The name of the object, or the prefix of a listing. */
  readonly key: string;
  /** Undefined when a fault left it without an answer. */
  readonly status: number | undefined;
}

export interface GcsStandin {
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

const maxPageSize = 1000;
const defaultContentType = 'application/octet-stream';

/** Starts a stand-in for Google Cloud Storage in this process. See README.md for what it is good for. */
export async function startGcsStandin(options: GcsStandinOptions): Promise<GcsStandin> {
  const faults = new Faults();
  const requests: SeenRequest[] = [];
  const contentTypes = new Map<string, string>();
  /** Resumable uploads that were begun, by the id in their address. */
  const uploads = new Map<string, Metadata>();
  const closing = new AbortController();

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let target: Target | undefined;
    let status: number | undefined;
    try {
      const body = await buffer(request);
      target = readTarget(request);
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
      send(response, answer);
    } catch (error) {
      if (closing.signal.aborted || request.socket.destroyed) return; // Nobody is there to answer.
      const refusal = error instanceof Refusal ? error : new Refusal(500, 'backendError', String(error));
      status = refusal.status;
      send(response, asAnswer(refusal, target?.operation));
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
    const folder = await openBucket(target.bucket);
    const typeKey = `${target.bucket}/${target.key}`;
    switch (target.operation) {
      case 'put':
        return upload(folder, target, request, body);
      case 'get':
      case 'head':
        return readObject(folder, target, contentTypes.get(typeKey));
      case 'delete':
        if ((await folder.find(target.key)) === undefined) throw noSuchObject(target);
        await folder.delete(target.key);
        contentTypes.delete(typeKey);
        return { status: 204 };
      case 'list':
        return list(folder, target);
    }
  };

  const openBucket = async (bucket: string): Promise<ObjectFolder> => {
    const root = path.join(options.buckets, bucket);
    if (!(await isFolder(root))) {
      throw new Refusal(404, 'notFound', 'The specified bucket does not exist.');
    }
    return new ObjectFolder(root);
  };

  const upload = async (
    folder: ObjectFolder,
    { bucket, key, query }: Target,
    request: IncomingMessage,
    body: Buffer,
  ): Promise<Answer> => {
    const contentType = request.headers['content-type'] ?? defaultContentType;
    switch (query.get('uploadType') ?? '') {
      case 'media':
        return store(folder, bucket, { name: key, contentType }, body);
      case 'multipart': {
        const { metadata, bytes } = readMultipart(contentType, body);
        return store(folder, bucket, { ...metadata, ...(key === '' ? {} : { name: key }) }, bytes);
      }
      case 'resumable': {
        const id = query.get('upload_id');
        if (id === null) {
          const begun = randomUUID();
          const type = request.headers['x-upload-content-type'];
          const metadata = {
            contentType: String(type ?? defaultContentType),
            ...readMetadata(body.toString()),
          };
          uploads.set(begun, { ...metadata, ...(key === '' ? {} : { name: key }) });
          const address = new URL(request.url ?? '', `http://${request.headers.host}`);
          address.searchParams.set('upload_id', begun);
          return { status: 200, headers: { location: address.href } };
        }
        const metadata = uploads.get(id);
        if (metadata === undefined) throw new Refusal(404, 'notFound', 'No such upload.');
        uploads.delete(id);
        return store(folder, bucket, metadata, body); // In one piece: the lists are small.
      }
      default:
        throw new Refusal(400, 'invalid', 'The upload is of no type.');
    }
  };

  const store = async (
    folder: ObjectFolder,
    bucket: string,
    { name = '', contentType = defaultContentType }: Metadata,
    bytes: Buffer,
  ): Promise<Answer> => {
    if (name === '') throw new Refusal(400, 'required', 'The object has no name.');
    // https://docs.cloud.google.com/storage/docs/objects#naming
    if (/[\r\n]|^\.{1,2}$|^\.well-known\/acme-challenge\//.test(name)) {
      throw new Refusal(400, 'invalid', 'The object has a name that is not valid.');
    }
    await folder.write(name, bytes);
    contentTypes.set(`${bucket}/${name}`, contentType);
    const file = await folder.find(name);
    if (file === undefined) throw new Refusal(500, 'backendError', 'The object is gone.');
    return asJson(describeObject(bucket, { key: name, ...file }, contentType));
  };

  const list = async (folder: ObjectFolder, { bucket, key: prefix, query }: Target): Promise<Answer> => {
    const asked = Number(query.get('maxResults') ?? maxPageSize);
    if (!(asked >= 1)) throw new Refusal(400, 'invalid', 'maxResults is not a number above 0.');
    const size = Math.min(asked, options.pageSize ?? maxPageSize, maxPageSize);
    const after = Buffer.from(query.get('pageToken') ?? '', 'base64');
    const startOffset = Buffer.from(query.get('startOffset') ?? '');
    const rest = (await folder.list(prefix)).filter(({ key }) => {
      const bytes = Buffer.from(key);
      // An offset is the first one to be listed.
      return Buffer.compare(bytes, after) > 0 && Buffer.compare(bytes, startOffset) >= 0;
    });
    const items = rest.slice(0, size);
    const last = rest.length > items.length ? items.at(-1) : undefined;
    return asJson({
      kind: 'storage#objects',
      ...(last === undefined ? {} : { nextPageToken: Buffer.from(last.key).toString('base64') }),
      // A listing without objects has no items.
      ...(items.length === 0
        ? {}
        : {
            items: items.map((item) =>
              describeObject(bucket, item, contentTypes.get(`${bucket}/${item.key}`) ?? defaultContentType),
            ),
          }),
    });
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
  target: Target,
  contentType: string = defaultContentType,
): Promise<Answer> {
  const { bucket, key, operation } = target;
  const [file, body] = [await folder.find(key), await folder.read(key)];
  if (file === undefined || body === undefined) throw noSuchObject(target);
  if (operation === 'head') return asJson(describeObject(bucket, { key, ...file }, contentType));
  const md5 = createHash('md5').update(body).digest('base64');
  const headers = {
    'content-type': contentType,
    'content-length': String(body.length),
    'x-goog-hash': `md5=${md5}`,
  };
  return { status: 200, headers, body };
}

/** Sizes and generations are texts, as in Google's answers. */
function describeObject(
  bucket: string,
  { key, size, lastModified }: FolderObject,
  contentType: string,
): object {
  return {
    kind: 'storage#object',
    id: `${bucket}/${key}/1`,
    name: key,
    bucket,
    generation: '1',
    metageneration: '1',
    contentType,
    size: String(size),
    updated: lastModified.toISOString(),
  };
}

function noSuchObject({ bucket, key }: Target): Refusal {
  return new Refusal(404, 'notFound', `No such object: ${bucket}/${key}`);
}

function asJson(value: object): Answer {
  const headers = { 'content-type': 'application/json; charset=UTF-8' };
  return { status: 200, headers, body: JSON.stringify(value) };
}

/** A download is refused in plain text, everything else in JSON. */
function asAnswer({ status, reason, message, retryAfter }: Refusal, operation?: FaultOperation): Answer {
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) };
  if (operation === 'get' && status === 404) {
    return { status, headers: { ...headers, 'content-type': 'text/html; charset=UTF-8' }, body: message };
  }
  const error = { code: status, message, errors: [{ message, domain: 'global', reason }] };
  const answer = asJson({ error });
  return { ...answer, status, headers: { ...answer.headers, ...headers } };
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { 'x-guploader-uploadid': randomUUID(), ...headers }).end(body);
}

/** Sends the head and half of the body, or half of the head, and hangs up. */
function cutOff({ status, headers, body }: Answer, response: ServerResponse): void {
  const bytes = Buffer.from(body ?? '');
  const { socket } = response;
  if (bytes.length === 0) return void socket?.end(`HTTP/1.1 ${status} OK\r\nX-Goog-`);
  const lengthened = { ...headers, 'content-length': String(bytes.length) };
  response.writeHead(status, lengthened).write(bytes.subarray(0, bytes.length / 2), () => socket?.end());
}
