import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { ClientRequest, type IncomingMessage } from 'node:http';
import type { Storage } from '@google-cloud/storage';
import type { LogBucket, LogBucketError, LogObject } from '@oms-sync/core';
import {
  credentialsTimeoutMs,
  defaultTimeoutMs,
  lazily,
  maxSockets,
  refusePlainHttp,
  requestsInTurn,
} from './calls.ts';
import {
  asFault,
  asRefusal,
  brokenAnswersOf,
  codeOf,
  isRecord,
  redactor,
  type Operation,
  type Refusal,
} from './faults.ts';
import { checkObject, listPages, type Page } from './listing.ts';
import { gcsNames, namesAsTheyAre } from './names.ts';
import { wrongStore, type LogBucketOpener } from './open.ts';

export interface GcsLogBucketOptions {
  readonly bucket: string;
  /**
   * When left out, the SDK's own setting (STORAGE_EMULATOR_HOST), or else Google Cloud. One of this machine by http
   * is asked without credentials.
   */
  readonly endpoint?: URL;
  /** A bucket that others fill: nothing in it stands for another name. */
  readonly isForeign?: boolean;
  /** How long one request may take, from the first byte sent to the last one received. */
  readonly timeoutMs?: number;
}

const brokenAnswer = brokenAnswersOf('Google Cloud Storage');
/** A name that is not taken, a key that its look-alikes made too long (JSON API, status and error codes, 400). */
const nameCodes = new Set(['invalid', 'invalidParameter', 'badRequest']);

/** {@link openGcsLogBucket} for the table of `openLogBucket`. */
export const openGcs: LogBucketOpener = ({ logBucket }) => {
  if (logBucket.store !== 'gs') throw wrongStore(logBucket.store, ['gs']);
  return openGcsLogBucket({ bucket: logBucket.bucket });
};

/**
 * The lists in Google Cloud Storage, over @google-cloud/storage. The credentials are Application Default Credentials:
 * in a function, its service account. Nothing is tried twice here: the caller does that, by
 * `passing` in its fault.
 *
 * Of the SDK (7.22.0) this takes the way to the credentials and the sending of a request, `Storage.request`: its `File`
 * and `Bucket` put names into queries where they replace `{{projectId}}` in them, and have no way to stop a request.
 *
 * A key that Google cannot hold lies under a name that stands for it, see names.ts, and is listed where that name is. So
 * a listing `after` a key begins there only in a foreign bucket; else it leaves out what was listed.
 *
 * @throws {RangeError} when the endpoint is plain http and not on this machine.
 */
export function openGcsLogBucket(options: GcsLogBucketOptions): LogBucket {
  const { bucket, endpoint, isForeign = false, timeoutMs = defaultTimeoutMs } = options;
  const { keyOf, nameOf, namePrefixOf } = isForeign ? namesAsTheyAre : gcsNames;
  if (endpoint !== undefined) refusePlainHttp(endpoint);
  const inTurn = requestsInTurn(timeoutMs);
  const load = lazily(() => createClient(options));
  /** Each of its requests has a time limit of its own: the SDK tries again, and shares the outcome between calls. */
  const askForToken = async (storage: Storage): Promise<string | undefined> =>
    watchRequests(
      () => AbortSignal.timeout(credentialsTimeoutMs(timeoutMs)),
      () => undefined,
      async () => (await storage.authClient.getAccessToken()) ?? undefined,
    );
  const objects = `storage/v1/b/${encodeURIComponent(bucket)}/o`;

  /** One request: its result, undefined when there is no such object, or a LogBucketError whatever else happens. */
  const ask = async <Result>(
    operation: Operation,
    key: string,
    send: (storage: Storage, address: (path: string) => string) => Promise<Result>,
    timeLimitMs?: number,
  ): Promise<Result | undefined> => {
    let redact = redactor();
    let hasCredentials = false;
    let isAnswered = false;
    try {
      const { storage, usesCredentials } = await load();
      return await inTurn(
        (signal) =>
          watchRequests(
            () => signal,
            () => (isAnswered = hasCredentials),
            async () => {
              // The SDK would go on without, when it finds none. It asks for them again, and gets the same: they are
              // kept until shortly before they expire.
              if (usesCredentials) redact = redactor(await askForToken(storage));
              hasCredentials = true;
              return send(storage, (path) => `${storage.apiEndpoint}/${path}`);
            },
          ),
        timeLimitMs,
      );
    } catch (error) {
      const answer = hasCredentials ? readAnswer(error) : undefined;
      if (answer !== undefined && isMissing(operation, answer)) return undefined;
      if (answer !== undefined) throw asRefusal(operation, key, answer, redact);
      // What the network does has a code, what the SDK says of an answer that it cannot read has none.
      if (isAnswered && codeOf(error) === undefined) {
        throw brokenAnswer(operation, key, 'nonsense', error, redact);
      }
      if (!hasCredentials) throw asCredentialsFault(operation, key, error);
      throw asFault(operation, key, error, redact);
    }
  };

  return {
    async prepare() {
      try {
        await load();
      } catch (error) {
        throw asFault('prepare', '', error, redactor());
      }
    },

    async put(key, body, contentType, timeLimitMs) {
      const stored = await ask(
        'put',
        key,
        (storage, address) =>
          request(storage, {
            method: 'POST',
            uri: address(`upload/${objects}?uploadType=media&name=${encodeURIComponent(nameOf(key))}`),
            headers: { 'Content-Type': contentType },
            body: Buffer.from(body),
          }),
        timeLimitMs,
      );
      if (!isRecord(stored?.body) || stored.body.name !== nameOf(key)) {
        throw brokenAnswer('put', key, 'with another object');
      }
    },

    async get(key, timeLimitMs) {
      const found = await ask(
        'get',
        key,
        (storage, address) =>
          download(storage, address(`${objects}/${encodeURIComponent(nameOf(key))}?alt=media`)),
        timeLimitMs,
      );
      if (found !== undefined && !hasOwnHeader(found)) {
        throw brokenAnswer('get', key, 'without a header of its own');
      }
      return found?.body.toString('utf8');
    },

    list: (prefix, listOptions) =>
      listPages(
        prefix,
        brokenAnswer,
        async (token) => {
          const query = new Map([
            ['prefix', namePrefixOf(prefix)],
            ['startOffset', (isForeign && listOptions?.after) || ''],
            ['pageToken', token],
            ['maxResults', listOptions?.pageSize?.toString() ?? ''],
            ['fields', 'kind,items(name,size,updated),nextPageToken'],
          ]);
          const fields = [...query]
            .filter(([, value]) => value !== '')
            .map(([field, value]) => `${field}=${encodeURIComponent(value)}`);
          const answer = await ask('list', prefix, (storage, address) =>
            request(storage, { method: 'GET', uri: address(`${objects}?${fields.join('&')}`) }),
          );
          return readPage(prefix, answer?.body, keyOf);
        },
        listOptions,
      ),

    async delete(key, timeLimitMs) {
      const done = await ask(
        'delete',
        key,
        (storage, address) =>
          request(storage, {
            method: 'DELETE',
            uri: address(`${objects}/${encodeURIComponent(nameOf(key))}`),
          }),
        timeLimitMs,
      );
      if (done !== undefined && !hasOwnHeader(done)) {
        throw brokenAnswer('delete', key, 'without a header of its own');
      }
    },
  };
}

