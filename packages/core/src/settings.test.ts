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
    [`${base}///`, taskId],
    [`  ${base}\n`, `${taskId} `],
    [`${base}/sync-tasks/${taskId}`, taskId],
    [`${base}/sync-tasks/${taskId}`, ' '],
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
    [{ sync_url: `${base}/sync-tasks/${taskId}/events/more` }, 'sync_url'],
    [{ sync_url: `${base}/sync-tasks/${taskId}/more` }, 'sync_url'],
    [{ sync_url: `${base}/other-tasks/${taskId}/events` }, 'sync_url'],
    [{ sync_url: `${base}/v2`, sync_task_id: taskId }, 'sync_url'],
    [{ sync_url: 'https://oms.example.com/v2/sync-tasks/sync-tasks/t/events' }, 'sync_url'],
    [{ sync_url: 'https://oms.example.com/v2/p/sync-tasks/t/events#x' }, 'sync_url'],
    [{ sync_url: 'https://user@oms.example.com/v2/p/sync-tasks/t/events' }, 'sync_url'],
    [{ sync_url: 'https://:pass@oms.example.com/v2/p/sync-tasks/t/events' }, 'sync_url'],
    [{ sync_url: 'ftp://localhost/v2/p/sync-tasks/t/events' }, 'sync_url'],
    [{ sync_url: base }, 'sync_task_id'],
    [{ sync_task_id: 'another-task' }, 'sync_task_id'],
    [{ sync_task_id: 'a/b' }, 'sync_task_id'],
    [{ sync_url: base, sync_task_id: 'a/b' }, 'sync_task_id'],
    [{ sync_task_id: `${taskId}!` }, 'sync_task_id'],
    [{ sync_task_id: `!${taskId}` }, 'sync_task_id'],
    [{ log_bucket: 'Upper' }, 'log_bucket'],
    [{ log_bucket: 'bucket/prefix' }, 'log_bucket'],
    [{ log_bucket: 'ftp://bucket' }, 'log_bucket'],
    [{ log_bucket: 'obs:/bucket' }, 'log_bucket'],
    [{ log_bucket: 'x obs://bucket' }, 'log_bucket'],
    [{ log_bucket: 's3://a' }, 'log_bucket'],
    [{ log_bucket: `s3://${'a'.repeat(223)}` }, 'log_bucket'],
    [{ log_bucket: 's3://-bucket' }, 'log_bucket'],
    [{ log_bucket: 's3://bucket!' }, 'log_bucket'],
    [{ log_bucket: 's3://' }, 'log_bucket'],
    [{ log_bucket: 'az://account' }, 'log_bucket'],
    [{ log_bucket: 'az://account/ab' }, 'log_bucket'],
    [{ log_bucket: `az://account/${'a'.repeat(64)}` }, 'log_bucket'],
    [{ log_bucket: 'az://account/-container' }, 'log_bucket'],
    [{ log_bucket: 'az://account/con_tainer' }, 'log_bucket'],
    [{ log_bucket: 'file://host/folder' }, 'log_bucket'],
    [{ log_bucket: 'file:///a%2Fb' }, 'log_bucket'],
    [{ log_bucket: 'file:///a?b' }, 'log_bucket'],
    [{ log_bucket: 'file:///a#b' }, 'log_bucket'],
    [{ log_bucket: 'file://[/a' }, 'log_bucket'],
    [{ obs_endpoint: undefined }, 'obs_endpoint'],
    [{ obs_endpoint: 'http://obs.example.com' }, 'obs_endpoint'],
    [{ obs_endpoint: 'obs.example.com/bucket' }, 'obs_endpoint'],
    [{ obs_endpoint: 'obs.example.com?bucket' }, 'obs_endpoint'],
    [{ obs_endpoint: 'two words' }, 'obs_endpoint'],
    [{ hw_ak: undefined }, 'hw_ak'],
    [{ hw_sk: 'two words' }, 'hw_sk'],
    [{ hw_security_token: 'new\nline' }, 'hw_security_token'],
    [{ log_layout: 'Object' }, 'log_layout'],
    [{ on_failure: 'drop' }, 'on_failure'],
    [{ include_prefix: 'a/,,b/' }, 'include_prefix'],
    [{ max_in_flight: '0' }, 'max_in_flight'],
    [{ max_in_flight: '1001' }, 'max_in_flight'],
    [{ max_in_flight: '1e3' }, 'max_in_flight'],
    [{ max_in_flight: '3rd' }, 'max_in_flight'],
    [{ max_in_flight: '0000000001' }, 'max_in_flight'],
    [{ request_timeout_ms: '-1' }, 'request_timeout_ms'],
    [{ request_timeout_ms: '600001' }, 'request_timeout_ms'],
    [{ max_attempts: '101' }, 'max_attempts'],
    [{ replay_max_age: '0d' }, 'replay_max_age'],
    [{ replay_max_age: '1w' }, 'replay_max_age'],
    [{ replay_max_age: '12' }, 'replay_max_age'],
    [{ replay_max_age: '1d12h' }, 'replay_max_age'],
    [{ replay_max_age: 'for 30d' }, 'replay_max_age'],
    [{ replay_max_age: '1000000m' }, 'replay_max_age'],
    [{ log_level: 'trace' }, 'log_level'],
    [{ eventgrid_key_encoding: 'url' }, 'eventgrid_key_encoding'],
  ] satisfies [Partial<Record<SettingName, string | undefined>>, SettingName][])(
    'refuses %j',
    (changes, setting) => {
      const text = expect.stringMatching(/./) as unknown;
      expect(problems(changes)).toEqual([{ setting, expected: text, found: text }]);
    },
  );

  it.each([
    ['logs', { store: 'obs', bucket: 'logs', prefix: '' }],
    ['obs://logs/a/b/', { store: 'obs', bucket: 'logs', prefix: 'a/b/' }],
    ['obs://logs/', { store: 'obs', bucket: 'logs', prefix: '' }],
    ['obs://logs///a//b//', { store: 'obs', bucket: 'logs', prefix: 'a//b/' }],
    ['obs://logs/a\nb', { store: 'obs', bucket: 'logs', prefix: 'a\nb/' }],
    ['s3://logs', { store: 's3', bucket: 'logs', prefix: '' }],
    ['s3://9a', { store: 's3', bucket: '9a', prefix: '' }],
    [`s3://${'a'.repeat(222)}`, { store: 's3', bucket: 'a'.repeat(222), prefix: '' }],
    ['s3://a.b_c-d', { store: 's3', bucket: 'a.b_c-d', prefix: '' }],
    ['gs://logs/team', { store: 'gs', bucket: 'logs', prefix: 'team/' }],
    [
      'az://account/container/team',
      { store: 'az', account: 'account', container: 'container', prefix: 'team/' },
    ],
    ['az://account/$web', { store: 'az', account: 'account', container: '$web', prefix: '' }],
    [
      `az://account/${'a'.repeat(63)}`,
      { store: 'az', account: 'account', container: 'a'.repeat(63), prefix: '' },
    ],
    ['file:///tmp/my%20logs', { store: 'file', folder: '/tmp/my logs', prefix: '' }],
  ])('reads the log bucket %j', (log_bucket, address) => {
    expect(read({ log_bucket }).logBucket).toEqual(address);
  });

  it('leaves what stands before and in the address of OMS as it is', () => {
    const gateway = 'https://gateway.example.com:8443/oms/v2/p-1';
    expect(read({ sync_url: `${gateway}/sync-tasks/t_1` }).syncUrl.href).toBe(
      `${gateway}/sync-tasks/t_1/events`,
    );
    expect(read({ sync_url: `${gateway}/sync-tasks/events-1` }).syncTaskId).toBe('events-1');
    const { syncUrl, syncTaskId } = read({ sync_url: gateway, sync_task_id: 't_1' });
    expect(syncUrl.href).toBe(`${gateway}/sync-tasks/t_1/events`);
    expect(syncTaskId).toBe('t_1');
  });

  it.each([
    [{ log_layout: 'list' }, { logLayout: 'list' }],
    [{ on_failure: 'redeliver' }, { onFailure: 'redeliver' }],
    [{ exclude_prefix: 'a' }, { filter: { excludePrefix: ['a'], includePrefix: [] } }],
    [{ include_suffix: 'a' }, { filter: { includeSuffix: ['a'], excludePrefix: [] } }],
    [{ exclude_suffix: 'a,b' }, { filter: { excludeSuffix: ['a', 'b'], includeSuffix: [] } }],
    [{ max_in_flight: '1' }, { maxInFlight: 1 }],
    [{ max_in_flight: '1000' }, { maxInFlight: 1000 }],
    [{ max_in_flight: '000000012' }, { maxInFlight: 12 }],
    [{ request_timeout_ms: '1' }, { requestTimeoutMs: 1 }],
    [{ request_timeout_ms: '600000' }, { requestTimeoutMs: 600_000 }],
    [{ max_attempts: '100' }, { maxAttempts: 100 }],
    [{}, { replayMaxAgeMs: Infinity }],
    [{ replay_max_age: '90m' }, { replayMaxAgeMs: 90 * 60_000 }],
    [{ replay_max_age: '12h' }, { replayMaxAgeMs: 12 * 3_600_000 }],
    [{ replay_max_age: '999999d' }, { replayMaxAgeMs: 999_999 * 86_400_000 }],
    [{ log_level: 'debug' }, { logLevel: 'debug' }],
    [{ log_level: 'warn' }, { logLevel: 'warn' }],
    [{ log_level: 'error' }, { logLevel: 'error' }],
    [{ eventgrid_key_encoding: 'raw' }, { eventgridKeyEncoding: 'raw' }],
    [{ obs_endpoint: undefined, log_bucket: 's3://logs' }, { obsEndpoint: undefined }],
  ])('understands %j', (changes, settings) => {
    expect(read(changes)).toMatchObject(settings);
  });

  it('takes null and blanks for what is not set', () => {
    const blank = { log_level: null, on_failure: ' \n', sync_task_id: '' };
    const texts = { ...valid, ...blank };
    expect(readSettings((name) => texts[name], ['obs'])).toMatchObject({
      logLevel: 'info',
      onFailure: 'record',
      syncTaskId: taskId,
    });
  });

  it('accepts plain http for this machine only', () => {
    for (const host of ['localhost', '127.0.0.1', '127.8.9.1', '127.100.20.3', '[::1]']) {
      expect(
        problems({
          sync_url: `http://${host}:8080/v2/p/sync-tasks/t/events`,
          obs_endpoint: `http://${host}`,
        }),
      ).toEqual([]);
    }
    for (const host of ['127.0.0.1.example.com', 'localhost.example.com', 'not-localhost', '[::2]']) {
      expect(problems({ sync_url: `http://${host}/v2/p/sync-tasks/t` })).toHaveLength(1);
    }
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

  it.each<[Partial<Record<SettingName, string | undefined>>, string]>([
    [
      { sync_url: 'oms' },
      'sync_url: expected an address https://{OMS endpoint}/v2/{project_id}/sync-tasks/{sync_task_id}/events, https (http is accepted for this machine only), found "oms"',
    ],
    [
      { sync_url: 'https://oms/' },
      'sync_url: expected a path /v2/{project_id}/sync-tasks/{sync_task_id}/events, or the beginning of it with the project, found "https://oms/"',
    ],
    [
      { sync_url: base },
      'sync_task_id: expected the id of the synchronization task, as sync_url does not name it, found nothing',
    ],
    [
      { sync_task_id: 'other' },
      `sync_task_id: expected the task that sync_url names, "${taskId}", found another one`,
    ],
    [
      { sync_task_id: 'a/b' },
      'sync_task_id: expected the id of a synchronization task (letters, digits, - and _), found "a/b"',
    ],
    [
      { log_bucket: 'Upper' },
      'log_bucket: expected a bucket name, or obs://bucket, s3://bucket, az://account/container, gs://bucket or file:///folder, each with an optional /prefix, found "Upper"',
    ],
    [
      { obs_endpoint: undefined },
      'obs_endpoint: expected the OBS domain name of the region of log_bucket "migration-logs", found nothing',
    ],
    [
      { obs_endpoint: 'a/b' },
      'obs_endpoint: expected a domain name such as obs.cn-north-4.myhuaweicloud.com, https (http is accepted for this machine only), found "a/b"',
    ],
    [
      { hw_ak: undefined },
      'hw_ak: expected access key id of the account of the synchronization task, found nothing',
    ],
    [
      { hw_sk: 'two words' },
      'hw_sk: expected printable ASCII characters without spaces, found a value of 9 characters',
    ],
    [
      { hw_security_token: 'é' },
      'hw_security_token: expected printable ASCII characters without spaces, found a value of 1 characters',
    ],
    [{ log_layout: 'file' }, 'log_layout: expected "object" or "list", found "file"'],
    [
      { include_prefix: 'a,' },
      'include_prefix: expected entries separated by single commas, none empty, found "a,"',
    ],
    [{ max_in_flight: '0' }, 'max_in_flight: expected a whole number from 1 to 1000, found "0"'],
    [
      { replay_max_age: 'long' },
      'replay_max_age: expected a number of minutes, hours or days, such as "90m", "12h" or "30d", found "long"',
    ],
    [
      { log_level: '//me:pw@host/' },
      'log_level: expected "debug" or "info" or "warn" or "error", found "//[secret]@host/"',
    ],
  ])('says what it expected and what it found: %j', (changes, line) => {
    const error = new SettingsError(problems(changes));
    expect(error.message).toBe(`1 wrong setting:\n  ${line}`);
    expect(error.name).toBe('SettingsError');
  });

  it('has a line for each', () => {
    expect(new SettingsError(problems({ hw_ak: undefined, max_attempts: '0' })).message).toBe(
      '2 wrong settings:\n  hw_ak: expected access key id of the account of the synchronization task, found nothing\n  max_attempts: expected a whole number from 1 to 100, found "0"',
    );
  });

  it('hides a secret whole, also where another one is a part of it', () => {
    const changes = { hw_ak: 'KEY', hw_sk: 'KEY-AND-MORE', log_level: 'KEY-AND-MORE or KEY' };
    expect(problems(changes)).toMatchObject([{ found: '"[secret] or [secret]"' }]);
  });

  it('shows a wrong value as it is where no secret is set', () => {
    expect(problems({ hw_sk: undefined, log_level: 'loud' })).toMatchObject([
      { setting: 'hw_sk', found: 'nothing' },
      { setting: 'log_level', found: '"loud"' },
    ]);
  });

  it('does not show a secret that stands in the wrong place', () => {
    const { message } = new SettingsError(
      problems({
        sync_url: `https://${testKeys.accessKey}:${testKeys.secretKey}@oms.example.com/`,
        sync_task_id: `${testKeys.secretKey}/`,
        log_level: testKeys.secretKey,
        hw_security_token: testKeys.securityToken,
        on_failure: `token ${testKeys.securityToken}, ${testKeys.accessKey}`,
      }),
    );
    expect(message).toMatch(/^4 wrong settings/);
    expect(message).toContain('found "token [secret], [secret]"');
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
