import {
  LogBucketError,
  systemClock,
  type Clock,
  type Credentials,
  type LogBucket,
  type LogBucketAddress,
  type LogObject,
} from '@oms-sync/core';
import { findConnectionString, openAzureBlobLogBucket } from '@oms-sync/log-bucket/azure-blob';
import { loadDefaultCredential } from '@oms-sync/log-bucket/azure-default-credential';
import { openGcsLogBucket } from '@oms-sync/log-bucket/gcs';
import { openObsLogBucket } from '@oms-sync/log-bucket/obs';
import { openS3LogBucket } from '@oms-sync/log-bucket/s3';
import { openFolderSource } from './folder-source.ts';
import { compareNames } from './name-order.ts';
import { SourceError, type ListRange, type ObjectSource } from './object-source.ts';
import type { Pages, StoredObject } from './stored-object.ts';

/** How to get at a source. */
export interface SourceOptions {
  /** Of OBS, where it is needed, and of stores that speak the protocol of S3. */
  readonly endpoint?: URL | undefined;
  /** Of S3; the SDK's own setting when left out. */
  readonly region?: string | undefined;
  /** Of OBS, where they are needed, and of S3, instead of the SDK's default chain. */
  readonly credentials?: Credentials | undefined;
  readonly clock?: Clock | undefined;
  /** A number from 0 to below 1, as `Math.random` gives it. */
  readonly random?: (() => number) | undefined;
}

type BucketAddress = Exclude<LogBucketAddress, { readonly store: 'file' }>;

const objectsAPage = 1000;
/** A page is asked for so often while the fault is a passing one: for about two minutes. */
const maxAttempts = 10;
/** Until the store has answered once: then it is more likely that keys or addresses are wrong. */
const maxFirstAttempts = 4;
const firstDelayMs = 300;
const maxDelayMs = 30_000;

/**
 * Opens a source. Nothing is loaded or sent before it is listed.
 *
 * @param address as `parseLogBucket` reads it; its prefix limits every listing.
 * @throws {SourceError} for OBS without an endpoint or keys.
 */
export function openSource(address: LogBucketAddress, options: SourceOptions = {}): ObjectSource {
  return address.store === 'file' ? openFolderSource(address.folder) : new BucketSource(address, options);
}

/** The bucket of an address as records name it: for `az` account/container. Undefined for a folder. */
export function bucketOf(address: LogBucketAddress): string | undefined {
  switch (address.store) {
    case 'file':
      return undefined;
    case 'az':
      return `${address.account}/${address.container}`;
    case 'obs':
    case 's3':
    case 'gs':
      return address.bucket;
  }
}

class BucketSource implements ObjectSource {
  readonly address: string;
  readonly isOrdered: boolean;
  readonly #prefix: string;
  readonly #bucket: Pick<LogBucket, 'list'>;
  readonly #clock: Clock;
  readonly #random: () => number;
  #hasAnswered = false;

  constructor(address: BucketAddress, options: SourceOptions) {
    this.address = `${address.store}://${bucketOf(address) ?? ''}/${address.prefix}`;
    this.isOrdered = address.store !== 'az';
    this.#prefix = address.prefix;
    this.#bucket = openBucket(address, this.address, options);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  async *list({ prefix: wanted = '', after, before, pageSize }: ListRange = {}): Pages {
    const prefix = combinePrefixes(this.#prefix, wanted);
    if (prefix === undefined) return;
    const objects = this.#bucket.list(prefix, {
      after,
      // Where a range begins or ends at a name, another order would leave names out.
      inOrder: this.isOrdered && (after !== undefined || before !== undefined),
      pageSize,
      attempt: (ask) => this.#attempt(ask),
    });
    let page: StoredObject[] = [];
    try {
      for await (const object of objects) {
        if (before !== undefined && compareNames(object.key, before) >= 0) {
          if (this.isOrdered) break;
          continue;
        }
        page.push(toStoredObject(object));
        if (page.length < (pageSize ?? objectsAPage)) continue;
        yield page;
        page = [];
      }
    } catch (error) {
      throw this.#asSourceError(error);
    }
    if (page.length > 0) yield page;
  }

  async #attempt<Page>(ask: () => Promise<Page>): Promise<Page> {
    for (let attempts = 1; ; attempts++) {
      try {
        const page = await ask();
        this.#hasAnswered = true;
        return page;
      } catch (error) {
        const limit = this.#hasAnswered ? maxAttempts : maxFirstAttempts;
        if (!(error instanceof LogBucketError) || !error.passing || attempts >= limit) throw error;
      }
      const ceiling = Math.min(firstDelayMs * 2 ** (attempts - 1), maxDelayMs);
      await this.#clock.sleep(this.#random() * ceiling);
    }
  }

  #asSourceError(error: unknown): unknown {
    if (!(error instanceof LogBucketError)) return error;
    // What the store said, without what this is for a log bucket.
    const reason = error.message.replace(`log bucket: ${error.operation} ${error.key}: `, '');
    return new SourceError(this.address, `the listing failed: ${reason}`, error);
  }
}

/** The longer one, if that begins with the other; undefined where no name begins with both. */
function combinePrefixes(a: string, b: string): string | undefined {
  if (a.startsWith(b)) return a;
  return b.startsWith(a) ? b : undefined;
}

function toStoredObject({ key: name, size, lastModified }: LogObject): StoredObject {
  return { name, size, modified: lastModified.getTime() };
}

function openBucket(
  address: BucketAddress,
  text: string,
  { endpoint, region, credentials }: SourceOptions,
): Pick<LogBucket, 'list'> {
  switch (address.store) {
    case 'obs':
      if (endpoint === undefined) throw new SourceError(text, 'its OBS domain name is missing');
      if (credentials === undefined) throw new SourceError(text, 'its access keys are missing');
      return openObsLogBucket({ bucket: address.bucket, endpoint, credentials });
    case 's3':
      return openS3LogBucket({
        bucket: address.bucket,
        ...(endpoint && { endpoint }),
        ...(region !== undefined && { region }),
        ...(credentials && { credentials }),
      });
    case 'gs':
      return openGcsLogBucket({ bucket: address.bucket, isForeign: true, ...(endpoint && { endpoint }) });
    case 'az':
      return openAzureBlobLogBucket({
        account: address.account,
        container: address.container,
        isForeign: true,
        loadCredential: loadDefaultCredential,
        ...findConnectionString(address.account),
        ...(endpoint && { endpoint }),
      });
  }
}
