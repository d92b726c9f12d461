import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startOmsStandin } from '@oms-sync/oms-standin';
import { testKeys } from '@oms-sync/testing';

const main = fileURLToPath(new URL('../../../../dist/apps/sync-service/main.js', import.meta.url));

/** Endings that have broken somebody's code before. */
export const uglyEndings = [
  '',
  ' a b',
  '+ü',
  '%2F',
  '\'"',
  '数据',
  '🙂',
  '\u0301',
  '//',
  '.',
  '?&#',
  '\uFEFF',
  '\\x41',
];

/** The built service against the stand-in of OMS, in processes that a test kills. */
export type Proof = Awaited<ReturnType<typeof openProof>>;

/** @param settings of the source; what every service needs is added. */
export async function openProof(settings: Readonly<Record<string, string>>) {
  const scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-proof-'));
  for (const folder of ['source', 'lists']) mkdirSync(path.join(scratch, folder));
  const oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: Infinity });
  // As OMS takes its time, so that kills meet requests that are under way.
  oms.faults.set([{ kind: 'slow', delayMs: 50 }]);
  const env = {
    listen: '127.0.0.1:0',
    sync_url: oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' })),
    log_bucket: `file://${path.join(scratch, 'lists')}`,
    log_layout: 'list',
    max_in_flight: '20',
    hw_ak: testKeys.accessKey,
    hw_sk: testKeys.secretKey,
    hw_security_token: testKeys.securityToken,
    ...settings,
  };
  /** Resolves when a service has started: it minds a signal then. */
  const started = new Map<ChildProcess, Promise<void>>();
  /** Names that OMS has got. */
  const received = new Set<string>();
  let requestedNames = 0;
  const take = () => {
    for (const { names } of oms.takeReceived()) {
      requestedNames += names.length;
      for (const name of names) received.add(name);
    }
  };
  const taking = setInterval(take, 10);
  return {
    received,
    requestedNames: () => requestedNames,
    /** @param replica those that run at a time need queues of their own. */
    start(replica: string, ...args: readonly string[]): ChildProcess {
      const child = spawn(process.execPath, [main, ...args], {
        env: { ...env, queue_folder: path.join(scratch, `queue-${replica}`) },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const isStarted = new Promise<void>((resolve) => {
        createInterface(child.stdout).on('line', (line) => {
          if (line.includes('"event":"started"')) resolve();
        });
      });

      started.set(child, isStarted);
      return child;
    },
    /** Ends a service as it is meant to end. Gives its exit code and signal. */
    async stop(service: ChildProcess): Promise<unknown[]> {
      await started.get(service);
      service.kill('SIGTERM');
      return once(service, 'exit');
    },
    /** The names on a list. */
    readList(list: 'success_object' | 'failed_object'): ReadonlySet<string> {
      const entries = readdirSync(path.join(scratch, 'lists/oms_source_record', list), {
        recursive: true,
        withFileTypes: true,
      });
      const lines = entries
        .filter((entry) => entry.isFile())
        .flatMap((entry) =>
          readFileSync(path.join(entry.parentPath, entry.name), 'utf8').trimEnd().split('\n'),
        );
      return new Set(lines.map(decodeURIComponent));
    },
    async close(): Promise<void> {
      for (const child of started.keys()) child.kill('SIGKILL');
      clearInterval(taking);
      await oms.close();
      rmSync(scratch, { recursive: true, force: true });
    },
    take,
  };
}
