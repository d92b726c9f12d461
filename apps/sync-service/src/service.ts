import {
  Instance,
  RateLimit,
  OmsClient,
  systemClock,
  type LogSink,
  type Replay,
  type SyncEventSink,
} from '@oms-sync/core';
import { openLogBucket } from '@oms-sync/log-bucket';
import { openAzureBlob } from '@oms-sync/log-bucket/azure-blob';
import { openFile } from '@oms-sync/log-bucket/file';
import { openGcs } from '@oms-sync/log-bucket/gcs';
import { openObs } from '@oms-sync/log-bucket/obs';
import { openS3 } from '@oms-sync/log-bucket/s3';
import { Dispatcher } from './dispatcher.ts';
import { Metrics } from './metrics.ts';
import type { ServiceSettings } from './service-settings.ts';
import type { Source } from './source.ts';

const openers = { obs: openObs, s3: openS3, az: openAzureBlob, gs: openGcs, file: openFile };
const namesPerRequest = 10;

export interface ReplayOutcome {
  /** Milliseconds since 1970. */
  readonly endedAt: number;
  readonly requested: number;
  /** On the failed list again. */
  readonly unrequested: number;
  /** Keys of the list that were not looked at. */
  readonly leftKeys: number;
  readonly problem: string | undefined;
}

/**
 * The running service: sources deliver, the dispatcher settles, and on a schedule the failed list is replayed.
 *
 * It ends in the order that loses nothing: sources deliver nothing more, what is under way is finished, the rest is handed
 * back, and only then the connections go.
 */
export class Service {
  readonly dispatcher: Dispatcher;
  readonly metrics = new Metrics();
  readonly sources: readonly Source[];
  /** Objects a second requested at most; the setting, until somebody changes it. */
  readonly rateLimit: RateLimit;
  readonly #instance: Instance;
  readonly #log: LogSink;
  readonly #replayTimer: NodeJS.Timeout;
  #replay: Promise<Replay> | undefined;
  #lastReplay: ReplayOutcome | undefined;

  constructor({ core, service }: ServiceSettings, sources: readonly Source[], log: LogSink) {
    // A service keeps what fails: it is returned to the dispatcher while the fault is a passing one.
    const settings = { ...core, onFailure: 'redeliver' } as const;
    const client: SyncEventSink = this.metrics.measure(new OmsClient(settings));
    this.rateLimit = new RateLimit(client, service.rate_limit, systemClock);
    this.#instance = new Instance(settings, openLogBucket(settings, openers), this.rateLimit);
    this.#log = log;
    this.sources = sources;
    this.dispatcher = new Dispatcher({
      instance: this.#instance,
      clock: systemClock,
      random: Math.random,
      log,
      recordsInARun: core.maxInFlight * namesPerRequest,
      retryMaxAgeMs: service.retry_max_age,
      observer: this.metrics,
    });
    this.#replayTimer = setInterval(() => void this.replay(), service.replay_every);
    this.#replayTimer.unref();
  }

  get isReplaying(): boolean {
    return this.#replay !== undefined;
  }

  /** What the last replay came to; undefined before the first one. */
  get lastReplay(): ReplayOutcome | undefined {
    return this.#lastReplay;
  }

  /** Rejects if a source can never work. */
  async start(): Promise<void> {
    await Promise.all(
      this.sources.map((source) => source.start((delivery) => this.dispatcher.submit(delivery))),
    );
  }

  /** Requests what is on the failed list again; one at a time, and not while OMS takes nothing. */
  async replay(): Promise<Replay | undefined> {
    if (this.dispatcher.isPaused || this.dispatcher.isResting) return undefined;
    this.#replay ??= this.#replayOnce().finally(() => (this.#replay = undefined));
    return this.#replay;
  }

  async #replayOnce(): Promise<Replay> {
    const replay = await this.#instance.replay({
      deadline: Infinity,
      requestId: undefined,
      log: this.#log,
    });
    this.metrics.replayed(replay);
    const { report, leftKeys, problem } = replay;
    const { requested, unrequested } = report;
    this.#lastReplay = {
      endedAt: systemClock.now(),
      requested,
      unrequested,
      leftKeys,
      problem: problem?.message,
    };
    return replay;
  }

  async stop(): Promise<void> {
    clearInterval(this.#replayTimer);
    await Promise.all(this.sources.map((source) => source.stop()));
    await this.dispatcher.stop();
    await Promise.all(this.sources.map((source) => source.close()));
  }
}
