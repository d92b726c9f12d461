import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startOmsStandin } from '@oms-sync/oms-standin';
import { startRabbitmq, type Rabbitmq } from '@oms-sync/peers';
import { makeRandom, testKeys } from '@oms-sync/testing';
import { BrokerSender } from './broker-sender.ts';
import { findPort } from './free-port.ts';
import { Ledger, type Verdict } from './ledger.ts';
import { readFailedList, takeSuccessList } from './lists.ts';
import { NotificationSender } from './notification-sender.ts';
import { pause } from './pause.ts';
import { ServiceProcess } from './service-process.ts';

export interface ReplicasOptions {
  /** Half of them by HTTP to the replicas, half published to the broker. */
  readonly notifications: number;
  readonly replicas: number;
  /** Seconds from one kill of a replica to the next. */
  readonly killEverySeconds: number;
  /** After so many kills the broker is shut down and started again; after as many more it is killed, and started again. */
  readonly killsPerBrokerRestart: number;
  readonly seed: number;
  /** How long OMS takes for each request. */
  readonly omsMs: number;
  /** The folder `dist` with the built bundles. */
  readonly dist: string;
  readonly onSample: (sample: ReplicasSample) => void;
}

/** One point of the curves, over the time since the last one. */
export interface ReplicasSample {
  readonly second: number;
  /** By a replica or by the broker. */
  readonly acknowledgedPerSecond: number;
  /** Objects that came on the success list. */
  readonly listedPerSecond: number;
  /** Acknowledged, and on no list yet. */
  readonly backlog: number;
  readonly kills: number;
  readonly brokerRestarts: number;
}

export interface ReplicasResult {
  readonly samples: readonly ReplicasSample[];
  readonly verdict: Verdict;
  readonly seconds: number;
  readonly kills: number;
  readonly brokerRestarts: number;
  /** Notifications that were sent again because nobody acknowledged them. */
  readonly repeats: number;
  readonly failed: number;
  /** Names in all requests to OMS, repeated ones again. */
  readonly namesReceived: number;
}

const sampleEveryMs = 1000;
/** So long nothing may happen at the end, with objects missing still. */
const maxStandstillMs = 90_000;
/** No key of anything: the service asks its senders for it. */
const token = 'token-of-the-replicas-run';
const exchange = 'storage';

/**
 * Sends notifications to replicas of the built service that share a queue of a real RabbitMQ, while one replica after the
 * other is killed and the broker is restarted. Then every name is accounted for.
 *
 * @throws {Error} when RabbitMQ is not installed.
 */
