import { inspect } from 'node:util';
import { testKeys } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import { readSettings, SettingsError, settingsSchema, type SettingName } from './settings.ts';

const taskId = '31e9b7e6-6ffb-452f-9842-6ce354d99d75';
const base = 'https://oms.cn-north-4.myhuaweicloud.com/v2/f697f813554a4f05bac882a183b20878';

const valid: Partial<Record<SettingName, string>> = {
  sync_url: `${base}/sync-tasks/${taskId}/events`,
  log_bucket: 'migration-logs',
  obs_endpoint: 'obs.cn-north-4.myhuaweicloud.com',
  hw_ak: testKeys.accessKey,
  hw_sk: testKeys.secretKey,
};

function read(changes: Partial<Record<SettingName, string | undefined>> = {}) {
  const texts = { ...valid, ...changes };
  return readSettings((name) => texts[name], ['obs', 's3', 'az', 'gs', 'file']);
}

function problems(changes: Partial<Record<SettingName, string | undefined>>) {
  try {
    read(changes);
  } catch (error) {
    if (error instanceof SettingsError) return error.problems;
    throw error;
  }
  return [];
}

describe('readSettings', () => {
  it('needs five settings and knows the rest', () => {
    expect(read()).toMatchObject({
      syncTaskId: taskId,
      logBucket: { store: 'obs', bucket: 'migration-logs', prefix: '' },
      logLayout: 'object',
      onFailure: 'record',
      filter: { includePrefix: [], excludePrefix: [], includeSuffix: [], excludeSuffix: [] },
      maxInFlight: 10,
      requestTimeoutMs: 10_000,
      maxAttempts: 5,
      logLevel: 'info',
      eventgridKeyEncoding: 'form',
    });
    expect(read().syncUrl.href).toBe(valid.sync_url);
    expect(read().obsEndpoint?.href).toBe('https://obs.cn-north-4.myhuaweicloud.com/');
  });

  it.each([
    [`${base}/sync-tasks/${taskId}/events`, undefined],
    [`${base}/sync-tasks/${taskId}/events/`, taskId],
    [`${base}/sync-tasks/${taskId}`, undefined],
    [`${base}/sync-tasks`, taskId],
    [`${base}/sync-tasks/`, taskId],
    [base, taskId],
    [`${base}/`, taskId],
    [`  ${base}\n`, `${taskId} `],
  ])('completes the address %j with the task %j', (sync_url, sync_task_id) => {
    expect(read({ sync_url, sync_task_id }).syncUrl.href).toBe(valid.sync_url);
    expect(read({ sync_url, sync_task_id }).syncTaskId).toBe(taskId);
  });

  it.each([
    [{ sync_url: 'http://oms.example.com/v2/p/sync-tasks/t/events' }, 'sync_url'],
    [{ sync_url: 'https://oms.example.com/' }, 'sync_url'],
    [{ sync_url: 'https://user:pass@oms.example.com/v2/p/sync-tasks/t/events' }, 'sync_url'],
    [{ sync_url: 'https://oms.example.com/v2/p/sync-tasks/t/events?x=1' }, 'sync_url'],
    [{ sync_url: 'not an address' }, 'sync_url'],
    [{ sync_url: 'https://oms.example.com/v2/sync-tasks', sync_task_id: taskId }, 'sync_url'],
    [{ sync_url: `${base}/sync-tasks/events` }, 'sync_url'],
    [{ sync_url: `https://oms.example.com/sync-tasks/${taskId}/events` }, 'sync_url'],
    [{ sync_url: base }, 'sync_task_id'],
    [{ sync_task_id: 'another-task' }, 'sync_task_id'],
    [{ sync_task_id: 'a/b' }, 'sync_task_id'],
    [{ log_bucket: 'Upper' }, 'log_bucket'],
    [{ log_bucket: 'bucket/prefix' }, 'log_bucket'],
    [{ log_bucket: 'ftp://bucket' }, 'log_bucket'],
    [{ log_bucket: 'az://account' }, 'log_bucket'],
    [{ log_bucket: 'file://host/folder' }, 'log_bucket'],
    [{ obs_endpoint: undefined }, 'obs_endpoint'],
    [{ obs_endpoint: 'http://obs.example.com' }, 'obs_endpoint'],
    [{ obs_endpoint: 'obs.example.com/bucket' }, 'obs_endpoint'],
    [{ hw_ak: undefined }, 'hw_ak'],
    [{ hw_sk: 'two words' }, 'hw_sk'],
    [{ hw_security_token: 'new\nline' }, 'hw_security_token'],
    [{ log_layout: 'Object' }, 'log_layout'],
    [{ on_failure: 'drop' }, 'on_failure'],
    [{ include_prefix: 'a/,,b/' }, 'include_prefix'],
    [{ max_in_flight: '0' }, 'max_in_flight'],
    [{ max_in_flight: '1e3' }, 'max_in_flight'],
    [{ request_timeout_ms: '-1' }, 'request_timeout_ms'],
    [{ max_attempts: '101' }, 'max_attempts'],
    [{ log_level: 'trace' }, 'log_level'],
    [{ eventgrid_key_encoding: 'url' }, 'eventgrid_key_encoding'],
  ] satisfies [Partial<Record<SettingName, string | undefined>>, SettingName][])(
    'refuses %j',
    (changes, setting) => {
      expect(problems(changes).map((problem) => problem.setting)).toEqual([setting]);
    },
  );

  it.each([
    ['logs', { store: 'obs', bucket: 'logs', prefix: '' }],
    ['obs://logs/a/b/', { store: 'obs', bucket: 'logs', prefix: 'a/b/' }],
    ['s3://logs', { store: 's3', bucket: 'logs', prefix: '' }],
    ['gs://logs/team', { store: 'gs', bucket: 'logs', prefix: 'team/' }],
    [
      'az://account/container/team',
      { store: 'az', account: 'account', container: 'container', prefix: 'team/' },
    ],
    ['file:///tmp/my%20logs', { store: 'file', folder: '/tmp/my logs', prefix: '' }],
  ])('reads the log bucket %j', (log_bucket, address) => {
    expect(read({ log_bucket }).logBucket).toEqual(address);
  });

  it('accepts plain http for this machine only', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.9.1', '[::1]']) {
      expect(
        problems({
          sync_url: `http://${host}:8080/v2/p/sync-tasks/t/events`,
          obs_endpoint: `http://${host}`,
        }),
      ).toEqual([]);
    }
    expect(problems({ sync_url: 'http://127.0.0.1.example.com/v2/p/sync-tasks/t' })).toHaveLength(1);
  });

  it('names every wrong setting in one message, and never the value of a secret', () => {
    const changes = {
      sync_url: 'http://example.com',
      log_bucket: undefined,
      hw_ak: `${testKeys.accessKey} with more`,
      hw_sk: undefined,
      max_attempts: 'many',
      log_level: 'loud',
    };
    const error = new SettingsError(problems(changes));
    for (const name of Object.keys(changes)) expect(error.message).toContain(`  ${name}: expected `);
    expect(error.message).toContain('found "http://example.com"');
    expect(error.message).toMatch(/^6 wrong settings:/);
    expect(error.message).not.toContain(testKeys.accessKey);
  });

  it('does not show a secret that stands in the wrong place', () => {
    const { message } = new SettingsError(
      problems({
        sync_url: `https://${testKeys.accessKey}:${testKeys.secretKey}@oms.example.com/`,
        sync_task_id: `${testKeys.secretKey}/`,
        log_level: testKeys.secretKey,
      }),
    );
    expect(message).toMatch(/^3 wrong settings/);
    expect(message).not.toContain(testKeys.accessKey);
    expect(message).not.toContain(testKeys.secretKey);
  });

  it('reports a contradiction beside settings that are missing', () => {
    const found = problems({ sync_task_id: 'another', obs_endpoint: undefined, hw_sk: undefined });
    expect(found.map(({ setting }) => setting)).toEqual(['hw_sk', 'sync_task_id', 'obs_endpoint']);
  });

  it('refuses a store that the app does not have', () => {
    expect(() =>
      readSettings((name) => ({ ...valid, log_bucket: 's3://logs' })[name], ['obs', 'file']),
    ).toThrow('log_bucket: expected a bucket in a store that this app has on board: obs, file, found s3');
  });

  it('reads lists without the space around their entries', () => {
    expect(read({ include_prefix: 'a/, b c/ ' }).filter.includePrefix).toEqual(['a/', 'b c/']);
  });

  it('does not show secrets when printed', () => {
    const settings = read({ hw_security_token: testKeys.securityToken });
    const printed = `${inspect(settings, { depth: null, showHidden: true })}${JSON.stringify(settings)}${String(settings.credentials.secretKey)}`;
    for (const secret of Object.values(testKeys)) expect(printed.includes(secret)).toBe(false);
    expect(settings.credentials.secretKey.reveal()).toBe(testKeys.secretKey);
  });

  it('has a meaning for every setting', () => {
    for (const setting of Object.values(settingsSchema)) expect(setting.meaning).not.toBe('');
  });
});
