import { isLoopback, readSettings, SettingsError, type SettingName, type Settings } from '@oms-sync/core';
import { ok, warning, wrong, type Finding } from './finding.ts';

/** What of the settings can be worked with. */
export interface CheckedSettings {
  readonly findings: readonly Finding[];
  /** There if all that OMS takes is right. */
  readonly oms: Pick<Settings, 'syncUrl' | 'syncTaskId' | 'credentials'> | undefined;
  /** There if all that the log bucket takes is right. */
  readonly logBucket: Pick<Settings, 'logBucket' | 'obsEndpoint' | 'credentials'> | undefined;
}

type LookUp = (name: SettingName) => string | undefined;

const stores = ['obs', 's3', 'az', 'gs', 'file'] as const;
const secrets = ['hw_ak', 'hw_sk', 'hw_security_token'] as const;
/** What stands in for a setting that is wrong, so that the others can be read. Nothing is ever sent to these. */
const placeholders: Partial<Record<SettingName, string>> = {
  sync_url: 'https://oms.invalid/v2/project/sync-tasks/task/events',
  log_bucket: 'file:///placeholder', // One that needs no other setting.
  obs_endpoint: 'obs.invalid',
  hw_ak: 'placeholder',
  hw_sk: 'placeholder',
};

/** Reads the settings, and goes on with those that are right where others are not. */
export function checkSettings(lookUp: LookUp): CheckedSettings {
  const problems = findProblems(lookUp);
  const isWrong = (name: SettingName) => problems.some(({ setting }) => setting === name);
  // The task may be named by the address: both are read as they are, or neither.
  const isWrongAddress = isWrong('sync_url') || isWrong('sync_task_id');
  const settings = readSettings((name) => {
    if (name === 'sync_task_id' && isWrongAddress) return undefined;
    return isWrong(name) || (name === 'sync_url' && isWrongAddress) ? placeholders[name] : lookUp(name);
  }, stores);
  const areKeysRight = !secrets.some(isWrong);
  const isLogBucketRight =
    !isWrong('log_bucket') &&
    !isWrong('obs_endpoint') &&
    (areKeysRight || settings.logBucket.store !== 'obs');
  const oms = !isWrongAddress && areKeysRight ? settings : undefined;
  const logBucket = isLogBucketRight ? settings : undefined;
  return {
    findings: [
      ...(problems.length === 0 ? [ok('settings', 'complete, and none contradicts another')] : []),
      ...problems.map(({ setting, expected, found }) =>
        wrong(
          `setting ${setting}`,
          `${found}, expected ${expected}`,
          `set ${setting} in the environment or in --env-file; docs/settings.md says where it comes from`,
        ),
      ),
      ...secrets.flatMap((name) => checkSpace(name, lookUp(name))),
      ...(oms === undefined ? [] : checkScheme('sync_url', oms.syncUrl)),
      ...(logBucket?.logBucket.store === 'obs' ? checkScheme('obs_endpoint', logBucket.obsEndpoint) : []),
    ],
    oms,
    logBucket,
  };
}

function findProblems(lookUp: LookUp): SettingsError['problems'] {
  try {
    readSettings(lookUp, stores);
    return [];
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
}

/** oms-sync drops space around a value; whatever else reads the same secret does not. */
function checkSpace(name: SettingName, text: string | undefined): Finding[] {
  if (text === undefined || text.trim() === '' || text === text.trim()) return [];
  return [
    warning(
      `setting ${name}`,
      'a space or a line break stands around it',
      'paste it again without: oms-sync drops it, other programs take it for a part of the key',
    ),
  ];
}

/** Settings with plain http to other machines are wrong; to this one they are good for tests. */
function checkScheme(name: SettingName, url: URL | undefined): Finding[] {
  if (url?.protocol !== 'http:' || !isLoopback(url)) return [];
  const found = `plain http to this machine (${url.host}): good for tests only`;
  return [warning(`setting ${name}`, found, `for real, an https address`)];
}
