import {
  Instance,
  limitRate,
  Logger,
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
import { History, lookEveryMs, type Look } from './dashboard/history.ts';
import { RecentFailures } from './dashboard/recent-failures.ts';
import { Dispatcher } from './dispatcher.ts';
import { findOldestUnsettled, Metrics } from './metrics.ts';
import type { ServiceSettings } from './service-settings.ts';
import type { Source } from './source.ts';

const openers = { obs: openObs, s3: openS3, az: openAzureBlob, gs: openGcs, file: openFile };
const namesPerRequest = 10;

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
  /** In milliseconds since 1970. */
  readonly startedAt = systemClock.now();
  readonly history: History;
  readonly failures = new RecentFailures();
  readonly #instance: Instance;
  readonly #log: LogSink;
  readonly #logger: Logger;
  readonly #timers: readonly NodeJS.Timeout[];
  #replay: Promise<Replay> | undefined;

  constructor({ core, service }: ServiceSettings, sources: readonly Source[], log: LogSink) {
    // A service keeps what fails: it is returned to the dispatcher while the fault is a passing one.
    const settings = { ...core, onFailure: 'redeliver' } as const;
    const client: SyncEventSink = this.metrics.measure(new OmsClient(settings));
    const { rate_limit: namesPerSecond } = service;
    const oms = namesPerSecond === undefined ? client : limitRate(client, namesPerSecond, systemClock);
    this.#instance = new Instance(settings, openLogBucket(settings, openers), oms);
    this.#log = log;
    this.#logger = new Logger(core.logLevel, log);
    this.sources = sources;
    this.dispatcher = new Dispatcher({
      instance: this.#instance,
      clock: systemClock,
      random: Math.random,
      log,
      recordsInARun: core.maxInFlight * namesPerRequest,
      retryMaxAgeMs: service.retry_max_age,
      observer: this.metrics,
      onUnrequested: (name, { code, message }, source) =>
        this.failures.add({ time: systemClock.now(), source, name, code, message }),
    });
    this.history = new History(this.#look());
    this.#timers = [
      setInterval(() => void this.replay(), service.replay_every),
      setInterval(() => this.history.add(this.#look()), lookEveryMs),
    ];
    for (const timer of this.#timers) timer.unref();
    this.metrics.observe({ dispatcher: this.dispatcher, sources });
  }

  /** Rejects if a source can never work. */
  async start(): Promise<void> {
    await Promise.all(
      this.sources.map((source) => source.start((delivery) => this.dispatcher.submit(delivery))),
    );
  }

  /** Requests nothing more until {@link resume}. Notifications are kept meanwhile. */
  pause(): void {
    this.dispatcher.pause();
    this.#logger.log('info', 'paused', {});
  }

  resume(): void {
    this.dispatcher.resume();
    this.#logger.log('info', 'resumed', {});
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
    return replay;
  }

  #look(): Look {
    const time = systemClock.now();
    const lagSeconds = Math.max(0, time - (findOldestUnsettled(this) ?? time)) / 1000;
    return { time, totals: this.metrics.totals, lagSeconds, held: this.dispatcher.held };
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    await Promise.all(this.sources.map((source) => source.stop()));
    await this.dispatcher.stop();
    await Promise.all(this.sources.map((source) => source.close()));
  }
}
