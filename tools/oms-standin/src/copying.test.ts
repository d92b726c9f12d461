import { access, utimes, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { ObjectFolder } from '@oms-sync/log-bucket';
import { describe, expect, test } from 'vitest';
import type { OverwriteMode } from './index.ts';
import { signHeaders, send, standinForTest } from './client.test-help.ts';

/** The lines of all lists of a kind. */
async function listed(destination: ObjectFolder, taskId: string, kind: string): Promise<string[]> {
  const lists = await destination.list(`oms/syncTask/${taskId}/${kind}_object_lists/`);
  const bodies = await Promise.all(lists.map(async ({ key }) => (await destination.read(key))?.toString()));
  return bodies.flatMap((body) => (body ?? '').trimEnd().split('\n'));
}

describe('copying', () => {
  test('copies, skips, fails, lists and counts', async () => {
    const now = Date.UTC(2026, 4, 6, 7, 8, 9);
    const {
      call: plainCall,
      destination,
      source,
      standin,
      taskId,
    } = await standinForTest({ clock: () => now });
    const headers = { 'X-Sdk-Date': '20260506T070809Z' };
    const call: typeof plainCall = (method, route, parts) => plainCall(method, route, { ...parts, headers });
    const ask = (...rawKeys: string[]) =>
      call('POST', `/${taskId}/events`, { json: { object_keys: rawKeys } });

    await source.write('new/é 1.txt', 'hello');
    await source.write('same', 'same');
    await destination.write('same', 'same');
    await source.write('changed', 'longer');
    await destination.write('changed', 'short');
    await ask('new%2F%C3%A9%201.txt', 'same', 'changed', 'gone%0A');
    await standin.idle();

    expect(String(await destination.read('new/é 1.txt'))).toBe('hello');
    expect(String(await destination.read('changed'))).toBe('longer');
    expect(await listed(destination, taskId, 'success')).toEqual(['new%2F%C3%A9%201.txt', 'changed']);
    expect(await listed(destination, taskId, 'ignored')).toEqual(['same']);
    expect(await listed(destination, taskId, 'failed')).toEqual([
      'NoSuchKey\t2026-05-06T07:08:09.000Z\tgone%0A\tgone \tThe specified key does not exist.',
    ]);

    expect((await call('GET', `/${taskId}?query_time=${now}`)).json).toMatchObject({
      monthly_acceptance_request: 4,
      monthly_success_object: 2,
      monthly_failure_object: 1,
      monthly_skip_object: 1,
      monthly_size: 11,
    });
    expect((await call('GET', `/${taskId}?query_time=${now + 31 * 86_400_000}`)).json).toMatchObject({
      monthly_acceptance_request: 0,
      monthly_size: 0,
    });
    const span = `start_time=${now - 1000}&end_time=${now + 1000}`;
    const statistics = await call('GET', `/${taskId}/statistics?data_type=SIZE,REQUEST&${span}`);
    const time_stamp = Date.UTC(2026, 4, 6, 7, 5);
    expect(statistics.json).toEqual({
      sync_task_id: taskId,
      statistic_time_type: 'FIVE_MINUTES',
      statistic_datas: [
        { data_type: 'SIZE', data: [{ time_stamp, statistic_num: 11 }] },
        { data_type: 'REQUEST', data: [{ time_stamp, statistic_num: 4 }] },
      ],
    });
  });

  test.each([
    'start_time=1700000000000&end_time=1700000000000',
    'data_type=REQUESTS&start_time=1700000000000&end_time=1700000000000',
    'data_type=SIZE&start_time=1700000000&end_time=1700000000000',
    'data_type=SIZE&start_time=1700000000001&end_time=1700000000000',
    'data_type=SIZE&start_time=1700000000000',
  ])('statistics refuse %s', async (query) => {
    const { call, taskId } = await standinForTest();
    const answer = await call('GET', `/${taskId}/statistics?${query}`);
    expect(answer).toMatchObject({ status: 400, json: { error_code: 'OMS.0064' } });
    expect(await call('GET', `/${taskId}`)).toMatchObject({ status: 400 });
  });

  test('copies a name that comes twice once', async () => {
    const { destination, sendEvents, source, standin, taskId } = await standinForTest();
    await source.write('a', '1');
    await sendEvents('a', 'a');
    await sendEvents('a');
    await standin.idle();
    expect(await listed(destination, taskId, 'success')).toEqual(['a']);
    expect(await listed(destination, taskId, 'ignored')).toEqual(['a', 'a']);
  });

  test('copies again what is newer at the source', async () => {
    const { destination, sendEvents, source, standin } = await standinForTest();
    await source.write('a', '1');
    await sendEvents('a');
    await standin.idle();
    await source.write('a', '2');
    const file = await source.find('a');
    const later = new Date(Date.now() + 60_000);
    await utimes(file?.path ?? '', later, later);
    await sendEvents('a');
    await standin.idle();
    expect(String(await destination.read('a'))).toBe('2');
  });

  test('keeps names that look like paths inside of the bucket', async () => {
    const { buckets, destination, sendEvents, source, standin, taskId } = await standinForTest();
    await writeFile(path.join(buckets, 'secret'), 'not an object');
    await source.write('../x', 'dots');
    await sendEvents('..%2Fx', '../secret', '%2E%2E%2Fsecret', '/etc/hostname');
    await standin.idle();
    expect(String(await destination.read('../x'))).toBe('dots');
    await expect(access(path.join(buckets, 'x'))).rejects.toThrow('ENOENT');
    expect(await listed(destination, taskId, 'failed')).toHaveLength(3);
  });

  test.each<[OverwriteMode, string, string]>([
    ['NO_OVERWRITE', 'newer!', 'old'],
    ['FULL_OVERWRITE', 'old', 'old'],
    ['CRC64_COMPARISON_OVERWRITE', 'new', 'new'],
    ['CRC64_COMPARISON_OVERWRITE', 'old', 'old'],
  ])('%s, source %j', async (objectOverwriteMode, content, expected) => {
    const { destination, source, standin } = await standinForTest();
    const task = { srcBucket: 'photos', dstBucket: 'copies', objectOverwriteMode };
    const taskId = standin.createTask(task);
    await source.write('a', content);
    await destination.write('a', 'old');
    const data = { object_keys: ['a'] };
    const endpoint = standin.syncUrl(taskId);
    const headers = signHeaders({ method: 'POST', endpoint, headers: {}, data });
    await send('POST', endpoint, { headers, body: JSON.stringify(data) });
    await standin.idle();
    expect(String(await destination.read('a'))).toBe(expected);
    const isCopied = objectOverwriteMode === 'FULL_OVERWRITE' || content === 'new';
    expect(await listed(destination, taskId, isCopied ? 'success' : 'ignored')).toEqual(['a']);
  });
});
