import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin } from '@oms-sync/oms-standin';

/** The built service between a source bucket and a destination bucket on this machine. */
export interface ServiceSandbox {
  readonly source: ObjectFolder;
  readonly destination: ObjectFolder;
  readonly logs: ObjectFolder;
  /** Where the service listens. */
  readonly address: URL;
  /** Where the stand-in of OMS listens. */
  readonly omsUrl: string;
  /** What senders of notifications show. */
  readonly webhookToken: string;
  /** Tells the service that an object came to be, as MinIO does. Resolves to the status of the answer. */
  notify(name: string): Promise<number>;
  /** Ends the stand-ins and the service. Resolves to the exit code of the service. */
  stop(): Promise<number | null>;
}

/** How long the service may take to be there. */
const startWithinMs = 30_000;

/**
 * Starts the service with its queue in the folder. Its keys and its token are new each time.
 *
 * @param root the folder of the workspace, with the built bundles in `dist`.
 * @param log gets each line that the service logs.
 */
export async function startServiceSandbox(
  folder: string,
  root: string,
  log: (line: string) => void,
): Promise<ServiceSandbox> {
  const keys = {
    accessKey: randomBytes(10).toString('hex').toUpperCase(),
    secretKey: randomBytes(20).toString('hex'),
  };
  const webhookToken = randomBytes(16).toString('hex');
  const openBucket = (bucket: string) => new ObjectFolder(path.join(folder, bucket));
  const buckets = {
    source: openBucket('source'),
    logs: openBucket('logs'),
    destination: openBucket('destination'),
  };
  for (const bucket of Object.values(buckets)) await mkdir(bucket.root, { recursive: true });
  const oms = await startOmsStandin({ buckets: folder, ...keys });
  const obs = await startObsStandin({ buckets: folder, ...keys });
  const child = spawn(process.execPath, [path.join(root, 'dist/apps/sync-service/main.js')], {
    env: {
      listen: '127.0.0.1:0',
      queue_folder: path.join(folder, 'queue'),
      webhook_token: webhookToken,
      sync_url: oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' })),
      log_bucket: 'obs://logs',
      obs_endpoint: obs.url.href,
      hw_ak: keys.accessKey,
      hw_sk: keys.secretKey,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const address = await readAddress(child, log);
  return {
    ...buckets,
    address,
    omsUrl: oms.url,
    webhookToken,
    notify: (name) => notify(address, webhookToken, name),
    async stop() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      await Promise.all([oms.close(), obs.close()]);
      return child.exitCode;
    },
  };
}

/** @throws if the service ends before it listens. */
async function readAddress(child: ChildProcess, log: (line: string) => void): Promise<URL> {
  const lines: string[] = [];
  const started = new Promise<URL>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on('line', (line) => {
        log(line);
        lines.push(line);
        lines.splice(0, lines.length - 20);
        const address = /^\{"event":"started".*"address":"([^"]+)"/.exec(line)?.[1];
        if (address !== undefined) resolve(new URL(address));
      });
    }
    const fail = (why: string) => reject(new Error(`the service ${why}:\n${lines.join('\n')}`));
    child.once('close', (code) => fail(`ended with ${code}`));
    const timer = setTimeout(() => fail('does not start'), startWithinMs);
    timer.unref();
  });
  try {
    return await started;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

/** A notification as MinIO sends it. */
export function formatNotification(name: string): string {
  const object = { key: encodeURIComponent(name) };
  return JSON.stringify({
    Records: [
      {
        eventVersion: '2.0',
        eventSource: 'minio:s3',
        eventName: 's3:ObjectCreated:Put',
        s3: { bucket: { name: 'source' }, object },
      },
    ],
  });
}

async function notify(address: URL, token: string, name: string): Promise<number> {
  const answer = await fetch(new URL('/notifications/webhook', address), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: formatNotification(name),
  });
  await answer.arrayBuffer();
  return answer.status;
}
