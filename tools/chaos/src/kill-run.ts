import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import type { Delivery, Platform, RunningFunction } from '@oms-sync/function-hosts';
import { startObsStandin, type ObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin, type Fault as OmsFault, type OmsStandin } from '@oms-sync/oms-standin';
import { makeRandom, testKeys, uglyNames } from '@oms-sync/testing';
import { readLists, type Layout } from './lists.ts';
import { findProblems, type Finding } from './verdict.ts';

/** A platform's function, and where and how it writes its lists. */
export interface Scenario {
  readonly platform: Platform;
  readonly store: 'file' | 'obs';
  readonly layout: Layout;
}

export interface KillRunOptions {
  readonly scenario: Scenario;
  /** How often the function's process is killed. */
  readonly kills: number;
  /** Of the names, the batches, the faults and the moments. What the machine does at that moment is its own affair. */
  readonly seed: number;
  /** The folder of the built bundles, `dist`. */
  readonly dist: string;
  /** The folder of the function's code, if it is not that of the platform's app in `dist`. */
  readonly code?: string;
  /** Called after each kill. */
  readonly onKill?: () => void;
}

/** When a process was killed, as seen from outside. */
export type Moment = 'before the first request' | 'between request and answer' | 'after the answer';

export interface KillRunResult {
  readonly kills: Readonly<Record<Moment, number>>;
  readonly deliveries: number;
  readonly replays: number;
  /** How many names the platform sent; each at least once. */
  readonly sent: number;
  readonly requested: number;
  readonly failed: number;
  /** What must not be; empty when all is well. */
  readonly findings: readonly Finding[];
}

const maxBatch = 40;
const killShare = 0.8;
const replayShare = 0.2;
/** Platforms deliver at least once: some of what was acknowledged comes again. */
const repeatShare = 0.05;
/** Names that OMS refuses for good. */
const refusedShare = 0.03;
/** Names that OMS does not take while they are delivered, but takes from a replay. */
const unluckyShare = 0.06;
/** When nothing is in the way any more, so many deliveries must do. */
const maxLastDeliveries = 50;
const deadlineSeconds = 6;

/**
 * Sends names through a function, whose process is killed at random moments while OMS and the log bucket have faults of
 * their own, delivers again what was not acknowledged, as the platform does, and compares at the end.
 */
