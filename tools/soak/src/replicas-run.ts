import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'amqplib';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { startRabbitmq, type Rabbitmq } from '@oms-sync/peers/rabbitmq';
import { makeRandom, testKeys } from '@oms-sync/testing';
import { ExchangePublisher } from './exchange-publisher.ts';
import { Ledger, type Verdict } from './ledger.ts';
import { readFailedList, takeSuccessList } from './lists.ts';
import { NotificationSender } from './notification-sender.ts';
import { findPort, pause, ServiceProcess } from './service-process.ts';

export interface ReplicasOptions {
  /** How long events are sent and replicas are killed. */
  readonly seconds: number;
  readonly killEverySeconds: number;
  readonly seed: number;
  /** How long OMS takes for each request. */
  readonly omsMs: number;
  /** The folder `dist` with the built bundles. */
  readonly dist: string;
  readonly onSample: (sample: ReplicasSample) => void;
}

export interface ReplicasSample {
  readonly second: number;
  /** Notifications with a 2xx. */
  readonly acknowledged: number;
  /** Events that the broker has confirmed. */
  readonly confirmed: number;
  /** Names on the success list. */
  readonly listed: number;
  readonly kills: number;
  readonly brokerRestarts: number;
}

export interface ReplicasResult extends ReplicasSample {
  readonly verdict: Verdict;
  readonly sent: number;
  readonly requests: number;
  /** Notifications and events that were sent again. */
  readonly repeats: number;
  readonly failed: number;
  /** At the end. */
  readonly messagesLeft: number;
  readonly deadLetters: number;
}

const replicaCount = 3;
const connectionsOfASender = 8;
const queue = 'oms-sync';
const exchange = 'buckets';
const sampleEveryMs = 1000;
/** So long nothing may happen at the end, with objects missing still. */
const maxStandstillMs = 60_000;
/** No key of anything: the service asks its senders for it. */
const token = 'token-of-the-replicas-run';

/**
 * Three replicas of the built service share the queue of a real RabbitMQ. Notifications come to each of them over HTTP,
 * and events to the exchange of the broker. Again and again one of them is killed and started; once, in the middle, the
 * broker is. In the end every name is accounted for.
 */
export async function runReplicas(options: ReplicasOptions): Promise<ReplicasResult> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'oms-sync-replicas-'));
  for (const bucket of ['source', 'lists']) await mkdir(path.join(scratch, bucket));
  const oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: Infinity });
  oms.faults.set([{ kind: 'slow', delayMs: options.omsMs }]);
  let rabbitmq: Rabbitmq | undefined;
  const replicas: ServiceProcess[] = [];
  try {
    rabbitmq = await startRabbitmq();
    const ports: number[] = [];
    for (let index = 0; index < replicaCount; index++) {
      const port = await findPort();
      ports.push(port);
      const settings = formatSettings(port, rabbitmq.url, oms, path.join(scratch, 'lists'));
      replicas.push(new ServiceProcess(path.join(options.dist, 'apps/sync-service/main.js'), settings, []));
    }
    for (const replica of replicas) replica.start();
    return await account(options, {
      oms,
      rabbitmq,
      replicas,
      ports,
      lists: new ObjectFolder(path.join(scratch, 'lists')),
    });
  } finally {
    await Promise.all(replicas.map((replica) => replica.stop()));
    await rabbitmq?.stop();
    await oms.close();
    await rm(scratch, { recursive: true, force: true });
  }
}

function formatSettings(port: number, amqpUrl: string, oms: OmsStandin, lists: string) {
  return {
    listen: `127.0.0.1:${port}`,
    queue: 'amqp',
    amqp_url: amqpUrl,
    amqp_queue: queue,
    amqp_declare: 'yes',
    amqp_exchange: exchange,
    webhook_token: token,
    requests_per_second: '1000000',
    sync_url: oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' })),
    log_bucket: `file://${lists}`,
    log_layout: 'list',
    log_level: 'error',
    hw_ak: testKeys.accessKey,
    hw_sk: testKeys.secretKey,
    hw_security_token: testKeys.securityToken,
  };
}