// --- the client ---

async function createClient({
  endpoint,
}: GcsLogBucketOptions): Promise<{ readonly storage: Storage; readonly usesCredentials: boolean }> {
  const { Storage } = await import('@google-cloud/storage');
  subscribeOnce();
  // The SDK sends credentials to an endpoint that is not Google's own only when told to.
  const useAuthWithCustomEndpoint = !(
    endpoint?.href ??
    process.env['STORAGE_EMULATOR_HOST'] ??
    ''
  ).startsWith('http:');
  const storage = new Storage({
    ...(endpoint === undefined ? {} : { apiEndpoint: endpoint.href }),
    useAuthWithCustomEndpoint,
    retryOptions: { autoRetry: false, maxRetries: 0 },
    userAgent: 'oms-sync',
  });
  refusePlainHttp(new URL(storage.apiEndpoint));
  return { storage, usesCredentials: useAuthWithCustomEndpoint };
}

interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** Whole: what `Storage.request` puts in front is another with STORAGE_EMULATOR_HOST. */
  readonly uri: string;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer;
}

/** Sends a request that is answered with JSON, or nothing. */
function request(storage: Storage, call: Call): Promise<Answer<unknown>> {
  return new Promise((resolve, reject) => {
    storage.request({ ...call, pool: { maxSockets } }, (error, body: unknown, response: unknown) => {
      const headers = isRecord(response) ? response.headers : undefined;
      if (error === null) resolve({ headers, body });
      else reject(error);
    });
  });
}

/** Sends a request that is answered with an object. `request` would parse it when it looks like JSON. */
async function download(storage: Storage, uri: string): Promise<Answer<Buffer>> {
  const stream = storage.requestStream({ uri, pool: { maxSockets } });
  let response: unknown;
  const chunks: Uint8Array[] = [];
  // Not `for await`: it would wait for the writing side of this stream as well, which nothing ends.
  await new Promise((resolve, reject) => {
    stream
      .on('response', (answered: unknown) => (response = answered))
      .on('data', (chunk: Uint8Array) => chunks.push(chunk))
      .on('error', reject)
      .on('end', resolve);
  });
  const body = Buffer.concat(chunks);
  const { statusCode, headers } = isRecord(response) ? response : {};
  if (statusCode === 200) return { headers, body };
  throw Object.assign(new Error('refused'), {
    response: { statusCode, headers, body: body.toString('utf8') },
  });
}

// --- requests on the wire ---

interface Watcher {
  /** What stops a request that begins now. */
  readonly getSignal: () => AbortSignal;
  readonly onResponse: () => void;
  readonly fail: (error: Error) => void;
}

const watchers = new AsyncLocalStorage<Watcher>();
let isSubscribed = false;

