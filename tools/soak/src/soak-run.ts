import { fork, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin } from '@oms-sync/oms-standin';
import { makeRandom, testKeys } from '@oms-sync/testing';
import { phases, setFaults } from './faults.ts';
import { Ledger, type Verdict } from './ledger.ts';
import { readFailedList, takeSuccessList } from './lists.ts';
import type { Command, DriverSample, Message } from './messages.ts';

export interface SoakOptions {
  readonly seconds: number;
  /** Of the requests to OMS that meet a fault. */
  readonly seed: number;
  /** How long each phase takes. */
  readonly phaseSeconds: number;
  /** The folder `dist` with the built bundles. */
  readonly dist: string;
  /** Called with each sample. */
  readonly onSample: (sample: Sample) => void;
}

/** One point of the curve. */
export interface Sample extends DriverSample {
  /** Since the start. */
  readonly second: number;
  readonly phase: string;
  readonly namesPerSecond: number;
  /** Has no fault come or gone since the last sample? */
  readonly isPure: boolean;
}

export interface SoakResult {
  readonly samples: readonly Sample[];
  readonly verdict: Verdict;
  readonly sent: number;
  readonly invocations: number;
  /** Requests to OMS. */
  readonly requests: number;
  /** Names that were still on the failed list after the last replay. */
  readonly failed: number;
}

const replayEveryMs = 20_000;
const readListsEveryMs = 2000;
const maxReplaysAtTheEnd = 100;

/**
 * Runs the function of the FunctionGraph bundle in a process of its own at full speed, with faults coming and going, and
 * a replay now and then. At the end what was not acknowledged is delivered again, the failed list is replayed, and every
 * name is accounted for.
 */
export async function runSoak(options: SoakOptions): Promise<SoakResult> {
  const scratch = await mkdtemp(path.join(tmpdir(), 'oms-sync-soak-'));
  const logs = new ObjectFolder(path.join(scratch, 'logs'));
  for (const bucket of ['source', 'logs']) await mkdir(path.join(scratch, bucket));
  const oms = await startOmsStandin({
    buckets: scratch,
    ...testKeys,
    copyDelayMs: Infinity,
    random: makeRandom(options.seed),
  });
  const obs = await startObsStandin({ buckets: scratch, ...testKeys });
  const ledger = new Ledger();
  const driver = new Driver(options.dist, ledger);
  const timers: NodeJS.Timeout[] = [];
  const every = (ms: number, act: () => void) => timers.push(setInterval(act, ms));
  try {
    const startedAt = performance.now();
    const second = () => (performance.now() - startedAt) / 1000;
    const phaseAt = (time: number) => phases[Math.floor(time / options.phaseSeconds) % phases.length];
    const samples: Sample[] = [];
    let lastSecond = 0;
    driver.onSample = (sample) => {
      const now = second();
      const phase = phaseAt(now)?.name ?? '';
      const isPure = Math.floor(lastSecond / options.phaseSeconds) === Math.floor(now / options.phaseSeconds);
      const namesPerSecond = sample.names / (now - lastSecond);
      lastSecond = now;
      const complete = { ...sample, second: now, phase, isPure, namesPerSecond };
      samples.push(complete);
      options.onSample(complete);
    };
    let current = phases[0];
    every(200, () => {
      const phase = phaseAt(second());
      if (phase === undefined || phase === current) return;
      current = phase;
      setFaults(phase, { oms, obs });
    });
    let reading = Promise.resolve();
    const collect = () => {
      for (const { names } of oms.takeReceived()) ledger.receive(names);
      reading = reading.then(() => takeSuccessList(logs, ledger));
      return reading;
    };
    every(readListsEveryMs, () => void collect());
    every(replayEveryMs, () => driver.send({ kind: 'replay' }));

    driver.send({
      kind: 'start',
      sampleEveryMs: Math.min(2000, options.phaseSeconds * 200),
      bundle: path.join(options.dist, 'apps/functiongraph/index.js'),
      settings: {
        sync_url: oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' })),
        log_bucket: 'obs://logs',
        log_layout: 'list',
        obs_endpoint: obs.url.href,
        hw_ak: testKeys.accessKey,
        hw_sk: testKeys.secretKey,
        hw_security_token: testKeys.securityToken,
        request_timeout_ms: '2000',
        max_attempts: '3',
      },
    });
    await driver.wait(options.seconds * 1000);

    for (const timer of timers.splice(0)) clearInterval(timer);
    setFaults({ name: 'calm', oms: [], store: [] }, { oms, obs });
    const sent = await driver.drain();
    for (let replays = 0; replays < maxReplaysAtTheEnd; replays++) {
      if ((await readFailedList(logs)).size === 0) break;
      await driver.replay();
    }
    await collect();
    const onFailedList = await readFailedList(logs);
    return {
      samples,
      verdict: ledger.judge(sent, onFailedList),
      sent,
      invocations: samples.reduce((sum, { invocations }) => sum + invocations, 0),
      requests: oms.requestCount,
      failed: onFailedList.size,
    };
  } finally {
    for (const timer of timers) clearInterval(timer);
    driver.stop();
    await Promise.all([oms.close(), obs.close()]);
    await rm(scratch, { recursive: true, force: true });
  }
}

/** The process of the function. */
class Driver {
  onSample: (sample: DriverSample) => void = () => undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;
  #onDrained: (sent: number) => void = () => undefined;
  #onReplayed: () => void = () => undefined;

  constructor(dist: string, ledger: Ledger) {
    this.#child = fork(path.join(dist, 'tools/soak/driver.js'), {
      execArgv: ['--expose-gc'],
      env: {},
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code, signal) =>
        reject(new Error(`the function's process ended (${signal ?? code})`)),
      );
    });
    this.#ended.catch(() => undefined); // Whoever waits says so.
    this.#child.on('message', (message: Message) => {
      if (message.kind === 'acknowledged') ledger.acknowledge(message.from, message.to);
      else if (message.kind === 'sample') this.onSample(message);
      else if (message.kind === 'drained') this.#onDrained(message.sent);
      else this.#onReplayed();
    });
  }

  send(command: Command): void {
    this.#child.send(command);
  }

  /** Waits; fails if the process ends meanwhile. */
  async wait(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const time = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms);
    });
    await Promise.race([time, this.#ended]).finally(() => clearTimeout(timer));
  }

  /** Lets it finish what it has; gives how many names it has sent. */
  async drain(): Promise<number> {
    const drained = new Promise<number>((resolve) => {
      this.#onDrained = resolve;
    });
    this.send({ kind: 'drain' });
    return Promise.race([drained, this.#ended]);
  }

  async replay(): Promise<void> {
    const replayed = new Promise<void>((resolve) => {
      this.#onReplayed = resolve;
    });
    this.send({ kind: 'replay' });
    return Promise.race([replayed, this.#ended]);
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
