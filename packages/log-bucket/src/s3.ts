import type * as AwsSdk from '@aws-sdk/client-s3';
import type { ListObjectsCommandOutput, S3Client, S3ClientConfig } from '@aws-sdk/client-s3';
import { LogBucketError, type Credentials, type LogBucket } from '@oms-sync/core';
import {
  credentialsTimeoutMs,
  defaultTimeoutMs,
  lazily,
  maxSockets,
  refusePlainHttp,
  requestsInTurn,
  withDeadline,
} from './calls.ts';
import { asFault, asRefusal, brokenAnswersOf, isRecord, redactor, type Operation } from './faults.ts';
import { checkObject, listPages, type Page } from './listing.ts';
import { wrongStore, type LogBucketOpener } from './open.ts';

export interface S3LogBucketOptions {
  readonly bucket: string;
  /** The bucket's region. When left out, the function's own (AWS_REGION); another one is found out by asking. */
  readonly region?: string;
  /** Of an S3-compatible store. When left out, the SDK's own settings (AWS_ENDPOINT_URL_S3, …), or else AWS. */
  readonly endpoint?: URL;
  /** When left out, those of the SDK's default chain. */
  readonly credentials?: Credentials;
  /** How long one request may take, from the first byte sent to the last one received. */
  readonly timeoutMs?: number;
}

const brokenAnswer = brokenAnswersOf('S3');
/** Passing faults that S3 answers with another status than 408, 429 and 5xx (S3 API Reference, error responses). */
const passingCodes = new Set(['RequestTimeout', 'OperationAborted']);
/** A key that is not taken: by S3 (error responses), Ceph's radosgw, and MinIO, which minds `a//b`. */
const keyCodes = new Set(['KeyTooLongError', 'InvalidURI', 'InvalidObjectName', 'XMinioInvalidObjectName']);

type Sdk = typeof AwsSdk;

/** {@link openS3LogBucket} for the table of `openLogBucket`. */
export const openS3: LogBucketOpener = ({ logBucket }) => {
  if (logBucket.store !== 's3') throw wrongStore(logBucket.store, ['s3']);
  return openS3LogBucket({ bucket: logBucket.bucket });
};

/**
 * The lists in Amazon S3, or a store that speaks its protocol, over @aws-sdk/client-s3. The credentials are those of
 * the SDK's default chain: in Lambda, the execution role. Nothing is tried twice here: the caller does that, by
 * {@link LogBucketError.passing}.
 *
 * `get` needs `s3:ListBucket` besides `s3:GetObject`: without it, S3 answers 403 for an object that is not there.
 *
 * @throws {RangeError} when the endpoint is plain http and not on this machine.
 */
