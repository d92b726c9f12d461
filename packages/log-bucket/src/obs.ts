// Packages that import this file need the types too, and an ambient module cannot be imported.
// oxlint-disable-next-line typescript/triple-slash-reference
/// <reference path="./esdk-obs-nodejs.d.ts" />
import { Agent as HttpAgent, type ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { isIP } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type ObsClient from 'esdk-obs-nodejs';
import {
  isLoopback,
  LogBucketError,
  SettingsError,
  type Credentials,
  type LogBucket,
  type LogObject,
} from '@oms-sync/core';
import { isSystemError } from './object-folder.ts';
import { wrongStore, type LogBucketOpener } from './open.ts';

export interface ObsLogBucketOptions {
  readonly bucket: string;
  /** The OBS domain name of the bucket's region. */
  readonly endpoint: URL;
  readonly credentials: Credentials;
  /** How long one request may take, from the first byte sent to the last one received. */
  readonly timeoutMs?: number;
}

const defaultTimeoutMs = 10_000;
/** More would only queue up elsewhere, and a function has few file handles (FunctionGraph: 1,024). */
const maxSockets = 64;
/** Passing faults that OBS answers with another status than 408, 429 and 5xx (OBS API Reference, error codes). */
const passingCodes = new Set(['RequestTimeout', 'OperationAborted']);

type Operation = LogBucketError['operation'];

/** {@link openObsLogBucket} for the table of `openLogBucket`. */
export const openObs: LogBucketOpener = ({ logBucket, obsEndpoint, credentials }) => {
  if (logBucket.store !== 'obs') throw wrongStore(logBucket.store, ['obs']);
  if (obsEndpoint === undefined) {
    const expected = `the OBS domain name of the region of log_bucket "${logBucket.bucket}"`;
    throw new SettingsError([{ setting: 'obs_endpoint', expected, found: 'nothing' }]);
  }
  return openObsLogBucket({ bucket: logBucket.bucket, endpoint: obsEndpoint, credentials });
};

/**
 * The lists in Huawei Cloud OBS, over esdk-obs-nodejs. Nothing is tried twice here: the caller does that, by
 * {@link LogBucketError.passing}.
 */
export function openObsLogBucket(options: ObsLogBucketOptions): LogBucket {
  const { bucket, timeoutMs = defaultTimeoutMs } = options;
  const redact = redactor(options.credentials);
  let client: Promise<ObsClient> | undefined;
  const load = () =>
    (client ??= createClient(options).catch((error: unknown) => {
      client = undefined; // The next call tries again.
      throw error;
    }));

  /** One request: its result when OBS says that it is done, a LogBucketError whatever else happens. */
  const ask = async (
    operation: Operation,
    key: string,
    send: (client: ObsClient, onRequest: (request: ClientRequest) => void) => Promise<unknown>,
  ): Promise<Readonly<Record<string, unknown>>> => {
    let result: unknown;
    let isAnswered = false;
    try {
      const ready = await load();
      result = await withDeadline(timeoutMs, (onRequest) =>
        send(ready, (request) => {
          onRequest(request);
          request.once('response', () => (isAnswered = true));
        }),
      );
    } catch (error) {
      // What the network does has a code, what the SDK says of an answer that it cannot read has none.
      if (isAnswered && codeOf(error) === undefined) throw brokenAnswer(operation, key, 'nonsense', error);
      throw asFault(operation, key, error, redact);
    }
    // esdk-obs-nodejs 3.26.8 resolves whatever status OBS answers.
    if (!isResult(result)) throw brokenAnswer(operation, key, 'not a result of the OBS SDK');
    if (result.CommonMsg.Status >= 200 && result.CommonMsg.Status < 300) return result.InterfaceResult ?? {};
    throw asRefusal(operation, key, result.CommonMsg, redact);
  };

  return {
    async prepare() {
      try {
        await load();
      } catch (error) {
        throw asFault('prepare', '', error, redact);
      }
    },

    async put(key, body, contentType) {
      const bytes = Buffer.from(body);
      await ask('put', key, (client, onRequest) =>
        client.putObject({
          Bucket: bucket,
          Key: key,
          ContentType: contentType,
          ContentLength: bytes.length,
          // `Body` would replace the content type by application/json (3.26.8, lib/utils.js makeParam, location
          // "body"), and the signature covers it. So the SDK sends a request without a body, and this writes it.
          RequestHook: (request) => {
            onRequest(request);
            if (bytes.length > 0) request.write(bytes);
          },
        }),
      );
    },

    async get(key) {
      try {
        const { Content: content } = await ask('get', key, (client, onRequest) =>
          client.getObject({ Bucket: bucket, Key: key, RequestHook: onRequest }),
        );
        return typeof content === 'string' ? content : ''; // The SDK leaves an empty body out.
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },

    async *list(prefix) {
      let marker = '';
      do {
        const result = await ask('list', prefix, (client, onRequest) =>
          client.listObjects({
            Bucket: bucket,
            Prefix: prefix,
            Marker: marker,
            EncodingType: 'url', // XML cannot hold control characters; the SDK decodes the names.
            RequestHook: onRequest,
          }),
        );
        const page = readPage(prefix, result);
        yield* page.objects;
        if (page.next === marker) throw brokenAnswer('list', prefix, 'the same page again');
        marker = page.next ?? '';
      } while (marker !== '');
    },

    async delete(key) {
      try {
        await ask('delete', key, (client, onRequest) =>
          client.deleteObject({ Bucket: bucket, Key: key, RequestHook: onRequest }),
        );
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}

// --- the client ---

async function createClient({ bucket, endpoint, credentials }: ObsLogBucketOptions): Promise<ObsClient> {
  if (isIP(endpoint.hostname.replace(/^\[|\]$/g, '')) === 6) {
    throw new RangeError('the OBS SDK cannot reach an IPv6 address');
  }
  const { accessKey, secretKey, securityToken } = credentials;
  for (const secret of [accessKey, secretKey, ...(securityToken ? [securityToken] : [])]) {
    // The SDK would never answer, and an unhandled rejection would end the process: its makeRequest is async, and
    // node:http throws in it at such a header (3.26.8, lib/utils.js).
    if (!/^[\x21-\x7e]+$/.test(secret.reveal())) throw new RangeError('a key is not printable ASCII');
  }
  const { default: Client } = await import('esdk-obs-nodejs');
  const agent = { keepAlive: true, maxSockets };
  const client = new Client({
    access_key_id: accessKey.reveal(),
    secret_access_key: secretKey.reveal(),
    ...(securityToken === undefined ? {} : { security_token: securityToken.reveal() }),
    server: endpoint.hostname,
    ...(endpoint.port === '' ? {} : { port: endpoint.port }),
    is_secure: endpoint.protocol === 'https:',
    // A bucket cannot stand in front of an address, and no certificate covers one with a dot in its name.
    path_style: isLoopback(endpoint) || isIP(endpoint.hostname) !== 0 || bucket.includes('.'),
    // The default is not to look at certificates (3.26.8, lib/utils.js, sslVerify = false).
    ssl_verify: true,
    // Every region knows the OBS signature. Asking costs a request, has no time limit of ours, and more than ten
    // calls at once make Node.js warn of too many listeners (3.26.8, lib/utils.js doNegotiation).
    is_signature_negotiation: false,
    max_retry_count: 0, // Also: no redirects, which would take the signed request to whatever host they name.
    timeout: 0, // It counts whole seconds without a byte, and leaves the socket open. See withDeadline.
    http_agent: new HttpAgent(agent),
    https_agent: new HttpsAgent(agent),
    user_agent: 'oms-sync',
  });
  // The constructor is done a few microtasks after it returned (3.26.8: "Cannot read properties of null").
  await setImmediate();
  return client;
}

/** Runs one request, and takes it down with its socket when its time is up. */
function withDeadline<Result>(
  timeoutMs: number,
  send: (onRequest: (request: ClientRequest) => void) => Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    let request: ClientRequest | undefined;
    const timer = setTimeout(() => {
      const fault = Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
      reject(fault);
      request?.destroy(fault);
    }, timeoutMs);
    send((sent) => {
      request = sent;
    })
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}

// --- answers ---

interface CommonMsg {
  readonly Status: number;
  readonly Code?: unknown;
  readonly Message?: unknown;
  readonly RequestId?: unknown;
}

interface Result {
  readonly CommonMsg: CommonMsg;
  readonly InterfaceResult?: Readonly<Record<string, unknown>> | null;
}

function isResult(value: unknown): value is Result {
  return isRecord(value) && isRecord(value.CommonMsg) && typeof value.CommonMsg.Status === 'number';
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** One page of a listing; `next` is where the next one begins, if there is one. */
function readPage(
  prefix: string,
  { Contents: contents, IsTruncated: isTruncated, NextMarker: nextMarker }: Readonly<Record<string, unknown>>,
): { readonly objects: readonly LogObject[]; readonly next: string | undefined } {
  if (!Array.isArray(contents)) throw brokenAnswer('list', prefix, 'no contents');
  const objects = contents.map((entry) => readObject(prefix, entry));
  if (isTruncated === 'false') return { objects, next: undefined };
  if (isTruncated !== 'true') throw brokenAnswer('list', prefix, 'no IsTruncated');
  const next =
    typeof nextMarker === 'string' && nextMarker !== '' ? nextMarker : objects[objects.length - 1]?.key;
  if (next === undefined) throw brokenAnswer('list', prefix, 'more to come, but not where');
  return { objects, next };
}

function readObject(prefix: string, entry: unknown): LogObject {
  if (!isRecord(entry)) throw brokenAnswer('list', prefix, 'an entry without fields');
  const { Key: key, Size: size, LastModified: time } = entry;
  const lastModified = new Date(typeof time === 'string' ? time : Number.NaN);
  if (
    typeof key !== 'string' ||
    key === '' ||
    typeof size !== 'string' ||
    !/^\d+$/.test(size) ||
    Number.isNaN(lastModified.getTime())
  ) {
    throw brokenAnswer('list', prefix, 'an entry without key, size or time');
  }
  return { key, size: Number(size), lastModified };
}

// --- faults ---

/** Hides the keys, should a text hold one. */
function redactor({ accessKey, secretKey, securityToken }: Credentials): (text: string) => string {
  return (text) =>
    [accessKey, secretKey, securityToken]
      .flatMap((secret) => (secret === undefined ? [] : [secret.reveal()]))
      .reduce((hidden, secret) => hidden.replaceAll(secret, '[secret]'), text);
}

function asRefusal(
  operation: Operation,
  key: string,
  { Status: status, Code, Message, RequestId }: CommonMsg,
  redact: (text: string) => string,
): LogBucketError {
  // A proxy between here and OBS answers without a code.
  const code = typeof Code === 'string' && Code !== '' ? Code : `HTTP${status}`;
  const message = typeof Message === 'string' && Message !== '' ? `: ${Message}` : '';
  const request = typeof RequestId === 'string' && RequestId !== '' ? ` (request ${RequestId})` : '';
  return new LogBucketError({
    operation,
    key,
    status,
    code: redact(code),
    passing: status === 408 || status === 429 || status >= 500 || passingCodes.has(code),
    message: redact(`HTTP ${status} ${code}${message}${request}`),
  });
}

function asFault(
  operation: Operation,
  key: string,
  error: unknown,
  redact: (text: string) => string,
): LogBucketError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const code = codeOf(error) ?? name;
  return new LogBucketError({
    operation,
    key,
    code,
    passing: isNetworkCode(code),
    // A connection that failed on each of several addresses has no message.
    message: redact(message === '' ? code : message),
    cause: error,
  });
}

function codeOf(error: unknown): string | undefined {
  return isSystemError(error) ? error.code : undefined;
}

/**
 * Codes of the operating system and the resolver (`ECONNRESET`, `EAI_AGAIN`) and of half an answer (`HPE_…`); not
 * `ERR_…`, which are mistakes in a call, nor those of a certificate that is not trusted.
 */
function isNetworkCode(code: string): boolean {
  return /^(E(?!RR)[A-Z0-9_]+|HPE_[A-Z_]+)$/.test(code);
}

function brokenAnswer(operation: Operation, key: string, what: string, cause?: unknown): LogBucketError {
  return new LogBucketError({
    operation,
    key,
    status: 200,
    code: 'BrokenAnswer',
    passing: true,
    message: `OBS answered ${what}`,
    cause,
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof LogBucketError && error.status === 404 && error.code === 'NoSuchKey';
}
