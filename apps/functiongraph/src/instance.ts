import { OmsClient, readSettings, type LogBucket, type Settings } from '@oms-sync/core';
import { openLogBucket } from '@oms-sync/log-bucket';
import { openFile } from '@oms-sync/log-bucket/file';
import { openObs } from '@oms-sync/log-bucket/obs';
import type { FunctionGraphContext } from './context.ts';

/** The stores that this app has on board: that of the platform, and a folder to try things out. */
const stores = { obs: openObs, file: openFile };

/** What an instance of the function keeps from one invocation to the next: settings and connections. */
export interface Instance {
  readonly settings: Settings;
  readonly oms: OmsClient;
  readonly logBucket: LogBucket;
}

let current: { readonly fingerprint: string; readonly instance: Instance } | undefined;

/**
 * The instance for the settings of an invocation: the same one as long as the settings are the same.
 *
 * @throws {SettingsError} naming every wrong setting.
 */
export function getInstance(context: FunctionGraphContext): Instance {
  const texts: (string | null | undefined)[] = [];
  const lookUp = (name: string) => {
    const text = context.getUserData(name) ?? process.env[name];
    texts.push(text);
    return text;
  };
  const settings = readSettings(lookUp, ['obs', 'file']);
  const fingerprint = JSON.stringify(texts);
  if (current?.fingerprint === fingerprint) return current.instance;
  const instance = {
    settings,
    oms: new OmsClient(settings),
    logBucket: openLogBucket(settings, stores),
  };
  current = { fingerprint, instance };
  return instance;
}