interface Stage {
  readonly oms: OmsStandin;
  readonly rabbitmq: Rabbitmq;
  readonly replicas: readonly ServiceProcess[];
  readonly ports: readonly number[];
  readonly lists: ObjectFolder;
}

async function account(options: ReplicasOptions, stage: Stage): Promise<ReplicasResult> {
  const { oms, rabbitmq, replicas, ports, lists } = stage;
  const ledger = new Ledger();
  const isOver = new AbortController();
  let sent = 0;
  const next = () => (isOver.signal.aborted ? undefined : sent++);
  const onAcknowledged = (number: number) => ledger.acknowledge(number, number + 1);
  const senders = ports.map(
    (port) =>
      new NotificationSender({ port, token, next, connections: connectionsOfASender, onAcknowledged }),
  );
  const publisher = new ExchangePublisher({ url: rabbitmq.url, exchange, next, onConfirmed: onAcknowledged });
  let brokerRestarts = 0;
  const startedAt = performance.now();
  const sample = (): ReplicasSample => ({
    second: (performance.now() - startedAt) / 1000,
    acknowledged: senders.reduce((sum, { acknowledged }) => sum + acknowledged, 0),
    confirmed: publisher.confirmed,
    listed: ledger.succeeded,
    kills: replicas.reduce((sum, { kills }) => sum + kills, 0),
    brokerRestarts,
  });
  const collect = async () => {
    for (const { names } of oms.takeReceived()) ledger.receive(names);
    await takeSuccessList(lists, ledger);
    options.onSample(sample());
  };
  const restartBroker = async () => {
    await pause((options.seconds * 1000) / 2, isOver.signal);
    await rabbitmq.kill();
    await rabbitmq.startAgain();
    brokerRestarts++;
  };
  const sending = Promise.all([...senders.map((sender) => sender.sendAll()), publisher.publishAll()]);
  const disturbing = Promise.all([
    killInTurn(replicas, options, isOver.signal),
    restartBroker(),
    pause(options.seconds * 1000, isOver.signal).then(() => isOver.abort()),
  ]);
  await collectUntil(Promise.all([sending, disturbing]), collect);
  let changedAt = performance.now();
  while (ledger.succeeded < sent && performance.now() - changedAt < maxStandstillMs) {
    const before = ledger.succeeded;
    await sleep(sampleEveryMs);
    await collect();
    if (ledger.succeeded > before) changedAt = performance.now();
  }
  // What is missing then is lost, or on the failed list: the verdict says which.
  const last = sample();
  await Promise.all(replicas.map((replica) => replica.stop()));
  await collect();
  const onFailedList = await readFailedList(lists);
  return {
    ...last,
    sent,
    verdict: ledger.judge(sent, onFailedList),
    requests: oms.requestCount,
    repeats: publisher.repeats + senders.reduce((sum, { repeats }) => sum + repeats, 0),
    failed: onFailedList.size,
    ...(await countMessages(rabbitmq.url)),
  };
}

async function collectUntil(end: Promise<unknown>, collect: () => Promise<void>): Promise<void> {
  const ended = end.then(() => true);
  while (!(await Promise.race([sleep(sampleEveryMs).then(() => false), ended]))) await collect();
}

/** Each gets its turn; the seed decides the moment. */
async function killInTurn(
  replicas: readonly ServiceProcess[],
  { killEverySeconds, seed }: ReplicasOptions,
  stopped: AbortSignal,
): Promise<void> {
  const random = makeRandom(seed);
  for (let turn = 0; !stopped.aborted; turn++) {
    await pause(killEverySeconds * 1000 * (0.9 + 0.2 * random()), stopped);
    if (!stopped.aborted) await replicas[turn % replicas.length]?.killAndStart();
  }
}

async function countMessages(url: string) {
  const connection = await connect(url);
  try {
    const channel = await connection.createChannel();
    const { messageCount: messagesLeft } = await channel.checkQueue(queue);
    const { messageCount: deadLetters } = await channel.checkQueue(`${queue}.dead-letter`);
    return { messagesLeft, deadLetters };
  } finally {
    await connection.close();
  }
}
