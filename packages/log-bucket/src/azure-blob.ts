import { isIP } from 'node:net';
import type { TokenCredential } from '@azure/identity';
import type { BlobServiceClient, ContainerClient, StoragePipelineOptions } from '@azure/storage-blob';
import { isLoopback, LogBucketError, type LogBucket, type LogObject } from '@oms-sync/core';
import {
  credentialsTimeoutMs,
  defaultTimeoutMs,
  lazily,
  refusePlainHttp,
  requestsInTurn,
  withDeadline,
} from './calls.ts';
import { asFault, asRefusal, brokenAnswersOf, codeOf, isRecord, redactor, type Operation } from './faults.ts';
import { checkObject, listPages, type Page } from './listing.ts';
import { azureNames, namesAsTheyAre } from './names.ts';
import { wrongStore, type LogBucketOpener } from './open.ts';

export interface AzureBlobLogBucketOptions {
  readonly account: string;
  readonly container: string;
  /** With the key of the account or a shared access signature. */
  readonly connectionString?: string;
  /** The way in without a connection string; the managed identity when left out. */
  readonly loadCredential?: () => Promise<TokenCredential>;
  /** Where the account is; that of the public cloud when left out. A connection string has its own. */
  readonly endpoint?: URL;
  /** A container that others fill: nothing in it stands for another name, and its folders are left out of listings. */
  readonly isForeign?: boolean;
  /** How long one request may take, from the first byte sent to the last one received. */
  readonly timeoutMs?: number;
}

const brokenAnswer = brokenAnswersOf('Azure');
/** Passing faults that Azure answers with another status than 408, 429 and 5xx (Blob service error codes). */
const passingCodes = new Set(['ContainerBeingDeleted', 'AccountBeingCreated']);
/** A key that is not taken (Blob service error codes, common error codes): the names of names.ts should be. */
const keyCodes = new Set(['InvalidUri', 'InvalidResourceName', 'OutOfRangeInput']);
/** Faults of the way to a token: those of @azure/identity, which hides what is behind them. */
const credentialErrors = /^(CredentialUnavailableError|AuthenticationError|AuthenticationRequiredError)$/;

/**
 * {@link openAzureBlobLogBucket} for the table of `openLogBucket`.
 *
 * The way in is the managed identity: the function's own, or the user-assigned one that AZURE_CLIENT_ID names (both as
 * DefaultAzureCredential takes them, which would bring a dozen others along). Where there is none, on a developer's
 * machine with Azurite, AZURE_STORAGE_CONNECTION_STRING has it: the variable of Azure's command line and samples. It
 * counts only if it is for the account that log_bucket names. AzureWebJobsStorage is the Functions host's own and is
 * left alone: its key may do more than the identity was given.
 */
export const openAzureBlob: LogBucketOpener = ({ logBucket }) => {
  if (logBucket.store !== 'az') throw wrongStore(logBucket.store, ['az']);
  const { account, container } = logBucket;
  return openAzureBlobLogBucket({ account, container, ...findConnectionString(account) });
};

/** The connection string of the environment, if it is for this account. */
export function findConnectionString(account: string): Pick<AzureBlobLogBucketOptions, 'connectionString'> {
  const connectionString = process.env['AZURE_STORAGE_CONNECTION_STRING'];
  return connectionString !== undefined && isFor(account, connectionString) ? { connectionString } : {};
}

/**
 * The lists in a container of Azure Blob Storage, over @azure/storage-blob. Nothing is tried twice here: the caller
 * does that, by {@link LogBucketError.passing}.
 *
 * - A key that Azure cannot hold lies under a name that stands for it, see names.ts.
 * - Listings come in the order that Azure has, which may not be that of UTF-8 bytes for characters beyond U+D7FF (the
 *   documentation says "alphabetical"; Azurite compares UTF-16), nor for a key that lies under another name. So a
 *   listing `after` a key begins at the first one all the same, and leaves out what stands in front.
 * - An account with a hierarchical namespace cannot hold both `a` and `a/b`, which is a fault of the second `put`.
 *
 * @throws {RangeError} when the endpoint is plain http and not on this machine.
 */
