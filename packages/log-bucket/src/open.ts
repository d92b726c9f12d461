import { SettingsError, type LogBucket, type LogBucketAddress, type Settings } from '@oms-sync/core';

type Store = LogBucketAddress['store'];

/** The settings that say where the lists live and how to get in. */
export type LogBucketSettings = Pick<Settings, 'logBucket' | 'obsEndpoint' | 'credentials'>;

/** Opens the log bucket of one store: `openObs` from `@oms-sync/log-bucket/obs`, `openFile` from `…/file`. */
export type LogBucketOpener = (settings: LogBucketSettings) => LogBucket;

/** The stores that an app has. Each app lists its own, so that its bundle holds no SDK that it does not use. */
export type LogBucketOpeners = { readonly [Name in Store]?: LogBucketOpener };

/**
 * Opens the log bucket that the settings name. Nothing is loaded or sent before its first use.
 *
 * @example openLogBucket(settings, { obs: openObs, file: openFile })
 * @throws {SettingsError} when this app does not have the store.
 */
export function openLogBucket(settings: LogBucketSettings, openers: LogBucketOpeners): LogBucket {
  const { store } = settings.logBucket;
  const open = openers[store];
  if (open === undefined) throw wrongStore(store, Object.keys(openers));
  return open(settings);
}

/** Says which stores a log bucket can be in here. */
export function wrongStore(store: Store, known: readonly string[]): SettingsError {
  const expected = `a bucket in a store that this app has on board: ${known.join(', ')}`;
  return new SettingsError([{ setting: 'log_bucket', expected, found: `one in ${store}` }]);
}
