import {
  parseLogBucket,
  parseStoreEndpoint,
  parseSyncUrl,
  type LogBucketAddress,
} from './settings-address.ts';
import type { Secret } from './secret.ts';
import {
  matching,
  oneOf,
  parseDuration,
  parseList,
  parseSecret,
  readValues,
  SettingsError,
  wholeNumber,
  type Setting,
  type SettingProblem,
  type ValuesOf,
} from './setting-values.ts';

export { SettingsError, type SettingProblem };

/** Everything that an app can be told. Each field is the setting of the same name in snake case. */
export interface Settings {
  /** The whole address that receives the synchronization requests, `…/sync-tasks/{id}/events`. */
  readonly syncUrl: URL;
  readonly syncTaskId: string;
  readonly logBucket: LogBucketAddress;
  /** The OBS domain name of the log bucket's region; there whenever the log bucket is in OBS. */
  readonly obsEndpoint: URL | undefined;
  readonly credentials: Credentials;
  readonly logLayout: 'object' | 'list';
  readonly onFailure: 'record' | 'redeliver';
  readonly filter: NameFilter;
  /** Requests to OMS at a time. */
  readonly maxInFlight: number;
  readonly requestTimeoutMs: number;
  readonly maxAttempts: number;
  /** How long a replay tries what is on the failed list; `Infinity` for ever. */
  readonly replayMaxAgeMs: number;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** How EventGrid delivers object keys, where the event itself cannot tell. */
  readonly eventgridKeyEncoding: 'form' | 'raw';
}

/** The access key pair of the account of the synchronization task. */
export interface Credentials {
  readonly accessKey: Secret;
  readonly secretKey: Secret;
  /** For temporary keys. */
  readonly securityToken: Secret | undefined;
}

/** Which names are synchronized. An empty list of includes means all. */
export interface NameFilter {
  readonly includePrefix: readonly string[];
  readonly excludePrefix: readonly string[];
  readonly includeSuffix: readonly string[];
  readonly excludeSuffix: readonly string[];
}

/** The schema: every setting there is. The documentation's reference is checked against it. */
export const settingsSchema = {
  sync_url: {
    meaning: "address for receiving synchronization requests, from the synchronization task's details",
    parse: parseSyncUrl,
    needed: true,
  },
  sync_task_id: {
    meaning: 'the synchronization task, unless `sync_url` names it',
    parse: matching(/^[\w-]+$/, 'the id of a synchronization task (letters, digits, - and _)'),
  },
  log_bucket: {
    meaning: 'where the lists go: the name of an OBS bucket, or a URL that picks another store',
    parse: parseLogBucket,
    needed: true,
  },
  obs_endpoint: {
    meaning: "the OBS domain name of the log bucket's region, needed for a log bucket in OBS",
    parse: parseStoreEndpoint,
  },
  hw_ak: {
    meaning: 'access key id of the account of the synchronization task',
    parse: parseSecret,
    needed: true,
    secret: true,
  },
  hw_sk: {
    meaning: 'secret access key of the account of the synchronization task',
    parse: parseSecret,
    needed: true,
    secret: true,
  },
  hw_security_token: { meaning: 'security token, for temporary keys', parse: parseSecret, secret: true },
  log_layout: {
    meaning: 'one log object per source object (`object`) or one file per invocation (`list`)',
    parse: oneOf('object', 'list'),
    otherwise: 'object',
  },
  on_failure: {
    meaning:
      'write what could not be requested on the failed list (`record`), or hand it back to the platform while the fault is a passing one, where the platform can take single messages back (`redeliver`)',
    parse: oneOf('record', 'redeliver'),
    otherwise: 'record',
  },
  include_prefix: { meaning: 'only names that begin with one of these', parse: parseList, otherwise: [] },
  exclude_prefix: { meaning: 'no names that begin with one of these', parse: parseList, otherwise: [] },
  include_suffix: { meaning: 'only names that end with one of these', parse: parseList, otherwise: [] },
  exclude_suffix: { meaning: 'no names that end with one of these', parse: parseList, otherwise: [] },
  max_in_flight: {
    meaning: 'requests to OMS at a time, per instance',
    parse: wholeNumber(1, 1000),
    otherwise: 10,
  },
  request_timeout_ms: {
    meaning: 'how long one request to OMS may take, in milliseconds',
    parse: wholeNumber(1, 600_000),
    otherwise: 10_000,
  },
  max_attempts: {
    meaning: 'how often one request to OMS is tried while the fault is a passing one',
    parse: wholeNumber(1, 100),
    otherwise: 5,
  },
  replay_max_age: {
    meaning: 'how long what is on the failed list is replayed: after that it is parked',
    parse: parseDuration,
  },
  log_level: {
    meaning: 'the least level that is logged',
    parse: oneOf('debug', 'info', 'warn', 'error'),
    otherwise: 'info',
  },
  eventgrid_key_encoding: {
    meaning:
      "how EventGrid delivers object keys: URL-encoded (`form`, the subscription's object key encoding is on) or as they are (`raw`, it is off)",
    parse: oneOf('form', 'raw'),
    otherwise: 'form',
  },
} as const satisfies Record<string, Setting<unknown>>;