export function openAzureBlobLogBucket(options: AzureBlobLogBucketOptions): LogBucket {
  const { connectionString = '', endpoint, isForeign = false, timeoutMs = defaultTimeoutMs } = options;
  const { keyOf, nameOf, namePrefixOf } = isForeign ? namesAsTheyAre : azureNames;
  if (endpoint !== undefined) refusePlainHttp(endpoint);
  const redact = redactor(...secretsOf(connectionString));
  const inTurn = requestsInTurn(timeoutMs);
  const load = lazily(() => createClient(options));

  /** One request: its result, or a LogBucketError whatever else happens. */
  const ask = async <Result>(
    operation: Operation,
    key: string,
    send: (client: ContainerClient, options: { abortSignal: AbortSignal }) => Promise<Result>,
    timeLimitMs?: number,
  ): Promise<Result> => {
    let isLoaded = false;
    try {
      const client = await load();
      isLoaded = true;
      return await inTurn((abortSignal) => send(client, { abortSignal }), timeLimitMs);
    } catch (error) {
      if (isLoaded && isMisread(error)) throw brokenAnswer(operation, key, 'nonsense', error, redact);
      const answer = readAnswer(error);
      if (answer === undefined) {
        // The service that hands out tokens may be back soon; nothing tells that from one that never was.
        const isCredentialsFault = error instanceof Error && credentialErrors.test(error.name);
        throw asFault(operation, key, asNetworkError(error), redact, isCredentialsFault);
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
        throw asFault('prepare', '', error, redact);
      }
    },

    async put(key, body, contentType, timeLimitMs) {
      const bytes = Buffer.from(body);
      await ask(
        'put',
        key,
        (client, options) =>
          client
            .getBlockBlobClient(nameOf(key))
            .upload(bytes, bytes.length, { ...options, blobHTTPHeaders: { blobContentType: contentType } }),
        timeLimitMs,
      );
    },

    async get(key, timeLimitMs) {
      try {
        return await ask(
          'get',
          key,
          async (client, options) => {
            const { readableStreamBody } = await client
              .getBlobClient(nameOf(key))
              .download(undefined, undefined, { ...options, maxRetryRequests: 0 });
            const chunks: Buffer[] = [];
            for await (const chunk of readableStreamBody ?? []) chunks.push(Buffer.from(chunk));
            return Buffer.concat(chunks).toString('utf8');
          },
          timeLimitMs,
        );
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
    },

    list: (prefix, listOptions) =>
      listPages(
        prefix,
        brokenAnswer,
        async (token) => {
          const page = await ask('list', prefix, async (client, options) => {
            const pages = client
              .listBlobsFlat({ ...options, prefix: namePrefixOf(prefix), includeMetadata: isForeign })
              .byPage({
                ...(token !== '' && { continuationToken: token }),
                ...(listOptions?.pageSize !== undefined && { maxPageSize: listOptions.pageSize }),
              });
            const page: { readonly value?: unknown } = await pages.next();
            return page.value;
          });
          return readPage(prefix, page, keyOf);
        },
        listOptions,
      ),

    async delete(key, timeLimitMs) {
      try {
        await ask(
          'delete',
          key,
          (client, options) => client.getBlobClient(nameOf(key)).delete(options),
          timeLimitMs,
        );
      } catch (error) {
        if (!isMissing(error)) throw error;
      }
    },
  };
}

// --- the client ---

async function createClient({
  account,
  container,
  connectionString,
  endpoint = new URL(`https://${account}.blob.core.windows.net`),
  loadCredential = loadManagedIdentity,
  timeoutMs = defaultTimeoutMs,
}: AzureBlobLogBucketOptions): Promise<ContainerClient> {
  const { BlobServiceClient } = await import('@azure/storage-blob');
  const options: StoragePipelineOptions = {
    retryOptions: { maxTries: 1 },
    keepAliveOptions: { enable: true },
    userAgentOptions: { userAgentPrefix: 'oms-sync' },
  };
  let service: BlobServiceClient;
  if (connectionString !== undefined) {
    service = BlobServiceClient.fromConnectionString(connectionString, options);
    refusePlainHttp(new URL(service.url));
  } else {
    const identity = await loadCredential();
    const credential: TokenCredential = {
      getToken: (scopes, options) =>
        withDeadline(credentialsTimeoutMs(timeoutMs), (abortSignal) =>
          identity.getToken(scopes, { ...options, abortSignal }),
        ),
    };
    service = new BlobServiceClient(endpoint.href, credential, options);
  }
  return service.getContainerClient(container);
}

async function loadManagedIdentity(): Promise<TokenCredential> {
  const { ManagedIdentityCredential } = await import('@azure/identity');
  const clientId = process.env['AZURE_CLIENT_ID'];
  return new ManagedIdentityCredential({
    ...(clientId === undefined ? {} : { clientId }),
    retryOptions: { maxRetries: 0 },
  });
}

/** Is a connection string for this account? `UseDevelopmentStorage=true` stands for Azurite's well-known one. */
function isFor(account: string, connectionString: string): boolean {
  const { AccountName, BlobEndpoint, UseDevelopmentStorage } = fieldsOf(connectionString);
  if (UseDevelopmentStorage === 'true') return account === 'devstoreaccount1';
  return account === (AccountName ?? (BlobEndpoint && accountOf(BlobEndpoint)));
}

/** The account of an endpoint: the first label of its host, or of an emulator by address the first part of its path. */
function accountOf(endpoint: string): string | undefined {
  if (!URL.canParse(endpoint)) return undefined; // The SDK will say so.
  const url = new URL(endpoint);
  const isAddress = isLoopback(url) || isIP(url.hostname.replace(/^\[|\]$/g, '')) !== 0;
  return isAddress ? url.pathname.split('/')[1] : url.hostname.split('.')[0];
}

function secretsOf(connectionString: string): string[] {
  const { AccountKey, SharedAccessSignature } = fieldsOf(connectionString);
  const signature = new URLSearchParams(SharedAccessSignature).get('sig') ?? undefined;
  return [AccountKey, SharedAccessSignature, signature].filter((secret) => secret !== undefined);
}

function fieldsOf(connectionString: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    connectionString.split(';').flatMap((field) => {
      const [, name, value] = /^\s*(\w+)=(.*?)\s*$/.exec(field) ?? [];
      return name === undefined || value === undefined ? [] : [[name, value]];
    }),
  );
}

