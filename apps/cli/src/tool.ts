import {
  Instance,
  RateLimit,
  OmsClient,
  readSettings,
  systemClock,
  type Environment,
  type LogBucket,
  type LogSink,
  type SettingName,
  type Settings,
  type StoreOptions,
} from '@oms-sync/core';
import { openLogBucket, type LogBucketSettings } from '@oms-sync/log-bucket';
import { openAzureBlob } from '@oms-sync/log-bucket/azure-blob';
import { openFile } from '@oms-sync/log-bucket/file';
import { openGcs } from '@oms-sync/log-bucket/gcs';
import { openObs } from '@oms-sync/log-bucket/obs';
import { openS3 } from '@oms-sync/log-bucket/s3';
import type { Screen } from './screen.ts';

const openers = { obs: openObs, s3: openS3, az: openAzureBlob, gs: openGcs, file: openFile };

/** What every command works with: the settings, and where it shows what it does. Nothing is opened before it is asked for. */
export class Tool {
  readonly screen: Screen;
  readonly isVerbose: boolean;
  readonly #env: Environment;
  #settings: Settings | undefined;
  #logBucket: LogBucket | undefined;

  constructor(options: { readonly screen: Screen; readonly isVerbose: boolean; readonly env: Environment }) {
    this.screen = options.screen;
    this.isVerbose = options.isVerbose;
    this.#env = options.env;
  }

  /** The text of a setting, or of another variable of the environment, such as the keys of a source bucket. */
  readonly lookUp = (name: SettingName | (string & {})): string | undefined => this.#env[name];

  /** @throws {SettingsError} naming every wrong setting. */
  get settings(): Settings {
    return (this.#settings ??= readSettings(this.lookUp, ['obs', 's3', 'az', 'gs', 'file']));
  }

  /** The log bucket of the settings. */
  get logBucket(): LogBucket {
    return (this.#logBucket ??= this.openLogBucket(this.settings));
  }

  /** For calls of the log bucket that may take their time: what fails in passing is tried again. */
  get store(): StoreOptions {
    return { logBucket: this.logBucket, clock: systemClock, random: Math.random, writeUntil: Infinity };
  }

  /** Opens another log bucket, or that of settings that are only right in part. */
  openLogBucket(settings: LogBucketSettings): LogBucket {
    return openLogBucket(settings, openers);
  }

  /**
   * What requests objects and writes the lists, as in the function apps.
   *
   * @param options.namesPerSecond requests no more than that, if given.
   * @param options.layout of the lists; that of the settings if not given.
   */
  openInstance(
    options: { readonly namesPerSecond?: number | undefined; readonly layout?: Settings['logLayout'] } = {},
  ): Instance {
    const settings = { ...this.settings, ...(options.layout && { logLayout: options.layout }) };
    const client = new OmsClient(settings);
    const { namesPerSecond } = options;
    const oms = namesPerSecond === undefined ? client : new RateLimit(client, namesPerSecond, systemClock);
    return new Instance(settings, this.logBucket, oms);
  }

  /** The log lines of a run: the command sums them up itself, so they are only shown to those who want all of them. */
  readonly log: LogSink = (_level, line) => {
    if (this.isVerbose) this.screen.note(line);
  };
}
