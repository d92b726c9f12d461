import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startOmsStandin } from '@oms-sync/oms-standin';
import { makeRandom, testKeys } from '@oms-sync/testing';
import { Ledger, type Verdict } from './ledger.ts';
import { readFailedList, takeSuccessList } from './lists.ts';
import { NotificationSender } from './notification-sender.ts';
import { findPort } from './free-port.ts';
import { pause } from './pause.ts';
import { ServiceProcess } from './service-process.ts';

export interface ServiceLoadOptions {
  readonly notifications: number;
  /** From when it works again to the next kill, on average; the seed decides by how much it is more or less. */
  readonly killEverySeconds: number;
  readonly seed: number;
  readonly connections: number;
  /** How long OMS takes for each request. */
  readonly omsMs: number;
  /** The folder `dist` with the built bundles. */
  readonly dist: string;
  /** Options of the Node.js that runs the service, for a profiler. */
  readonly nodeOptions: readonly string[];
  readonly onSample: (sample: ServiceSample) => void;
}

/** One point of the curves, over the time since the last one. */
export interface ServiceSample {
  readonly second: number;
  readonly acknowledgedPerSecond: number;
  /** Objects that came on the success list. */
  readonly listedPerSecond: number;
  /** Acknowledged, and on no list yet. */
  readonly backlog: number;
  /** In bytes. */
  readonly rss: number;
  /** Of one core. */
  readonly cpu: number;
  readonly kills: number;
}

export interface ServiceLoadResult {
  readonly samples: readonly ServiceSample[];
  readonly verdict: Verdict;
  readonly seconds: number;
  readonly requests: number;
  readonly kills: number;
  /** Notifications that were sent again because no 2xx came. */
  readonly repeats: number;
  readonly failed: number;
  /** Of all processes of the service. */
  readonly cpuSeconds: number;
}

const sampleEveryMs = 1000;
/** So long nothing may happen at the end, with objects missing still. */
const maxStandstillMs = 60_000;
/** No key of anything: the service asks its senders for it. */
const token = 'token-of-the-load-run';

/**
 * Sends notifications at full speed into the built service, in a process of its own that is killed again and again, until
 * everything that it acknowledged is settled. Then every name is accounted for.
 */
export async function runServiceLoad(options: ServiceLoadOptions): Promise<ServiceLoadResult> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'oms-sync-service-load-'));
  for (const bucket of ['source', 'lists']) await mkdir(path.join(scratch, bucket));
  const oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: Infinity });
  oms.faults.set([{ kind: 'slow', delayMs: options.omsMs }]);
  const port = await findPort();
  const service = new ServiceProcess(
    path.join(options.dist, 'apps/sync-service/main.js'),
    {
      listen: `127.0.0.1:${port}`,
      queue_folder: path.join(scratch, 'queue'),
      webhook_token: token,
      requests_per_second: '1000000',
      sync_url: oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' })),
      log_bucket: `file://${path.join(scratch, 'lists')}`,
      log_layout: 'list',
      log_level: 'warn',
      max_in_flight: '50',
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
    },
    options.nodeOptions,
  );
  const logs = new ObjectFolder(path.join(scratch, 'lists'));
  const ledger = new Ledger();
  const sender = new NotificationSender({
    ports: [port],
    token,
    count: options.notifications,
    connections: options.connections,
    onAcknowledged: (number) => ledger.acknowledge(number, number + 1),
  });
  const startedAt = performance.now();
  const second = () => (performance.now() - startedAt) / 1000;
  const samples: ServiceSample[] = [];
  let last = { second: 0, acknowledged: 0, listed: 0, cpuSeconds: 0 };
  const collect = async () => {
    for (const { names } of oms.takeReceived()) ledger.receive(names);
    await takeSuccessList(logs, ledger);
    const now = second();
    const { rss, cpuSeconds } = service.measure();
    const current = { second: now, acknowledged: sender.acknowledged, listed: ledger.succeeded, cpuSeconds };
    const passed = now - last.second;
    const sample = {
      second: now,
      acknowledgedPerSecond: (current.acknowledged - last.acknowledged) / passed,
      listedPerSecond: (current.listed - last.listed) / passed,
      backlog: Math.max(0, current.acknowledged - current.listed),
      rss,
      cpu: (cpuSeconds - last.cpuSeconds) / passed,
      kills: service.kills,
    };
    last = current;
    samples.push(sample);
    options.onSample(sample);
  };
  const stopping = new AbortController();
  try {
    service.start();
    const countProgress = () => ledger.succeeded + sender.acknowledged;
    const killing = killAgainAndAgain(service, options, countProgress, stopping.signal);
    const sending = sender.sendAll();
    let changedAt = performance.now();
    while (ledger.succeeded < options.notifications) {
      const before = countProgress();
      await Promise.race([sleep(sampleEveryMs), killing]);
      await collect();
      if (countProgress() > before) changedAt = performance.now();
      // What is missing then is lost, or on the failed list: the verdict says which.
      else if (performance.now() - changedAt > maxStandstillMs) break;
    }
    const seconds = second();
    stopping.abort();
    await killing;
    if (sender.acknowledged === options.notifications) await sending;
    await service.stop();
    await collect();
    const onFailedList = await readFailedList(logs);
    return {
      samples,
      verdict: ledger.judge(options.notifications, onFailedList),
      seconds,
      requests: oms.requestCount,
      kills: service.kills,
      repeats: sender.repeats,
      failed: onFailedList.size,
      cpuSeconds: service.measure().cpuSeconds,
    };
  } finally {
    stopping.abort();
    await service.stop();
    await oms.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

async function killAgainAndAgain(
  service: ServiceProcess,
  { killEverySeconds, seed }: ServiceLoadOptions,
  countProgress: () => number,
  stopped: AbortSignal,
): Promise<void> {
  const random = makeRandom(seed);
  while (!stopped.aborted) {
    const before = countProgress();
    while (countProgress() === before && !stopped.aborted) await pause(50, stopped);
    await pause(killEverySeconds * 1000 * (0.9 + 0.2 * random()), stopped);
    if (!stopped.aborted) await service.killAndStart();
  }
}
