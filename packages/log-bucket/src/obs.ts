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
import { defaultTimeoutMs, lazily, requestsInTurn } from './calls.ts';
import {
  asFault,
  asRefusal,
  brokenAnswersOf,
  codeOf,
  isRecord,
  redactor,
  type Operation,
  type Redact,
} from './faults.ts';
import { checkObject, listPages, type Page } from './listing.ts';
import { wrongStore, type LogBucketOpener } from './open.ts';

export interface ObsLogBucketOptions {
  readonly bucket: string;
  /** The OBS domain name of the bucket's region. */
  readonly endpoint: URL;
  readonly credentials: Credentials;
  /** How long one request may take, from the first byte sent to the last one received. */
  readonly timeoutMs?: number;
}

const brokenAnswer = brokenAnswersOf('OBS');
/** A connection that was idle for longer may be dead without knowing it: a NAT or a load balancer has forgotten it. */
const maxIdleMs = 30_000;
/** Passing faults that OBS answers with another status than 408, 429 and 5xx (OBS API Reference, error codes). */
const passingCodes = new Set(['RequestTimeout', 'OperationAborted']);
/**
 * A key that is not taken (OBS API Reference, error codes). With which of the general ones a parallel file system refuses
 * `a//b` is not documented; to take one for that wrongly costs a request.
 */