/**
 * Lets the deadline of a call, and what happens to its connection, reach through the SDK: it has no way to stop a
 * request (teeny-request 9 takes no AbortSignal), waits for an answer that was cut off, and follows redirects.
 */
function watchRequests<Result>(
  getSignal: Watcher['getSignal'],
  onResponse: () => void,
  run: () => Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    watchers.run({ getSignal, onResponse, fail: reject }, () => void run().then(resolve, reject));
  });
}

function subscribeOnce(): void {
  if (isSubscribed) return;
  isSubscribed = true;
  subscribe('http.client.request.start', (message) => {
    const watcher = watchers.getStore();
    if (watcher === undefined || !isRecord(message) || !(message.request instanceof ClientRequest)) return;
    const { request } = message;
    const signal = watcher.getSignal();
    // A call that waited for credentials goes on when they come, although it is over.
    if (signal.aborted) return void request.destroy();
    signal.addEventListener('abort', () => request.destroy());
    request.prependOnceListener('response', (response: IncomingMessage) => {
      watcher.onResponse();
      response.once('error', watcher.fail);
      // In front of node-fetch (2.7.0), whose own look at the end of a chunked answer takes the next request on the
      // same connection for a sign that the answer was cut off (node-fetch issue 1767) ...
      delete response.headers['transfer-encoding'];
      // ... and which would follow a redirect.
      delete response.headers.location;
    });
  });
}

// --- answers ---

interface Answer<Body> {
  readonly headers: unknown;
  readonly body: Body;
}

/** Is the answer Google's, and not the page of a proxy that wants one to log in? */
function hasOwnHeader({ headers }: Answer<unknown>): boolean {
  return isRecord(headers) && Object.keys(headers).some((name) => /^(etag$|x-goog-|x-guploader-)/.test(name));
}

function readPage(prefix: string, page: unknown, keyOf: (name: string) => string): Page {
  // A listing without objects is nothing but its kind.
  const { kind, items = [], nextPageToken: next, error } = isRecord(page) ? page : {};
  if (
    kind !== 'storage#objects' ||
    !Array.isArray(items) ||
    (next !== undefined && typeof next !== 'string')
  ) {
    throw brokenAnswer('list', prefix, 'no listing', error);
  }
  return { objects: items.map((item: unknown) => readObject(prefix, item, keyOf)), next };
}

function readObject(prefix: string, item: unknown, keyOf: (name: string) => string): LogObject {
  const { name, size, updated } = isRecord(item) ? item : {};
  const object = checkObject(prefix, brokenAnswer, name, size, updated);
  return { ...object, key: keyOf(object.key) };
}

// --- faults ---

/** What Google answered, when it did: the SDK puts its answer into the error. */
function readAnswer(error: unknown): Refusal | undefined {
  const response = isRecord(error) && isRecord(error.response) ? error.response : {};
  const { statusCode: status, headers, body } = response;
  if (typeof status !== 'number' || (status >= 200 && status < 300)) return undefined;
  const requestId = isRecord(headers) ? textOf(headers['x-guploader-uploadid']) : undefined;
  const fault = readErrorBody(body);
  return { status, requestId, ...fault, isKeyRefused: status === 400 && nameCodes.has(fault.code ?? '') };
}

/** https://docs.cloud.google.com/storage/docs/json_api/v1/status-codes; a download is answered with the message only. */
function readErrorBody(body: unknown): Pick<Refusal, 'code' | 'message'> {
  if (typeof body === 'string') {
    if (/^(No such object: |The specified bucket does not exist)/.test(body)) {
      return { code: 'notFound', message: body };
    }
    const parsed = parseJson(body);
    return isRecord(parsed) ? readErrorBody(parsed) : {}; // A proxy answers what is no JSON.
  }
  if (!isRecord(body) || !isRecord(body.error)) return {};
  const { errors, message } = body.error;
  const [first] = Array.isArray(errors) ? (errors as readonly unknown[]) : [];
  return { code: isRecord(first) ? textOf(first.reason) : undefined, message: textOf(message) };
}

/**
 * A missing bucket has the same status and the same reason. The texts are no part of the API, so this relies on the
 * one for buckets only (a `delete` in a missing bucket was seen with that for objects: nodejs-storage issue 1183).
 */
function isMissing(operation: Operation, { status, code, message = '' }: Refusal): boolean {
  return (
    (operation === 'get' || operation === 'delete') &&
    status === 404 &&
    code === 'notFound' &&
    !message.startsWith('The specified bucket does not exist')
  );
}

/** What hands out credentials may be back soon; nothing tells that from what never was, unless it answers. */
function asCredentialsFault(operation: Operation, key: string, error: unknown): LogBucketError {
  if (error instanceof SyntaxError) {
    // Its message shows how the file begins.
    const fault = Object.assign(new Error('the file with the credentials is no JSON'), { name: error.name });
    return asFault(operation, key, fault, redactor());
  }
  const status = isRecord(error) ? error.status : undefined;
  const passing = typeof status !== 'number' || status === 408 || status === 429 || status >= 500;
  return asFault(operation, key, error, redactor(), passing);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // The caller says what that means.
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
