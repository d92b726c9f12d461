import { randomBytes } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import type { Change, Delivery, Platform } from '@oms-sync/function-hosts';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin, type ReceivedEvents } from '@oms-sync/oms-standin';

/** What OMS calls the clouds of the source buckets. */
const cloudTypes: Readonly<Partial<Record<Platform['name'], string>>> = {
  functiongraph: 'HuaweiCloud',
  'aws-lambda': 'AWS',
  'azure-functions': 'Azure',
  // Google is not in the list of its API for synchronization tasks.
};

/** The lists, as they are named in the documentation. */
export type ListName = 'success_object' | 'failed_object';

/** One whole migration on this machine: a source bucket, the function, OMS, a log bucket and a destination bucket. */
export interface Sandbox {
  readonly platform: Platform;
  readonly source: ObjectFolder;
  readonly destination: ObjectFolder;
  readonly logs: ObjectFolder;
  /** Where the stand-in of OMS listens. */
  readonly omsUrl: string;
  /** What OMS has taken so far. */
  readonly received: readonly ReceivedEvents[];
  /** Lets the bucket notify the function; what the platform takes back, it delivers once more. */
  notify(changes: readonly Change[]): Promise<Delivery>;
  /** Waits until OMS has copied everything that it took. */
  settle(): Promise<void>;
  /** The names on a list, in the order of their bytes. */
  readList(list: ListName): Promise<string[]>;
  /** What the failed list says of an object, and in which file; undefined when it is not on it. */
  readFailure(name: string): Promise<{ readonly entry: string; readonly file: string } | undefined>;
  stop(): Promise<void>;
}

/**
 * Starts a sandbox in a folder. Its keys are new each time, and the stand-ins check every signature.
 *
 * @param platform the one whose function it is.
 * @param root the folder of the workspace, with the built bundles in `dist`.
 * @param log gets each line that the function logs.
 */
export async function startSandbox(
  folder: string,
  platform: Platform,
  root: string,
  log: (line: string) => void,
): Promise<Sandbox> {
  const keys = {
    accessKey: randomBytes(10).toString('hex').toUpperCase(),
    secretKey: randomBytes(20).toString('hex'),
  };
  const openBucket = (bucket: string) => new ObjectFolder(path.join(folder, bucket));
  const buckets = {
    source: openBucket('source'),
    logs: openBucket('logs'),
    destination: openBucket('destination'),
  };
  for (const bucket of Object.values(buckets)) await mkdir(bucket.root, { recursive: true });

  const oms = await startOmsStandin({ buckets: folder, ...keys });
  const obs = await startObsStandin({ buckets: folder, ...keys });
  const srcCloudType = cloudTypes[platform.name];
  const task = oms.createTask({
    srcBucket: 'source',
    dstBucket: 'destination',
    ...(srcCloudType !== undefined && { srcCloudType }),
  });
  const [channel] = platform.channels;
  const running = platform.start({
    code: path.join(root, 'dist/apps', platform.name),
    runtimes: path.join(root, 'dist/tools/function-hosts'),
    timeoutSeconds: 60,
    settings: {
      ...channel.settings,
      sync_url: oms.syncUrl(task),
      log_bucket: 'obs://logs',
      obs_endpoint: obs.url.href,
      hw_ak: keys.accessKey,
      hw_sk: keys.secretKey,
    },
    log,
  });
  return {
    platform,
    ...buckets,
    omsUrl: oms.url,
    received: oms.received,
    async notify(changes) {
      const first = await running.deliver(channel, changes, 1);
      if (first.returned.length === 0) return first;
      return running.deliver(
        channel,
        changes.filter(({ name }) => first.returned.includes(name)),
        2,
      );
    },
    settle: () => oms.idle(),
    async readList(list) {
      const prefix = `oms_source_record/${list}/`;
      return (await buckets.logs.list(prefix)).map(({ key }) => key.slice(prefix.length));
    },
    async readFailure(name) {
      const file = await buckets.logs.find(`oms_source_record/failed_object/${name}`);
      const body = await buckets.logs.read(`oms_source_record/failed_object/${name}`);
      if (file === undefined || body === undefined) return undefined;
      return { entry: body.toString().trimEnd(), file: file.path };
    },
    async stop() {
      await running.stop();
      await Promise.all([oms.close(), obs.close()]);
    },
  };
}