export async function runKills(options: KillRunOptions): Promise<KillRunResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-kills-'));
  const random = makeRandom(options.seed);
  for (const bucket of ['source', 'logs']) mkdirSync(path.join(folder, bucket));
  let run: KillRun | undefined;
  // Nothing is copied: what OMS took is what counts.
  const oms = await startOmsStandin({
    buckets: folder,
    ...testKeys,
    copyDelayMs: 600_000,
    random,
    log: () => run?.noteRequest(),
  });
  const obs = await startObsStandin({ buckets: folder, ...testKeys });
  try {
    run = new KillRun(options, { folder, oms, obs, random });
    return await run.play();
  } finally {
    await run?.stop();
    await Promise.all([oms.close(), obs.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A name that the platform holds, and how often it has delivered it. */
interface Message {
  readonly name: string;
  readonly deliveries: number;
}

interface Surroundings {
  readonly folder: string;
  readonly oms: OmsStandin;
  readonly obs: ObsStandin;
  readonly random: () => number;
}

class KillRun {
  readonly #options: KillRunOptions;
  readonly #around: Surroundings;
  readonly #running: RunningFunction;
  readonly #lines: string[] = [];
  readonly #sent = new Set<string>();
  readonly #refused: string[] = [];
  readonly #unlucky: string[] = [];
  readonly #kills: Record<Moment, number> = {
    'before the first request': 0,
    'between request and answer': 0,
    'after the answer': 0,
  };
  #waiting: Message[] = [];
  #deliveries = 0;
  #replays = 0;
  #onRequest: () => void = () => undefined;
  /** How long an invocation takes: in a process that must start first, and in one that runs. Moving averages. */
  #typicalMs = { cold: 500, warm: 150 };
  #isCold = true;

  constructor(options: KillRunOptions, around: Surroundings) {
    this.#options = options;
    this.#around = around;
    const { platform, store, layout } = options.scenario;
    const task = around.oms.createTask({ srcBucket: 'source', dstBucket: 'destination' });
    this.#running = platform.start({
      code: options.code ?? path.join(options.dist, 'apps', platform.name),
      runtimes: path.join(options.dist, 'tools/function-hosts'),
      timeoutSeconds: deadlineSeconds,
      settings: {
        ...platform.channels[0].settings,
        sync_url: around.oms.syncUrl(task),
        log_bucket: store === 'obs' ? 'obs://logs' : pathToFileURL(path.join(around.folder, 'logs')).href,
        obs_endpoint: around.obs.url.href,
        hw_ak: testKeys.accessKey,
        hw_sk: testKeys.secretKey,
        hw_security_token: testKeys.securityToken,
        log_layout: layout,
        on_failure: layout === 'list' ? 'redeliver' : 'record',
        max_attempts: '2',
        request_timeout_ms: '1000',
      },
      log: (line) => this.#lines.push(line),
    });
  }

  /** To be called for each request that OMS has answered. */
  noteRequest(): void {
    this.#onRequest();
  }

  stop(): Promise<void> {
    return this.#running.stop();
  }

  async play(): Promise<KillRunResult> {
    while (this.#killCount < this.#options.kills) await this.#playRound();
    // From now on nothing is in the way, but what OMS refuses.
    this.#setOmsFaults([]);
    this.#around.obs.faults.clear();
    for (let count = 0; count < maxLastDeliveries && this.#waiting.length > 0; count++) {
      await this.#deliver(this.#waiting.splice(0, maxBatch), false);
    }
    await this.#running.stop();
    return this.#conclude();
  }

  async #playRound(): Promise<void> {
    const { random } = this.#around;
    const isKilled = random() < killShare;
    if (this.#sent.size > 0 && random() < replayShare) {
      this.#replays++;
      this.#setFaults([]);
      await this.#watch(this.#running.replay(), isKilled);
      return;
    }
    const size = 1 + Math.floor(random() * maxBatch);
    while (this.#waiting.length < size) this.#waiting.push({ name: this.#makeName(), deliveries: 0 });
    this.#setFaults(this.#unlucky);
    await this.#deliver(this.#waiting.splice(0, size), isKilled);
  }

  /** Delivers an event, and takes back what was not acknowledged. */
  async #deliver(batch: readonly Message[], isKilled: boolean): Promise<void> {
    const { random } = this.#around;
    this.#deliveries++;
    const [channel] = this.#options.scenario.platform.channels;
    const deliveries = 1 + Math.max(...batch.map((message) => message.deliveries));
    const delivery: Delivery = await this.#watch(
      this.#running.deliver(
        channel,
        batch.map(({ name }) => ({ name, kind: 'created' })),
        deliveries,
      ),
      isKilled,
    );
    const returned = new Set(delivery.returned);
    for (const { name } of batch) {
      if (returned.has(name)) this.#waiting.push({ name, deliveries });
      else if (isKilled && random() < repeatShare) this.#waiting.push({ name, deliveries: 0 });
    }
  }

  /** Waits for an invocation, and kills its process at a random moment, which may come after the answer. */
  async #watch<Result>(invocation: Promise<Result>, isKilled: boolean): Promise<Result> {
    const { oms } = this.#around;
    const kind = this.#isCold ? 'cold' : 'warm';
    const startedAt = performance.now();
    const requestsBefore = oms.requestCount;
    let isAnswered = false;
    const answered = invocation.finally(() => {
      isAnswered = true;
      this.#typicalMs[kind] += (performance.now() - startedAt - this.#typicalMs[kind]) * 0.2;
    });
    if (!isKilled) {
      this.#isCold = false;
      return answered;
    }
    await this.#waitForMoment(answered, this.#typicalMs[kind]);
    const moment: Moment = isAnswered
      ? 'after the answer'
      : oms.requestCount > requestsBefore
        ? 'between request and answer'
        : 'before the first request';
    if (await this.#running.kill()) {
      this.#kills[moment]++;
      this.#options.onKill?.();
    }
    this.#isCold = true;
    return answered;
  }

  /** Any time of an invocation, and a little after it; or soon after OMS has answered a request: much happens then. */
  async #waitForMoment(answered: Promise<unknown>, typicalMs: number): Promise<void> {
    const { random } = this.#around;
    if (random() < 0.5) return sleep(random() * typicalMs * 1.3);
    let left = 1 + Math.floor(random() * 4);
    const requested = new Promise<void>((resolve) => {
      this.#onRequest = () => {
        if (--left === 0) resolve();
      };
    });
    await Promise.race([requested, answered.catch(() => undefined)]);
    await sleep(random() * 40);
  }

  async #conclude(): Promise<KillRunResult> {
    const { folder, oms } = this.#around;
    const lists = await readLists(path.join(folder, 'logs'));
    const findings = findProblems({
      sent: this.#sent,
      waiting: new Set(this.#waiting.map(({ name }) => name)),
      received: new Set(oms.received.flatMap(({ names }) => names)),
      lists,
    });
    return {
      kills: this.#kills,
      deliveries: this.#deliveries,
      replays: this.#replays,
      sent: this.#sent.size,
      requested: lists.requested.size,
      failed: lists.failed.size,
      findings: [...findings, ...this.#findBrokenLines(lists.text)],
    };
  }

  /** Log lines whose sum is wrong, and keys. */
  #findBrokenLines(lists: string): Finding[] {
    const sums = this.#lines.filter((line) => line.includes('"event":"sync"') && !isConserved(line));
    const keys = Object.entries(testKeys).filter(([, key]) =>
      [lists, ...this.#lines].some((text) => text.includes(key)),
    );
    return [
      { problem: 'the sum of a log line is wrong', names: sums },
      { problem: 'a key was written', names: keys.map(([name]) => name) },
    ].filter(({ names }) => names.length > 0);
  }

  get #killCount(): number {
    return Object.values(this.#kills).reduce((sum, count) => sum + count);
  }

  /** Ugly, and never the same twice. */
  #makeName(): string {
    const { random } = this.#around;
    const ugly = uglyNames.filter((name) => Buffer.byteLength(name) < 900);
    const name = `${this.#sent.size.toString(36)}-${ugly[Math.floor(random() * ugly.length)]}`;
    this.#sent.add(name);
    if (random() < refusedShare) this.#refused.push(name);
    if (random() < unluckyShare) this.#unlucky.push(name);
    return name;
  }

  #setFaults(unlucky: readonly string[]): void {
    this.#setOmsFaults([
      ...forNames(unlucky, { kind: 'answer', status: 500 }),
      { kind: 'answer', status: 500, share: 0.15 },
      { kind: 'reset', when: 'after', share: 0.05 },
      { kind: 'slow', delayMs: 40, share: 0.4 },
    ]);
    this.#around.obs.faults.set([
      { operation: 'put', kind: 'answer', status: 503, code: 'SlowDown', share: 0.05 },
      { operation: 'put', kind: 'truncated', share: 0.03 },
      { kind: 'slow', delayMs: 15, share: 0.4 },
    ]);
  }

  /** OMS refuses what it refuses, come what may. */
  #setOmsFaults(faults: readonly OmsFault[]): void {
    const refusal = { kind: 'answer', status: 400, errorCode: 'OMS.0064' } as const;
    this.#around.oms.faults.set([...forNames(this.#refused, refusal), ...faults]);
  }
}

function forNames(names: readonly string[], fault: OmsFault): OmsFault[] {
  return names.length === 0 ? [] : [{ ...fault, names }];
}

/** The conservation law, in a line of the log. */
function isConserved(line: string): boolean {
  const record: unknown = JSON.parse(/\{.*\}$/.exec(line)?.[0] ?? '{}');
  const number = (field: string) =>
    Number(typeof record === 'object' && record !== null ? Reflect.get(record, field) : Number.NaN);
  const parts = ['requested', 'unrequested', 'filtered', 'merged', 'returned'];
  return parts.reduce((sum, part) => sum + number(part), 0) === number('received');
}
