import {
  listsFolder,
  parseLogBucket,
  parseStoreEndpoint,
  type LogBucket,
  type LogBucketAddress,
} from '@oms-sync/core';
import {
  bucketOf,
  compareNames,
  omsFolder,
  openSource,
  type Inventory,
  type ListRange,
  type ObjectSource,
  type StoredObject,
} from '@oms-sync/listing';
import { openObsLogBucket } from '@oms-sync/log-bucket/obs';
import { UsageError } from '../exit-code.ts';
import { readDestinationKeys } from '../migration-task.ts';
import { openInventoryOf, openSourceOf, type SourceFlags } from '../source.ts';
import type { Tool } from '../tool.ts';

/** A bucket as the lists name it. */
export interface Origin {
  readonly store: string;
  readonly bucket: string | undefined;
}

/** Both sides of a comparison. */
export interface Buckets {
  readonly source: ObjectSource;
  /** The source bucket as the lists have it. */
  readonly origin: Origin;
  readonly destination: ObjectSource;
  /** The destination as where OMS leaves its lists. */
  readonly resultLists: LogBucket;
  /** What all names begin with. */
  readonly prefix: string | undefined;
}

export interface BucketFlags extends SourceFlags {
  readonly source?: string;
  readonly sourceInventory?: string;
  readonly destination: string;
  readonly destinationEndpoint?: string;
  readonly prefix?: string;
}

/** @throws {UsageError} if an address is none, or what it takes to get there is missing. */
export async function openBuckets(tool: Tool, flags: BucketFlags): Promise<Buckets> {
  const { prefix: sourcePrefix, ...source } = await openSourceSide(tool, flags);
  const address = readAddress('--destination', flags.destination);
  if (address.store !== 'obs') {
    throw new UsageError(
      `--destination: expected obs://bucket, since OMS copies to OBS, found ${JSON.stringify(flags.destination)}`,
    );
  }
  const { bucket } = address;
  const credentials = readDestinationKeys(tool);
  const endpoint = readEndpoint(flags.destinationEndpoint) ?? tool.settings.obsEndpoint;
  if (endpoint === undefined) {
    throw new UsageError(
      "--destination-endpoint: expected the OBS domain name of the destination's region, such as obs.cn-north-4.myhuaweicloud.com",
    );
  }
  return {
    ...source,
    destination: openSource(address, { endpoint, credentials }),
    resultLists: openObsLogBucket({ bucket, endpoint, credentials }),
    prefix: combinePrefixes([sourcePrefix, address.prefix, flags.prefix ?? '']),
  };
}

async function openSourceSide(
  tool: Tool,
  flags: BucketFlags,
): Promise<Pick<Buckets, 'source' | 'origin'> & { readonly prefix: string }> {
  const { source: text, sourceInventory } = flags;
  if ((text === undefined) === (sourceInventory === undefined)) {
    throw new UsageError('--source, --source-inventory: expected one of them');
  }
  if (text !== undefined) {
    const source = openSourceOf(tool, text, flags);
    const address = readAddress('--source', text);
    return { source, origin: { store: address.store, bucket: bucketOf(address) }, prefix: address.prefix };
  }
  const inventory = await openInventoryOf('--source-inventory', sourceInventory ?? '');
  const { vendor: store, bucket } = inventory;
  return {
    source: {
      address: sourceInventory ?? '',
      isOrdered: false,
      list: (range) => listInventory(inventory, range),
    },
    origin: { store, bucket },
    prefix: '',
  };
}

async function* listInventory(
  inventory: Inventory,
  { prefix = '', after, before }: ListRange = {},
): AsyncGenerator<readonly StoredObject[]> {
  for await (const page of inventory.list()) {
    yield page.filter(
      ({ name }) =>
        name.startsWith(prefix) &&
        (after === undefined || compareNames(name, after) > 0) &&
        (before === undefined || compareNames(name, before) < 0),
    );
  }
}

function readAddress(option: string, text: string): LogBucketAddress {
  const address = parseLogBucket(text);
  if ('value' in address && text.includes('://')) return address.value;
  const expected = 'value' in address ? 'an address such as obs://bucket' : address.expected;
  throw new UsageError(`${option}: expected ${expected}, found ${JSON.stringify(text)}`);
}

function readEndpoint(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const endpoint = parseStoreEndpoint(text);
  if ('value' in endpoint) return endpoint.value;
  throw new UsageError(
    `--destination-endpoint: expected ${endpoint.expected}, found ${JSON.stringify(text)}`,
  );
}

/** An object has the same name on both sides, so what limits one side limits the other. */
function combinePrefixes(prefixes: readonly string[]): string | undefined {
  const longest = prefixes.reduce((a, b) => (b.length > a.length ? b : a));
  const other = prefixes.find((prefix) => !longest.startsWith(prefix));
  if (other !== undefined) {
    throw new UsageError(
      `--prefix: no name begins with both ${JSON.stringify(longest)} and ${JSON.stringify(other)}; objects have the same names at source and destination`,
    );
  }
  return longest === '' ? undefined : longest;
}

/** Which names are lists of OMS at the destination, or of ours in the log bucket, whichever side that is. */
export function findLists(
  logBucket: LogBucketAddress,
  source: Origin,
): (name: string, isAtSource: boolean) => boolean {
  const ours = `${logBucket.prefix}${listsFolder}/`;
  const isSourceLogBucket = logBucket.store === source.store && bucketOf(logBucket) === source.bucket;
  return (name, isAtSource) => {
    if (isAtSource) return isSourceLogBucket && name.startsWith(ours);
    return name.startsWith(omsFolder) || name.startsWith(ours);
  };
}