export function openS3LogBucket(options: S3LogBucketOptions): LogBucket {
  const { bucket, endpoint, timeoutMs = defaultTimeoutMs } = options;
  if (endpoint !== undefined) refusePlainHttp(endpoint);
  const inTurn = requestsInTurn(timeoutMs);
  const load = lazily(() => createClient(options));

  /** One request: its result, or a LogBucketError whatever else happens. */
  const ask = async <Result>(
    operation: Operation,
    key: string,
    send: (client: S3Client, sdk: Sdk, options: { abortSignal: AbortSignal }) => Promise<Result>,
    timeLimitMs?: number,
  ): Promise<Result> => {
    let redact = redactor();
    let hasCredentials = false;
    try {
      const { client, sdk } = await load();
      return await inTurn(async (abortSignal) => {
        // The SDK asks for them, too, and gets the same: they are kept until shortly before they expire.
        const { accessKeyId, secretAccessKey, sessionToken } = await client.config.credentials();
        redact = redactor(accessKeyId, secretAccessKey, sessionToken);
        hasCredentials = true;
        return send(client, sdk, { abortSignal });
      }, timeLimitMs);
    } catch (error) {
      const answer = readAnswer(error);
      if (answer === undefined) {
        // The service that hands out credentials may be back soon; nothing tells that from one that never was.
        const isCredentialsFault = !hasCredentials && isCredentialsError(error);
        throw asFault(operation, key, error, redact, isCredentialsFault);
      }
      if (answer.status >= 200 && answer.status < 300)
        throw brokenAnswer(operation, key, 'nonsense', error, redact);
      throw asRefusal(operation, key, answer, redact);
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
      const answer = await ask(
        'put',
        key,
        (client, { PutObjectCommand }, options) => {
          const Body = Buffer.from(body);
          return client.send(
            new PutObjectCommand({ Bucket: bucket, Key: key, Body, ContentType: contentType }),
            options,
          );
        },
        timeLimitMs,
      );
      if (answer.$metadata.httpStatusCode !== 200 || !answer.ETag) {
        throw brokenAnswer('put', key, 'without an ETag');
      }
    },

    async get(key, timeLimitMs) {
      try {
        const { answer, body } = await ask(
          'get',
          key,
          async (client, { GetObjectCommand }, options) => {
            const answer = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }), options);
            return { answer, body: (await answer.Body?.transformToString()) ?? '' };
          },
          timeLimitMs,
        );
        const { httpStatusCode: status, requestId } = answer.$metadata;
        if (status !== 200 || !(answer.ETag || requestId)) {
          throw brokenAnswer('get', key, 'without an ETag or the number of the request');
        }
        return body;
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },

    // Version 1 of the listing: its marker is a key. The token of version 2 is up to the store, and Ceph's radosgw
    // (16.2.15) makes it a key that may hold what XML cannot.
    list: (prefix, listOptions) =>
      listPages(
        prefix,
        brokenAnswer,
        async (marker) => {
          const answer = await ask('list', prefix, (client, { ListObjectsCommand }, options) =>
            client.send(
              new ListObjectsCommand({
                Bucket: bucket,
                Prefix: prefix,
                Marker: marker,
                MaxKeys: listOptions?.pageSize,
                EncodingType: 'url', // XML cannot hold control characters.
              }),
              options,
            ),
          );
          return readPage(prefix, answer);
        },
        listOptions,
        listOptions?.after,
      ),

    async delete(key, timeLimitMs) {
      try {
        const { $metadata: answer } = await ask(
          'delete',
          key,
          (client, { DeleteObjectCommand }, options) =>
            client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), options),
          timeLimitMs,
        );
        // Not every compatible store gives the request a number, but then it has the status that S3 has.
        if (answer.httpStatusCode !== 204 && !answer.requestId) {
          throw brokenAnswer('delete', key, 'without the number of the request');
        }
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}

// --- the client ---

async function createClient({
  bucket,
  region,
  endpoint,
  credentials,
  timeoutMs = defaultTimeoutMs,
}: S3LogBucketOptions): Promise<{ readonly client: S3Client; readonly sdk: Sdk }> {
  const sdk = await import('@aws-sdk/client-s3');
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node');
  // Without a time limit of its own: past that, its provider for containers does nothing but write to the console.
  const makeChain = () => defaultProvider({ logger: silent, timeout: 0, maxRetries: 0 });
  const agent = { keepAlive: true, maxSockets };
  const client = new sdk.S3Client({
    ...(region === undefined ? {} : { region }),
    credentials:
      credentials === undefined
        ? credentialsFrom(makeChain, credentialsTimeoutMs(timeoutMs))
        : revealKeys(credentials),
    // A bucket cannot stand in front of an address, and few stores of one's own have a name for each bucket. Of AWS the
    // SDK knows it all, also that no certificate covers a bucket with a dot in its name.
    ...(endpoint === undefined
      ? {}
      : { endpoint: endpoint.href, forcePathStyle: !hasBucketNames.test(endpoint.hostname) }),
    followRegionRedirects: true,
    maxAttempts: 1,
    // The signature covers the body anyway, and not every compatible store knows the newer checksums.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    customUserAgent: 'oms-sync',
    logger: silent, // It would write to the console, whose lines are the app's.
    requestHandler: { httpAgent: agent, httpsAgent: agent, logger: silent },
  });
  client.middlewareStack.add(
    (next) => (call) => {
      // The environment can name an endpoint as well, so this looks at what is about to be sent.
      if (isPlainHttp(call.request)) refusePlainHttp(new URL(`http://${call.request.hostname}`));
      return next(call);
    },
    { step: 'build', name: 'refusePlainHttp' },
  );
  if (bucket.startsWith('arn:')) throw new RangeError('the bucket must be a name, not an ARN');
  return { client, sdk };
}

