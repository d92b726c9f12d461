import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startObsStandin, type ObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin, type NewSyncTask, type OmsStandin } from '@oms-sync/oms-standin';
import { testKeys } from '@oms-sync/testing';
import { onTestFinished } from 'vitest';

const bundle = path.resolve(import.meta.dirname, '../../../../dist/apps/cli/oms-sync.js');

type Environment = Readonly<Record<string, string | undefined>>;

/** How a call of the tool ended. */
export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts the built `oms-sync` as a process of its own, with nothing in its environment but this. */
export function startCli(args: readonly string[], env: Environment) {
  return spawn(process.execPath, [bundle, ...args], {
    env: { PATH: process.env['PATH'], TZ: 'UTC', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs the built `oms-sync` to its end. */
export async function runCli(
  args: readonly string[],
  env: Environment,
  input?: string | Uint8Array,
): Promise<CliRun> {
  const child = startCli(args, env);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, stdout, stderr };
}

/** A whole setup: a task from `photos` to `copies`, and the lists in `lists`; all buckets in stand-ins of OBS. */
export interface Setup {
  readonly oms: OmsStandin;
  readonly obs: ObsStandin;
  readonly taskId: string;
  readonly source: ObjectFolder;
  readonly destination: ObjectFolder;
  readonly lists: ObjectFolder;
  /** The settings, all right. */
  readonly env: Readonly<Record<string, string>>;
}

const usualTask: NewSyncTask = {
  srcCloudType: 'HuaweiCloud',
  srcRegion: 'cn-south-1',
  srcBucket: 'photos',
  dstRegion: 'cn-north-4',
  dstBucket: 'copies',
};

export async function setUp(
  options: { readonly task?: Partial<NewSyncTask>; readonly clock?: () => number } = {},
): Promise<Setup> {
  const buckets = await mkdtemp(path.join(tmpdir(), 'oms-sync-cli-'));
  const { accessKey, secretKey } = testKeys;
  const { clock } = options;
  const obs = await startObsStandin({ buckets, accessKey, secretKey });
  const oms = await startOmsStandin({
    buckets,
    accessKey,
    secretKey,
    copyDelayMs: 0,
    clock,
    contentTypeOf: (bucket, key) => obs.contentType(bucket, key),
  });
  onTestFinished(async () => {
    await oms.close();
    await obs.close();
    await rm(buckets, { recursive: true, force: true });
  });
  const taskId = oms.createTask({ ...usualTask, ...options.task });
  await mkdir(path.join(buckets, 'lists'));
  const source = new ObjectFolder(path.join(buckets, 'photos'));
  await mkdir(source.root, { recursive: true });
  await source.write('in/a.jpg', 'a');
  return {
    oms,
    obs,
    taskId,
    source,
    destination: new ObjectFolder(path.join(buckets, 'copies')),
    lists: new ObjectFolder(path.join(buckets, 'lists')),
    env: {
      sync_url: oms.syncUrl(taskId),
      log_bucket: 'lists',
      obs_endpoint: obs.url.href,
      hw_ak: accessKey,
      hw_sk: secretKey,
    },
  };
}
