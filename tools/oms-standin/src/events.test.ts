import { describe, expect, test } from 'vitest';
import { anyText, send, standinForTest } from './client.test-help.ts';

describe('CreateSyncEvents', () => {
  test('accepts names and answers with nothing', async () => {
    const lines: string[] = [];
    const now = Date.now();
    const { sendEvents, standin, taskId } = await standinForTest({
      clock: () => now,
      log: (line) => lines.push(line),
    });
    const answer = await sendEvents('a%2Fb+c', 'd%2Be');
    expect(answer).toMatchObject({ status: 200, body: '' });
    expect(standin.received).toEqual([
      { taskId, time: now, names: ['a/b c', 'd+e'], rawKeys: ['a%2Fb+c', 'd%2Be'] },
    ]);
    expect(standin.requestCount).toBe(1);
    expect(lines).toEqual([`POST /v2/project/sync-tasks/${taskId}/events 200 accepted 2`]);
  });

  test('takes up to 10 names of up to 16,384 characters', async () => {
    const { sendEvents } = await standinForTest();
    const ten = Array.from({ length: 10 }, (_, index) => `object-${index}`);
    expect((await sendEvents(...ten)).status).toBe(200);
    expect((await sendEvents('x'.repeat(16_384))).status).toBe(200);
    for (const names of [[], [...ten, 'one-more'], [''], ['x'.repeat(16_385)]]) {
      expect(await sendEvents(...names)).toMatchObject({ status: 400, json: { error_code: 'OMS.0064' } });
    }
  });

  test.each([
    ['another field', { object_keys: ['a'], more: 1 }],
    ['a name that is no text', { object_keys: [1] }],
    ['no array', { object_keys: 'a' }],
    ['no field', {}],
    ['an array', ['a']],
    ['null', null],
    ['a bad escape', { object_keys: ['a', '100%'] }],
    ['bytes that are not UTF-8', { object_keys: ['%ff'] }],
  ])('refuses %s', async (_, json) => {
    const { call, standin, taskId } = await standinForTest();
    const answer = await call('POST', `/${taskId}/events`, { raw: JSON.stringify(json) });
    expect(answer).toMatchObject({ status: 400, json: { error_code: 'OMS.0064' } });
    expect(standin.received).toEqual([]);
  });

  test.each([
    ['text', 'object_keys'],
    ['nothing', ''],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22])],
  ])('refuses a body that is not JSON: %s', async (_, raw) => {
    const { call, taskId } = await standinForTest();
    const answer = await call('POST', `/${taskId}/events`, { raw });
    expect(answer).toMatchObject({ status: 400, json: { error_code: 'OMS.0067' } });
  });

  test('refuses a body over 12 MB', async () => {
    const { standin, taskId } = await standinForTest();
    const answer = await send('POST', standin.syncUrl(taskId), { body: Buffer.alloc(12 * 1024 * 1024 + 1) });
    expect(answer).toMatchObject({ status: 413, json: { error_code: 'APIG.0201' } });
  });

  test('refuses a request that is not signed, in the words of the gateway', async () => {
    const { standin, taskId } = await standinForTest();
    const answer = await send('POST', standin.syncUrl(taskId), { body: '{"object_keys":["a"]}' });
    expect(answer.status).toBe(401);
    expect(answer.json).toEqual({
      error_code: 'APIG.0301',
      error_msg: 'Incorrect IAM authentication information: the request has no Authorization header',
      request_id: anyText,
    });
    expect(standin.received).toEqual([]);
  });

  test('refuses a request whose date is long past', async () => {
    const { call, taskId } = await standinForTest();
    const headers = { 'X-Sdk-Date': '20200608T023900Z' };
    const answer = await call('POST', `/${taskId}/events`, { json: { object_keys: ['a'] }, headers });
    expect(answer).toMatchObject({ status: 401, json: { error_code: 'APIG.0301' } });
  });

  test('refuses events of a task that is stopped', async () => {
    const { call, sendEvents, taskId } = await standinForTest();
    await call('POST', `/${taskId}/stop`);
    expect(await sendEvents('a')).toMatchObject({ status: 400, json: { error_code: 'OMS.0064' } });
  });
});
