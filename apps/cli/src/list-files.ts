import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  parseLogBucket,
  parseStoreEndpoint,
  percentEncode,
  type Credentials,
  type LogBucket,
} from '@oms-sync/core';
import { openObsLogBucket } from '@oms-sync/log-bucket/obs';
import { UsageError } from './exit-code.ts';

/**
 * Files of this size, in bytes, at most: OMS takes 1,024 MB today and took 100 MB in 2020, and a file is built in memory.
 * Source: OMS User Guide, object list migration.
 */
const maxFileBytes = 64 * 1024 * 1024;
/** The longest line that OMS takes. Source: OMS User Guide, migration failure TRF.0018. */
const maxLineLength = 65_535;
/** How long the upload of one file may take. */
const uploadTimeoutMs = 10 * 60_000;

/** Where list files go. */
export interface ListFileTarget {
  /** @returns where it is now, for people. */
  write(name: string, body: string): Promise<string>;
  /** There if it is a bucket in OBS, from which OMS can read. */
  readonly bucket?: { readonly name: string; readonly prefix: string };
}

/**
 * Opens a target: `obs://bucket/prefix`, or a folder of this machine.
 *
 * @param obs for a target in OBS: with which keys, and at which OBS domain name.
 * @throws {UsageError}
 */
export function openTarget(
  text: string,
  obs: { readonly credentials: Credentials; readonly endpoint: URL | undefined },
): ListFileTarget {
  if (!text.includes('://')) return openFolder(path.resolve(text));
  const address = parseLogBucket(text);
  if (!('value' in address) || address.value.store !== 'obs') {
    throw new UsageError(`expected a folder or obs://bucket/prefix, found ${JSON.stringify(text)}`);
  }
  if (obs.endpoint === undefined) {
    throw new UsageError(
      'destination_obs_endpoint: expected the OBS domain name of the region of that bucket, such as obs.cn-north-4.myhuaweicloud.com, found nothing',
    );
  }
  const { bucket, prefix } = address.value;
  const logBucket = openObsLogBucket({
    bucket,
    endpoint: obs.endpoint,
    credentials: obs.credentials,
    timeoutMs: uploadTimeoutMs,
  });
  return openBucket(logBucket, bucket, prefix);
}

function openFolder(folder: string): ListFileTarget {
  return {
    async write(name, body) {
      await mkdir(folder, { recursive: true });
      const file = path.join(folder, name);
      await writeFile(file, body, { flag: 'wx' });
      return file;
    },
  };
}

function openBucket(logBucket: LogBucket, name: string, prefix: string): ListFileTarget {
  return {
    bucket: { name, prefix },
    async write(file, body) {
      await logBucket.put(`${prefix}${file}`, body, 'text/plain');
      return `obs://${name}/${prefix}${file}`;
    },
  };
}

/**
 * The OBS domain name of a region's buckets: `destination_obs_endpoint`, if it is set.
 *
 * @throws {UsageError} if that is none.
 */
export function obsEndpointOf(
  lookUp: (name: string) => string | undefined,
  region: string | undefined,
  otherwise: URL | undefined,
): URL | undefined {
  const text = lookUp('destination_obs_endpoint')?.trim() ?? '';
  if (text !== '') {
    const endpoint = parseStoreEndpoint(text);
    if ('value' in endpoint) return endpoint.value;
    // Without what was found: it may be a key in the wrong place.
    throw new UsageError(`destination_obs_endpoint: expected ${endpoint.expected}, found something else`);
  }
  return region === undefined ? otherwise : new URL(`https://obs.${region}.myhuaweicloud.com`);
}

/** A list file that is written. */
export interface WrittenFile {
  /** Its name in the target. */
  readonly name: string;
  /** Where it is, for people. */
  readonly place: string;
  readonly names: number;
}

/**
 * Writes names as the input of OMS's list migration: `.txt`, UTF-8 without BOM, LF, one URL-encoded name a line, in as many
 * files as it takes. What would be an empty file is none: OMS takes none.
 */
export class ListFileWriter {
  readonly files: WrittenFile[] = [];
  /** Names that no list file can hold. */
  readonly tooLong: string[] = [];
  readonly #target: ListFileTarget;
  readonly #stem: string;
  readonly #maxBytes: number;
  #lines: string[] = [];
  #bytes = 0;

  /** @param stem what the files are called, before their number. */
  constructor(target: ListFileTarget, stem: string, maxBytes = maxFileBytes) {
    this.#target = target;
    this.#stem = stem;
    this.#maxBytes = maxBytes;
  }

  async add(name: string): Promise<void> {
    // ASCII, so its length is its size.
    const line = `${percentEncode(name)}\n`;
    if (line.length > maxLineLength + 1) {
      this.tooLong.push(name);
      return;
    }
    if (this.#bytes + line.length > this.#maxBytes) await this.#flush();
    this.#lines.push(line);
    this.#bytes += line.length;
  }

  async finish(): Promise<void> {
    await this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#lines.length === 0) return;
    const name = `${this.#stem}-${String(this.files.length + 1).padStart(4, '0')}.txt`;
    const place = await this.#target.write(name, this.#lines.join(''));
    this.files.push({ name, place, names: this.#lines.length });
    this.#lines = [];
    this.#bytes = 0;
  }
}