// --- answers ---

function readPage(prefix: string, page: unknown, keyOf: (name: string) => string): Page {
  if (!isRecord(page) || !isRecord(page.segment) || !Array.isArray(page.segment.blobItems)) {
    throw brokenAnswer('list', prefix, 'no blobs');
  }
  const objects = page.segment.blobItems
    .filter((item: unknown) => !isFolder(item))
    .map((item: unknown) => readObject(prefix, item, keyOf));
  return { objects, next: textOf(page.continuationToken) };
}

/** An account with a hierarchical namespace lists its folders among the blobs, and gives them this metadata. */
function isFolder(item: unknown): boolean {
  const metadata = isRecord(item) && isRecord(item.metadata) ? item.metadata : {};
  return Object.entries(metadata).some(
    ([name, value]) => name.toLowerCase() === 'hdi_isfolder' && value === 'true',
  );
}

function readObject(prefix: string, item: unknown, keyOf: (name: string) => string): LogObject {
  const { name, properties } = isRecord(item) ? item : {};
  const { contentLength: size, lastModified } = isRecord(properties) ? properties : {};
  const object = checkObject(prefix, brokenAnswer, name, size, lastModified);
  return { ...object, key: keyOf(object.key) };
}

// --- faults ---

/** What Azure answered, when it did: a RestError with a status. */
function readAnswer(error: unknown):
  | {
      readonly status: number;
      readonly code: string | undefined;
      readonly message: string | undefined;
      readonly requestId: string | undefined;
      readonly passing: boolean;
      readonly isKeyRefused: boolean;
    }
  | undefined {
  if (!(error instanceof Error) || error.name !== 'RestError' || !('statusCode' in error)) return undefined;
  const { statusCode: status } = error;
  if (typeof status !== 'number') return undefined;
  const details = 'details' in error && isRecord(error.details) ? error.details : {};
  // A proxy answers what is neither XML nor JSON: the SDK gives that a code of its own.
  const code = textOf(details.errorCode) ?? (codeOf(error) === 'PARSE_ERROR' ? undefined : codeOf(error));
  // The first line: the SDK adds the number of the request, the time and more.
  const message = code === undefined ? undefined : error.message.split('\n')[0];
  return {
    status,
    code,
    message,
    requestId: textOf(details.requestId) ?? textOf(details['x-ms-request-id']),
    passing: passingCodes.has(code ?? ''),
    isKeyRefused: keyCodes.has(code ?? ''),
  };
}

/** What the SDK (12.32.0) throws when it takes an answer for one of Azure's that is none: it misses a header, say. */
function isMisread(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError;
}

/** The SDK has other words for a connection that ends in the middle of an answer. */
function asNetworkError(error: unknown): unknown {
  const isHalfAnswer =
    error instanceof Error && (error.name === 'AbortError' || codeOf(error) === 'PARSE_ERROR');
  if (!isHalfAnswer) return error;
  return Object.assign(new Error('the connection ended in the middle of the answer'), { code: 'ECONNRESET' });
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function isMissing(error: unknown): boolean {
  return error instanceof LogBucketError && error.status === 404 && error.code === 'BlobNotFound';
}