/** Stores of which the documentation says that a bucket stands in front of the domain name, and nowhere else. */
const hasBucketNames = /\.(aliyuncs|myqcloud)\.com$/;

function revealKeys({ accessKey, secretKey, securityToken }: Credentials) {
  return {
    accessKeyId: accessKey.reveal(),
    secretAccessKey: secretKey.reveal(),
    ...(securityToken && { sessionToken: securityToken.reveal() }),
  };
}

type CredentialsProvider = Extract<
  NonNullable<S3ClientConfig['credentials']>,
  (...properties: never[]) => unknown
>;

/** A chain (3.972.97) hands out the promise that it has for as long as that is pending, so one that failed goes. */
function credentialsFrom(makeChain: () => CredentialsProvider, timeoutMs: number): CredentialsProvider {
  let chain = makeChain();
  return async (properties) => {
    try {
      return await withDeadline(timeoutMs, () => chain(properties));
    } catch (error) {
      chain = makeChain();
      throw error;
    }
  };
}

const silent = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

function isPlainHttp(request: unknown): request is { readonly hostname: string } {
  return isRecord(request) && request.protocol === 'http:' && typeof request.hostname === 'string';
}

// --- answers ---

function readPage(
  prefix: string,
  { Contents: contents = [], EncodingType: encoding, IsTruncated: isTruncated }: ListObjectsCommandOutput,
): Page {
  const decode = (name: string) => (encoding === 'url' ? decodeName(prefix, name) : name);
  const objects = contents.map(({ Key: name, Size: size, LastModified: lastModified }) => {
    const object = checkObject(prefix, brokenAnswer, name, size, lastModified);
    return { ...object, key: decode(object.key) };
  });
  if (isTruncated === false) return { objects, next: undefined };
  if (isTruncated === undefined) throw brokenAnswer('list', prefix, 'no IsTruncated');
  // Not NextMarker: AWS does not send it when no delimiter was asked for, and others send it encoded or not.
  const next = objects.at(-1)?.key;
  if (next === undefined) throw brokenAnswer('list', prefix, 'more to come, but not where');
  return { objects, next };
}

/** The SDK (3.1169.0) leaves the names as they came: form-encoded, a space is a plus sign. */
function decodeName(prefix: string, name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '));
  } catch (error) {
    throw brokenAnswer('list', prefix, 'a name that is not encoded', error);
  }
}

// --- faults ---

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string | undefined;
  readonly requestId: string | undefined;
  readonly passing: boolean;
  readonly isKeyRefused: boolean;
}

/** What S3 answered, when it did: the SDK puts that into `$metadata`. */
function readAnswer(error: unknown): Answer | undefined {
  if (!(error instanceof Error) || !('$metadata' in error) || !isRecord(error.$metadata)) return undefined;
  const { httpStatusCode: status, requestId } = error.$metadata;
  if (typeof status !== 'number') return undefined;
  // A proxy answers what is no XML: the SDK makes up a name for that, or none.
  const code = /^(Unknown|UnknownError|Error|SyntaxError)$/.test(error.name) ? undefined : error.name;
  return {
    status,
    code,
    message: code === undefined ? undefined : error.message,
    requestId: typeof requestId === 'string' ? requestId : undefined,
    passing: passingCodes.has(code ?? ''),
    isKeyRefused: keyCodes.has(code ?? ''),
  };
}

function isCredentialsError(error: unknown): boolean {
  return error instanceof Error && /^(CredentialsProviderError|ProviderError|TimeoutError)$/.test(error.name);
}

function isMissing(error: unknown): boolean {
  return error instanceof LogBucketError && error.status === 404 && error.code === 'NoSuchKey';
}