export async function runReplicas(options: ReplicasOptions): Promise<ReplicasResult> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'oms-sync-replicas-'));
  for (const bucket of ['source', 'lists']) await mkdir(path.join(scratch, bucket));
  const rabbitmq = await startRabbitmq();
  const oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: Infinity });
  oms.faults.set([{ kind: 'slow', delayMs: options.omsMs }]);
  const ports: number[] = [];
  for (let index = 0; index < options.replicas; index++) ports.push(await findPort());
  const settings = {
    queue: 'amqp',
    amqp_url: rabbitmq.url,
    amqp_queue: 'oms-sync',
    amqp_declare: 'yes',
    amqp_exchange: exchange,
    webhook_token: token,
    requests_per_second: '1000000',
    sync_url: oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' })),
    log_bucket: `file://${path.join(scratch, 'lists')}`,
    log_layout: 'list',
    log_level: 'error',
    hw_ak: testKeys.accessKey,
    hw_sk: testKeys.secretKey,
    hw_security_token: testKeys.securityToken,
  };
  const bundle = path.join(options.dist, 'apps/sync-service/main.js');
  const replicas = ports.map(
    (port) => new ServiceProcess(bundle, { ...settings, listen: `127.0.0.1:${port}` }, []),
  );
  const logs = new ObjectFolder(path.join(scratch, 'lists'));
  const ledger = new Ledger();
  const half = Math.ceil(options.notifications / 2);
  const acknowledge = (number: number) => ledger.acknowledge(number, number + 1);
  const http = new NotificationSender({
    ports,
    token,
    count: half,
    connections: 30,
    onAcknowledged: acknowledge,
  });
  const broker = new BrokerSender({
    url: rabbitmq.url,
    exchange,
    first: half,
    count: options.notifications - half,
    unconfirmed: 30,
    onConfirmed: acknowledge,
  });
  const stopping = new AbortController();
  const disturbance = new Disturbance(replicas, rabbitmq, options);
  const startedAt = performance.now();
  const second = () => (performance.now() - startedAt) / 1000;
  const samples: ReplicasSample[] = [];
  const acknowledged = () => http.acknowledged + broker.confirmed;
  let namesReceived = 0;
  let last = { second: 0, acknowledged: 0, listed: 0 };
  const collect = async () => {
    for (const { names } of oms.takeReceived()) {
      namesReceived += names.length;
      ledger.receive(names);
    }
    await takeSuccessList(logs, ledger);
    const current = { second: second(), acknowledged: acknowledged(), listed: ledger.succeeded };
    const passed = current.second - last.second;
    const sample = {
      second: current.second,
      acknowledgedPerSecond: (current.acknowledged - last.acknowledged) / passed,
      listedPerSecond: (current.listed - last.listed) / passed,
      backlog: Math.max(0, current.acknowledged - current.listed),
      kills: disturbance.kills,
      brokerRestarts: disturbance.brokerRestarts,
    };
    last = current;
    samples.push(sample);
    options.onSample(sample);
  };
  try {
    for (const replica of replicas) replica.start();
    const disturbing = disturbance.goOn(stopping.signal);
    const sending = Promise.all([http.sendAll(), broker.sendAll(stopping.signal)]);
    let changedAt = performance.now();
    const progress = () => ledger.succeeded + acknowledged();
    while (ledger.succeeded < options.notifications) {
      const before = progress();
      await Promise.race([sleep(sampleEveryMs), disturbing]);
      await collect();
      if (progress() > before) changedAt = performance.now();
      // What is missing then is lost, or on the failed list: the verdict says which.
      else if (performance.now() - changedAt > maxStandstillMs) break;
    }
    const seconds = second();
    stopping.abort();
    await disturbing;
    if (acknowledged() === options.notifications) await sending;
    await Promise.all(replicas.map((replica) => replica.stop()));
    await collect();
    const onFailedList = await readFailedList(logs);
    return {
      samples,
      verdict: ledger.judge(options.notifications, onFailedList),
      seconds,
      kills: disturbance.kills,
      brokerRestarts: disturbance.brokerRestarts,
      repeats: http.repeats + broker.repeats,
      failed: onFailedList.size,
      namesReceived,
    };
  } finally {
    stopping.abort();
    await Promise.all(replicas.map((replica) => replica.stop()));
    await oms.close();
    await rabbitmq.stop();
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Kills replicas, and restarts the broker: first in order, then by a kill. */
class Disturbance {
  readonly #replicas: readonly ServiceProcess[];
  readonly #rabbitmq: Rabbitmq;
  readonly #options: ReplicasOptions;
  brokerRestarts = 0;

  constructor(replicas: readonly ServiceProcess[], rabbitmq: Rabbitmq, options: ReplicasOptions) {
    this.#replicas = replicas;
    this.#rabbitmq = rabbitmq;
    this.#options = options;
  }

  get kills(): number {
    return this.#replicas.reduce((sum, { kills }) => sum + kills, 0);
  }

  async goOn(stopped: AbortSignal): Promise<void> {
    const { killEverySeconds, killsPerBrokerRestart, seed } = this.#options;
    const random = makeRandom(seed);
    while (!stopped.aborted) {
      await pause(killEverySeconds * 1000, stopped);
      if (stopped.aborted) return;
      await this.#replicas[Math.floor(random() * this.#replicas.length)]?.killAndStart();
      if (this.brokerRestarts < 2 && this.kills >= (this.brokerRestarts + 1) * killsPerBrokerRestart) {
        await (this.brokerRestarts === 0 ? this.#rabbitmq.shutDown() : this.#rabbitmq.kill());
        await this.#rabbitmq.startAgain();
        this.brokerRestarts++;
      }
    }
  }
}
