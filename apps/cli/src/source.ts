import { parseLogBucket, parseStoreEndpoint, type Settings } from '@oms-sync/core';
import {
  InventoryError,
  inventoryVendors,
  openInventory,
  openSource,
  type Inventory,
  type ObjectSource,
} from '@oms-sync/listing';
import type { Command } from 'commander';
import { readBucketKeys } from './bucket-keys.ts';
import { UsageError } from './exit-code.ts';
import type { Tool } from './tool.ts';

/** The options that say how to get at the source bucket. */
export interface SourceFlags {
  readonly sourceEndpoint?: string;
  readonly sourceRegion?: string;
}

/** Adds them to a command, which has `--source` itself. */
export function addSourceOptions(command: Command): Command {
  return command
    .option(
      '--source-endpoint <address>',
      'where the source is: an OBS domain name (obs_endpoint, if left out), or the address of a store that speaks the protocol of S3, such as MinIO or Ceph',
    )
    .option('--source-region <region>', 'the region of a source in S3');
}

export const sourceHelp = `
A source is a bucket, or a folder in one: obs://bucket, s3://bucket/folder, az://account/container, gs://bucket;
or a folder of this machine: file:///folder.

Keys of the source bucket, which need to list it and nothing else:
  obs://   source_ak, source_sk and, for temporary ones, source_security_token, from the environment or --env-file;
           hw_ak and hw_sk if they are not set
  s3://    the same three, or else what the tools of AWS find: AWS_PROFILE, AWS_ACCESS_KEY_ID, a role, …
  az://    AZURE_STORAGE_CONNECTION_STRING in the environment, or else what Azure's tools find: az login, …
  gs://    what Google's tools find: GOOGLE_APPLICATION_CREDENTIALS, gcloud auth application-default login, …`;

/**
 * Opens the source bucket of a command.
 *
 * @throws {UsageError} if the address or the endpoint is none, or keys are missing.
 */
export function openSourceOf(
  tool: Pick<Tool, 'lookUp'> & {
    /** That of a bucket in OBS, whose keys and domain name are the ones to begin with. */
    readonly settings: Pick<Settings, 'obsEndpoint' | 'credentials'> | undefined;
  },
  text: string,
  flags: SourceFlags,
): ObjectSource {
  const address = parseLogBucket(text);
  if (!('value' in address) || !text.includes('://')) {
    throw new UsageError(
      `--source: expected obs://bucket, s3://bucket, az://account/container, gs://bucket or file:///folder, each with an optional /folder, found ${JSON.stringify(text)}`,
    );
  }
  const isObs = address.value.store === 'obs';
  const endpoint = readEndpoint(flags.sourceEndpoint) ?? (isObs ? tool.settings?.obsEndpoint : undefined);
  if (isObs && endpoint === undefined) {
    throw new UsageError(
      "--source-endpoint: expected the OBS domain name of the source bucket's region, such as obs.cn-north-4.myhuaweicloud.com",
    );
  }
  const credentials = readBucketKeys(tool, 'source') ?? (isObs ? tool.settings?.credentials : undefined);
  return openSource(address.value, { endpoint, region: flags.sourceRegion, credentials });
}

function readEndpoint(text: string | undefined): URL | undefined {
  if (text === undefined) return undefined;
  const endpoint = parseStoreEndpoint(text);
  if ('value' in endpoint) return endpoint.value;
  throw new UsageError(`--source-endpoint: expected ${endpoint.expected}, found ${JSON.stringify(text)}`);
}

/**
 * Opens an inventory, `s3:folder` or `az:file`.
 *
 * @param option that names it.
 * @throws {UsageError} if there is none that can be read.
 */
export async function openInventoryOf(option: string, text: string): Promise<Inventory> {
  const [, name, location = ''] = /^(\w+):(.+)$/s.exec(text) ?? [];
  const vendor = inventoryVendors.find((known) => known === name);
  if (vendor === undefined) {
    throw new UsageError(
      `${option}: expected ${inventoryVendors.map((known) => `${known}:path`).join(', ')}, found ${JSON.stringify(text)}`,
    );
  }
  return openInventory(vendor, location).catch((error: unknown) => {
    throw error instanceof InventoryError
      ? new UsageError(`${option}: ${error.message}`, { cause: error })
      : error;
  });
}
