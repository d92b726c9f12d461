import { randomUUID } from 'node:crypto';
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import type { Platform } from '@oms-sync/function-hosts';
import { startGcsStandin } from '@oms-sync/gcs-standin';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startObsStandin, type Faults } from '@oms-sync/obs-standin';
import { startAzurite, type Azurite } from '@oms-sync/peers';
import { testKeys } from '@oms-sync/testing';
import { AzuriteFront } from './azurite-front.ts';

/** The bucket of the lists, in whatever store. */
export const logBucket = 'logs';

type StoreSettings = Readonly<Record<string, string | undefined>>;

/** A store that holds the lists, running, with faults to switch on. */
export interface ListStore {
  readonly name: Platform['store'];
  /** Where it listens. */
  readonly address: URL;
  /** The settings that name its bucket, and what leads the store's SDK there. */
  readonly settings: StoreSettings;
  /** The same by way of another address. */
  settingsAt(address: URL): StoreSettings;
  /** The keys that it gets to see, and may repeat. */
  readonly keys: readonly string[];
  readonly faults: Pick<Faults, 'set' | 'clear'>;
  /** How many requests it has had. */
  readonly requestCount: number;
  /** The objects whose key begins with the prefix, in the order of their keys. */
  read(prefix: string): Promise<{ key: string; body: string }[]>;
  /** The content type of an object that was put; undefined where nobody keeps it (Azurite). */
  contentType(key: string): string | undefined;
  /** Empties the bucket. */
  clear(): Promise<void>;
  close(): Promise<void>;
}

export interface ListStoreOptions {
  /** It takes other keys than those of the settings. Google's has none. */
  readonly hasOtherKeys?: boolean;
  /** Its clock, in OBS and S3. */
  readonly now?: () => number;
  /** One that runs, for any number of stores at a time; else each `az` starts its own. */
  readonly azurite?: Azurite;
}

/**
 * Starts a store of lists. It is reached by the keys of the tests, and checks the signatures that they make; only
 * Google's SDK sends none to a machine of one's own.
 *
 * @param buckets the folder of the buckets.
 */
export function startListStore(
  name: ListStore['name'],
  buckets: string,
  options: ListStoreOptions = {},
): Promise<ListStore> {
  switch (name) {
    case 'obs':
    case 's3':
      return startObs(name, buckets, options);
    case 'gs':
      return startGcs(buckets);
    case 'az':
      return startAzure(options);
  }
}

/** OBS by its own signatures, S3 by those of Amazon: the stand-in knows both. */
async function startObs(
  name: 'obs' | 's3',
  buckets: string,
  { hasOtherKeys = false, now }: ListStoreOptions,
): Promise<ListStore> {
  const obs = await startObsStandin({
    buckets,
    ...testKeys,
    ...(hasOtherKeys && { securityToken: 'the-next-one' }),
    ...(now && { now }),
  });
  const settingsAt = ({ href }: URL) =>
    name === 'obs'
      ? { log_bucket: `obs://${logBucket}`, obs_endpoint: href }
      : {
          log_bucket: `s3://${logBucket}`,
          AWS_ENDPOINT_URL_S3: href,
          // In Lambda, those of the function's role.
          AWS_ACCESS_KEY_ID: testKeys.accessKey,
          AWS_SECRET_ACCESS_KEY: testKeys.secretKey,
          AWS_SESSION_TOKEN: testKeys.securityToken,
        };
  return { name, keys: Object.values(testKeys), ...at(obs.url, settingsAt), ...inFolder(buckets, obs) };
}

async function startGcs(buckets: string): Promise<ListStore> {
  const gcs = await startGcsStandin({ buckets });
  const settingsAt = ({ href }: URL) => ({ log_bucket: `gs://${logBucket}`, STORAGE_EMULATOR_HOST: href });
  return { name: 'gs', keys: [], ...at(gcs.url, settingsAt), ...inFolder(buckets, gcs) };
}

function at(
  address: URL,
  settingsAt: ListStore['settingsAt'],
): Pick<ListStore, 'address' | 'settings' | 'settingsAt'> {
  return { address, settings: settingsAt(address), settingsAt };
}

/** What the stand-ins have in common: a folder is their bucket. */
function inFolder(
  buckets: string,
  standin: Pick<Awaited<ReturnType<typeof startObsStandin>>, 'faults' | 'requests' | 'contentType' | 'close'>,
): Omit<ListStore, 'name' | 'address' | 'settings' | 'settingsAt' | 'keys'> {
  const folder = new ObjectFolder(path.join(buckets, logBucket));
  const clear = () => {
    rmSync(folder.root, { recursive: true, force: true });
    mkdirSync(folder.root);
    return Promise.resolve();
  };
  void clear();
  return {
    faults: standin.faults,
    get requestCount() {
      return standin.requests.length;
    },
    async read(prefix) {
      const objects = await folder.list(prefix);
      return Promise.all(objects.map(async ({ key }) => ({ key, body: String(await folder.read(key)) })));
    },
    contentType: (key) => standin.contentType(logBucket, key),
    clear,
    close: () => standin.close(),
  };
}

/** Calls again after a passing fault: Azurite may end idle connections just when they are used again. */
async function again<Result>(call: () => Promise<Result>, tries = 10): Promise<Result> {
  try {
    return await call();
  } catch (error) {
    if (tries <= 1 || !(error instanceof Error && 'passing' in error && error.passing === true)) throw error;
    return again(call, tries - 1);
  }
}

/** An Azurite that knows the keys of the tests. */
export function startAzuriteOfTests(): Promise<Azurite> {
  return startAzurite({ account: 'account', accountKey: `${testKeys.secretKey}AA` }); // As long as base64 is.
}

async function startAzure({ hasOtherKeys = false, azurite: shared }: ListStoreOptions): Promise<ListStore> {
  // Its SDK takes long to load, which the other stores need not wait for.
  const { BlobServiceClient } = await import('@azure/storage-blob');
  const { openAzureBlobLogBucket } = await import('@oms-sync/log-bucket/azure-blob');
  const azurite = shared ?? (await startAzuriteOfTests());
  const { account, accountKey, connectionString } = azurite;
  const container = shared === undefined ? logBucket : `${logBucket}-${randomUUID()}`;
  const front = await AzuriteFront.start(azurite.endpoint);
  await BlobServiceClient.fromConnectionString(connectionString).createContainer(container);
  const lists = openAzureBlobLogBucket({ account, container, connectionString });
  const settingsAt = ({ origin }: URL) => ({
    log_bucket: `az://${account}/${container}`,
    AZURE_STORAGE_CONNECTION_STRING: connectionString
      .replace(azurite.endpoint.origin, origin)
      .replace(accountKey, hasOtherKeys ? `${accountKey.slice(0, -8)}AAAAAAAA` : accountKey),
  });
  const listKeys = (prefix: string) => again(() => listOnce(prefix));
  const listOnce = async (prefix: string) => {
    const keys: string[] = [];
    for await (const { key } of lists.list(prefix)) keys.push(key);
    return keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  };
  return {
    name: 'az',
    ...at(front.url, settingsAt),
    keys: [accountKey],
    faults: front.faults,
    get requestCount() {
      return front.requestCount;
    },
    async read(prefix) {
      const keys = await listKeys(prefix);
      return Promise.all(keys.map(async (key) => ({ key, body: (await again(() => lists.get(key))) ?? '' })));
    },
    contentType: () => undefined,
    async clear() {
      await Promise.all((await listKeys('')).map((key) => again(() => lists.delete(key))));
    },
    async close() {
      await front.close();
      if (shared === undefined) await azurite.stop();
    },
  };
}