export type SettingName = keyof typeof settingsSchema;

type Values = ValuesOf<typeof settingsSchema>;

/**
 * Reads all settings.
 *
 * @param lookUp gives the text of a setting; undefined, null and blank mean "not set". Space around it is dropped:
 *   it comes from pasting, no setting can want it.
 * @param stores the stores of log buckets that the app has on board.
 * @throws {SettingsError} naming every wrong setting, if there is one.
 */
export function readSettings(
  lookUp: (name: SettingName) => string | null | undefined,
  stores: readonly LogBucketAddress['store'][],
): Settings {
  const { found, problems: wrong } = readValues(settingsSchema, lookUp);
  const problems = [...wrong, ...findContradictions(found, wrong, stores)];
  if (problems.length > 0) throw new SettingsError(problems);

  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whatever is missing was a problem
  const values = found as Values;
  // One of the two is there: anything else is a contradiction.
  const syncTaskId = values.sync_url.taskId ?? values.sync_task_id ?? '';
  return {
    syncUrl: values.sync_url.complete(syncTaskId),
    syncTaskId,
    logBucket: values.log_bucket,
    obsEndpoint: values.obs_endpoint,
    credentials: {
      accessKey: values.hw_ak,
      secretKey: values.hw_sk,
      securityToken: values.hw_security_token,
    },
    logLayout: values.log_layout,
    onFailure: values.on_failure,
    filter: {
      includePrefix: values.include_prefix,
      excludePrefix: values.exclude_prefix,
      includeSuffix: values.include_suffix,
      excludeSuffix: values.exclude_suffix,
    },
    maxInFlight: values.max_in_flight,
    requestTimeoutMs: values.request_timeout_ms,
    maxAttempts: values.max_attempts,
    replayMaxAgeMs: values.replay_max_age ?? Infinity,
    logLevel: values.log_level,
    eventgridKeyEncoding: values.eventgrid_key_encoding,
  };
}

/** What is wrong between settings that are each right. A setting with a problem of its own is left alone. */
function* findContradictions(
  values: Partial<Values>,
  problems: readonly SettingProblem[],
  stores: readonly LogBucketAddress['store'][],
): Generator<SettingProblem, void, undefined> {
  const {
    sync_url: syncUrl,
    sync_task_id: taskId,
    log_bucket: logBucket,
    obs_endpoint: obsEndpoint,
  } = values;
  const isRight = (name: SettingName) => problems.every(({ setting }) => setting !== name);

  if (syncUrl !== undefined && isRight('sync_task_id')) {
    if (syncUrl.taskId === undefined && taskId === undefined) {
      yield {
        setting: 'sync_task_id',
        expected: 'the id of the synchronization task, as sync_url does not name it',
        found: 'nothing',
      };
    }
    if (syncUrl.taskId !== undefined && taskId !== undefined && syncUrl.taskId !== taskId) {
      yield {
        setting: 'sync_task_id',
        expected: `the task that sync_url names, "${syncUrl.taskId}"`,
        found: 'another one',
      };
    }
  }
  if (logBucket !== undefined && !stores.includes(logBucket.store)) {
    yield {
      setting: 'log_bucket',
      expected: `a bucket in a store that this app has on board: ${stores.join(', ')}`,
      found: logBucket.store,
    };
  }
  if (logBucket?.store === 'obs' && obsEndpoint === undefined && isRight('obs_endpoint')) {
    yield {
      setting: 'obs_endpoint',
      expected: `the OBS domain name of the region of log_bucket "${logBucket.bucket}"`,
      found: 'nothing',
    };
  }
}
