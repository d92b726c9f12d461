import { systemClock } from './clock.ts';
import type { LogBucket } from './log-bucket.ts';
import { Logger, type LogSink } from './logger.ts';
import { OmsClient, type SyncEventSink } from './oms-client.ts';
import type { LogBucketAddress } from './settings-address.ts';
import { readSettings, SettingsError, type SettingName, type Settings } from './settings.ts';
import type { StorageRecord } from './storage-record.ts';
import { replay, type Replay, type SelectedReplay } from './replay.ts';
import type { SyncEnvironment } from './settlement.ts';
import { synchronize, type Synchronization, type SynchronizationOptions } from './synchronization.ts';
import type { InTurn } from './sync-run.ts';
import { TurnKeeper } from './turn-keeper.ts';

/** What opens the log buckets of the stores that an app has on board. */
export type LogBucketOpeners = {
  readonly [Store in LogBucketAddress['store']]?: (settings: Settings) => LogBucket;
};

/** What an app knows about one invocation. */
export interface Invocation extends Pick<SynchronizationOptions, 'deadline' | 'requestId' | 'canRedeliver'> {
  /** The platform's own logger. */
  readonly log: LogSink;
}

/** What a running app keeps from one invocation to the next: settings and connections, and nothing else. */
export class Instance {
  readonly settings: Settings;
  readonly #oms: SyncEventSink;
  /** `max_in_flight` is that of the instance, however many invocations it serves at once; live ones go first. */
  readonly #turns: TurnKeeper;
  readonly #logBucket: LogBucket;

  /** @param oms what takes the requests; the task of the settings, unless something stands in between. */
  constructor(settings: Settings, logBucket: LogBucket, oms: SyncEventSink = new OmsClient(settings)) {
    this.settings = settings;
    this.#oms = oms;
    this.#turns = new TurnKeeper(settings.maxInFlight);
    this.#logBucket = logBucket;
  }

  /** Settles everything that one invocation received, see {@link synchronize}. */
  synchronize(
    records: readonly StorageRecord[],
    { log, ...invocation }: Invocation,
  ): Promise<Synchronization> {
    return synchronize(records, { ...this.#environment(log, this.#turns.inLiveTurn), ...invocation });
  }

  /** Requests again what is on the failed list, see {@link replay}. */
  replay({ log, deadline, requestId }: Invocation, selected?: SelectedReplay): Promise<Replay> {
    const maxObjects = selected === undefined ? undefined : Infinity;
    const environment = this.#environment(log, this.#turns.inReplayTurn);
    return replay({ ...environment, deadline, requestId, maxObjects, selected });
  }

  #environment(log: LogSink, inTurn: InTurn): SyncEnvironment {
    return {
      settings: this.settings,
      oms: this.#oms,
      inTurn,
      logBucket: this.#logBucket,
      logger: new Logger(this.settings.logLevel, log),
      clock: systemClock,
      random: Math.random,
    };
  }
}

/** The instance of an app: the same one as long as the settings are the same. */
export class InstanceKeeper {
  readonly #openers: LogBucketOpeners;
  #kept: { readonly texts: string; readonly instance: Instance } | undefined;

  constructor(openers: LogBucketOpeners) {
    this.#openers = openers;
  }

  /**
   * @param lookUp gives the text of a setting, as for {@link readSettings}.
   * @param log gets a line if the settings are wrong, where the platform does not log what is thrown by itself.
   * @throws {SettingsError} naming every wrong setting.
   */
  get(lookUp: (name: SettingName) => string | null | undefined, log?: LogSink): Instance {
    try {
      return this.#open(lookUp);
    } catch (error) {
      if (error instanceof SettingsError && log !== undefined) {
        new Logger('error', log).log('error', 'misconfigured', { message: error.message });
      }
      throw error;
    }
  }

  #open(lookUp: (name: SettingName) => string | null | undefined): Instance {
    const texts: Partial<Record<SettingName, string | null | undefined>> = {};
    const stores = (['obs', 's3', 'az', 'gs', 'file'] as const).filter((store) => this.#openers[store]);
    const settings = readSettings((name) => (texts[name] = lookUp(name)), stores);
    const fingerprint = JSON.stringify(texts);
    if (this.#kept?.texts !== fingerprint) {
      const open = this.#openers[settings.logBucket.store];
      if (open === undefined) throw new TypeError(`no opener for ${settings.logBucket.store}`);
      this.#kept = { texts: fingerprint, instance: new Instance(settings, open(settings)) };
    }
    return this.#kept.instance;
  }
}