const keyCodes = /^(KeyTooLong|Invalid(URI|Argument|Request))$/;

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
  const { accessKey, secretKey, securityToken } = options.credentials;
  const redact = redactor(accessKey.reveal(), secretKey.reveal(), securityToken?.reveal());
  const agents = {
    http_agent: new HttpAgent({ keepAlive: true }),
    https_agent: new HttpsAgent({ keepAlive: true }),
  };
  const inTurn = requestsInTurn(timeoutMs);
  const load = lazily(() => createClient(options, agents));
  let lastAnswerAt = 0;

  /** One request: its result when OBS says that it is done, a LogBucketError whatever else happens. */
  const ask = async (
    operation: Operation,
    key: string,
    send: (client: ObsClient, onRequest: (request: ClientRequest) => void) => Promise<unknown>,
    timeLimitMs?: number,
  ): Promise<Readonly<Record<string, unknown>>> => {
    let result: unknown;
    let isAnswered = false;
    try {
      const ready = await load();
      // By the clock and not by a timer: none runs in a function that is frozen.
      if (Date.now() - lastAnswerAt > maxIdleMs) dropIdleConnections(agents);
      result = await inTurn(
        (signal) =>
          send(ready, (request) => {
            signal.addEventListener('abort', () => request.destroy());
            request.once('response', () => (isAnswered = true));
          }),
        timeLimitMs,
      );
      lastAnswerAt = Date.now();
    } catch (error) {
      // Where one connection has died, the others have too: the next try gets a new one.
      dropIdleConnections(agents);
      // What the network does has a code, what the SDK says of an answer that it cannot read has none.
      if (isAnswered && codeOf(error) === undefined)
        throw brokenAnswer(operation, key, 'nonsense', error, redact);
      throw asFault(operation, key, error, redact);
    }
    // esdk-obs-nodejs 3.26.8 resolves whatever status OBS answers.
    if (!isResult(result)) throw brokenAnswer(operation, key, 'not a result of the OBS SDK');
    const { Status: status, RequestId: requestId } = result.CommonMsg;
    if (!(status >= 200 && status < 300)) throw asObsRefusal(operation, key, result.CommonMsg, redact);
    // A proxy's page to log in is answered with 200, too, and has none.
    if (!requestId) throw brokenAnswer(operation, key, 'no request id');
    return result.InterfaceResult ?? {};
  };

  return {
    async prepare() {
      try {
        await load();
      } catch (error) {
        throw asFault('prepare', '', error, redact);
      }
    },

    async put(key, body, contentType, timeLimitMs) {
      const bytes = Buffer.from(body);
      const { ETag: etag } = await ask(
        'put',
        key,
        (client, onRequest) =>
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
        timeLimitMs,
      );
      if (!etag) throw brokenAnswer('put', key, 'no ETag');
    },

    async get(key, timeLimitMs) {
      try {
        const { Content: content } = await ask(
          'get',
          key,
          (client, onRequest) => client.getObject({ Bucket: bucket, Key: key, RequestHook: onRequest }),
          timeLimitMs,
        );
        return typeof content === 'string' ? content : ''; // The SDK leaves an empty body out.
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },

    list: (prefix, listOptions) =>
      listPages(
        prefix,
        brokenAnswer,
        async (marker) => {
          const fields = await ask('list', prefix, (client, onRequest) =>
            client.listObjects({
              Bucket: bucket,
              Prefix: prefix,
              Marker: marker,
              ...(listOptions?.pageSize !== undefined && { MaxKeys: listOptions.pageSize }),
              EncodingType: 'url', // XML cannot hold control characters; the SDK decodes the names.
              RequestHook: onRequest,
            }),
          );
          return readPage(prefix, fields);
        },
        listOptions,
        listOptions?.after,
      ),

    async delete(key, timeLimitMs) {
      try {
        await ask(
          'delete',
          key,
          (client, onRequest) => client.deleteObject({ Bucket: bucket, Key: key, RequestHook: onRequest }),
          timeLimitMs,
        );
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}

// --- the client ---

/** The connections of one log bucket. */
interface Agents {
  readonly http_agent: HttpAgent;
  readonly https_agent: HttpsAgent;
}

function dropIdleConnections(agents: Agents): void {
  const pools: readonly HttpAgent[] = [agents.http_agent, agents.https_agent];
  for (const { freeSockets } of pools) {
    for (const sockets of Object.values(freeSockets)) sockets?.forEach((socket) => socket.destroy());
  }
}

async function createClient(
  { bucket, endpoint, credentials }: ObsLogBucketOptions,
  agents: Agents,
): Promise<ObsClient> {
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
    ...agents,
    user_agent: 'oms-sync',
  });
  // The constructor is done a few microtasks after it returned (3.26.8: "Cannot read properties of null").
  await setImmediate();
  return client;
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

function readPage(
  prefix: string,
  { Contents: contents, IsTruncated: isTruncated, NextMarker: nextMarker }: Readonly<Record<string, unknown>>,
): Page {
  if (!Array.isArray(contents)) throw brokenAnswer('list', prefix, 'no contents');
  const objects = contents.map((entry) => readObject(prefix, entry));
  if (isTruncated === 'false') return { objects, next: undefined };
  if (isTruncated !== 'true') throw brokenAnswer('list', prefix, 'no IsTruncated');
  // Rather not NextMarker, which is only there for a page without objects: the SDK decodes it, encoded or not.
  const next =
    objects.at(-1)?.key ?? (typeof nextMarker === 'string' && nextMarker !== '' ? nextMarker : undefined);
  if (next === undefined) throw brokenAnswer('list', prefix, 'more to come, but not where');
  return { objects, next };
}

function readObject(prefix: string, entry: unknown): LogObject {
  const { Key: key, Size: size, LastModified: lastModified } = isRecord(entry) ? entry : {};
  return checkObject(prefix, brokenAnswer, key, size, lastModified);
}

// --- faults ---

function asObsRefusal(
  operation: Operation,
  key: string,
  { Status: status, Code, Message, RequestId }: CommonMsg,
  redact: Redact,
): LogBucketError {
  const [code, message, requestId] = [Code, Message, RequestId].map((field) =>
    typeof field === 'string' ? field : undefined,
  );
  const passing = passingCodes.has(code ?? '');
  const isKeyRefused = keyCodes.test(code ?? '');
  return asRefusal(operation, key, { status, code, message, requestId, passing, isKeyRefused }, redact);
}

function isMissing(error: unknown): boolean {
  return error instanceof LogBucketError && error.status === 404 && error.code === 'NoSuchKey';
}
