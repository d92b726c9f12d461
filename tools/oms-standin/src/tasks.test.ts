import { testKeys } from '@oms-sync/testing';
import { describe, expect, test } from 'vitest';
import { anyNumber, field, send, standinForTest, stringWith } from './client.test-help.ts';

const bucketKeys = {
  src_ak: testKeys.accessKey,
  src_sk: testKeys.secretKey,
  dst_ak: testKeys.accessKey,
  dst_sk: testKeys.secretKey,
};
const newTask = {
  ...bucketKeys,
  src_cloud_type: 'Tencent',
  src_region: 'ap-guangzhou',
  src_bucket: 'more-photos',
  dst_region: 'cn-north-4',
  dst_bucket: 'copies',
};

const error = (code: string, text = '') => ({
  error_code: code,
  error_msg: stringWith(text),
});

describe('CreateSyncTask', () => {
  test('makes a task that runs, and its buckets', async () => {
    const { call, standin } = await standinForTest({ clock: () => Date.now() });
    const created = await call('POST', '', { json: { ...newTask, description: 'all of them' } });
    expect(created.status).toBe(200);
    const id = String(field(created.json, 'sync_task_id'));
    const shown = await call('GET', `/${id}?query_time=${Date.now()}`);
    expect(shown.json).toMatchObject({
      sync_task_id: id,
      src_cloud_type: 'Tencent',
      src_region: 'ap-guangzhou',
      src_bucket: 'more-photos',
      dst_region: 'cn-north-4',
      dst_bucket: 'copies',
      description: 'all of them',
      status: 'SYNCHRONIZING',
      object_overwrite_mode: 'SIZE_LAST_MODIFIED_COMPARISON_OVERWRITE',
      enable_restore: false,
      create_time: anyNumber,
      last_start_time: anyNumber,
    });
    expect(Object.values(testKeys).some((key) => shown.body.includes(key))).toBe(false);
    expect(standin.syncUrl(id)).toBe(`${standin.url}/v2/project/sync-tasks/${id}/events`);
  });

  test.each([
    ['src_bucket', undefined],
    ['src_bucket', '../outside'],
    ['dst_bucket', 'A'],
    ['src_region', 1],
    ['dst_sk', ''],
    ['dst_sk', 'x'.repeat(101)],
    ['src_cloud_type', 'Google'],
    ['enable_restore', 'yes'],
    ['description', '<b>'],
    ['description', 'x'.repeat(256)],
    ['object_overwrite_mode', 'ALWAYS'],
  ])('refuses %s = %j', async (name, value) => {
    const { call } = await standinForTest();
    const answer = await call('POST', '', { json: { ...newTask, [name]: value } });
    expect(answer.status).toBe(400);
    expect(answer.json).toEqual(error('OMS.0064', name));
  });

  test('refuses a sixth task', async () => {
    const { call } = await standinForTest();
    for (let count = 2; count <= 5; count += 1) {
      expect((await call('POST', '', { json: newTask })).status).toBe(200);
    }
    const sixth = await call('POST', '', { json: newTask });
    expect(sixth.status).toBe(400);
    expect(sixth.json).toEqual(error('OMS.0077'));
  });
});

describe('ListSyncTasks', () => {
  test('gives pages, and tasks of one status', async () => {
    const { call, taskId } = await standinForTest();
    await call('POST', '', { json: newTask });
    await call('POST', `/${taskId}/stop`);
    const first = { sync_task_id: taskId, status: 'STOPPED' };
    const second = { src_bucket: 'more-photos', status: 'SYNCHRONIZING' };
    const page = async (query: string) => (await call('GET', query)).json;
    expect(await page('')).toMatchObject({ tasks: [first, second], count: 2 });
    expect(await page('?status=STOPPED')).toMatchObject({ tasks: [first], count: 1 });
    expect(await page('?limit=1')).toMatchObject({ tasks: [first], count: 2 });
    expect(await page('?limit=1&offset=1')).toMatchObject({ tasks: [second], count: 2 });
    expect(await page('?offset=2')).toEqual({ tasks: [], count: 2 });
  });

  test.each(['limit=0', 'limit=101', 'limit=x', 'offset=10001', 'offset=-1', 'status=RUNNING'])(
    'refuses %s',
    async (query) => {
      const { call } = await standinForTest();
      const answer = await call('GET', `?${query}`);
      expect(answer.status).toBe(400);
      expect(answer.json).toEqual(error('OMS.0064', query.split('=', 1)[0]));
    },
  );
});

describe('stop, start and delete', () => {
  test('change the task', async () => {
    let now = Date.now();
    const { call, taskId } = await standinForTest({ clock: () => now });
    const created = now;
    const shown = async () => (await call('GET', `/${taskId}?query_time=${now}`)).json;
    expect(await call('DELETE', `/${taskId}`)).toMatchObject({ status: 400 });
    expect(await call('POST', `/${taskId}/start`, { json: bucketKeys })).toMatchObject({ status: 400 });

    expect(await call('POST', `/${taskId}/stop`)).toMatchObject({ status: 200, body: '' });
    expect(await shown()).toMatchObject({ status: 'STOPPED' });
    expect(await call('POST', `/${taskId}/stop`)).toMatchObject({ status: 400 });

    now += 60_000;
    expect(await call('POST', `/${taskId}/start`, { json: {} })).toMatchObject({ status: 400 });
    expect(await call('POST', `/${taskId}/start`, { json: bucketKeys })).toMatchObject({
      status: 200,
      body: '',
    });
    expect(await shown()).toMatchObject({
      status: 'SYNCHRONIZING',
      create_time: created,
      last_start_time: now,
    });

    await call('POST', `/${taskId}/stop`);
    expect(await call('DELETE', `/${taskId}`)).toMatchObject({ status: 200, body: '' });
    expect(await call('DELETE', `/${taskId}`)).toMatchObject({ status: 404, json: error('OMS.0054') });
  });
});

describe('an unknown', () => {
  test.each([
    ['GET', '/unknown?query_time=1700000000000'],
    ['GET', '/unknown/statistics'],
    ['POST', '/unknown/start'],
    ['POST', '/unknown/stop'],
    ['DELETE', '/unknown'],
    ['POST', '/unknown/events'],
  ])('task: %s %s', async (method, path) => {
    const { call } = await standinForTest();
    expect(await call(method, path)).toMatchObject({ status: 404, json: error('OMS.0054') });
  });

  test('project', async () => {
    const { call, taskId } = await standinForTest({ projectId: 'other' });
    expect(await call('POST', `/${taskId}/stop`)).toMatchObject({ status: 403, json: error('APIG.0304') });
  });

  test.each([
    ['GET', '/v2/project/tasks'],
    ['PUT', '/v2/project/sync-tasks'],
    ['GET', '/v2/project/sync-tasks/id/events'],
    ['POST', '/v2/project/sync-tasks/id/constructor'],
    ['POST', '/v2/project/sync-tasks/id/events/'],
    ['GET', '/'],
  ])('API: %s %s', async (method, path) => {
    const { standin } = await standinForTest();
    const answer = await send(method, `${standin.url}${path}`);
    expect(answer).toMatchObject({ status: 404, json: error('APIG.0101') });
    expect(answer.json).toHaveProperty('request_id');
  });
});
