import path from 'node:path';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { describe, expect, test } from 'vitest';
import { signHeaders, send, standinForTest } from './client.test-help.ts';

const keys = { ak: 'a', sk: 's', region: 'r' };

async function setUp() {
  const contentTypes = new Map<string, string>();
  const scene = await standinForTest({
    contentTypeOf: (bucket, key) => contentTypes.get(`${bucket}/${key}`),
  });
  const { standin, buckets } = scene;
  const lists = new ObjectFolder(path.join(buckets, 'lists'));
  const call = async (method: 'GET' | 'POST', route: string, data?: object) => {
    const endpoint = `${standin.url}/v2/project/tasks${route}`;
    const body = data === undefined ? '' : JSON.stringify(data);
    const headers = signHeaders({ method, endpoint, headers: {}, ...(data && { data }) });
    return send(method, endpoint, { headers, body });
  };
  const create = async (source: object, others: object = {}) => {
    const body = {
      src_node: { cloud_type: 'HuaweiCloud', bucket: 'photos', ...keys, ...source },
      dst_node: { bucket: 'copies', ...keys },
      ...others,
    };
    const created = await call('POST', '', body);
    if (created.status !== 200) return created;
    await standin.idle();
    const { id } = created.json as { id: number };
    return call('GET', `/${id}`);
  };
  const fromList = async (content: string | Uint8Array, key = 'list.txt') => {
    await lists.write(key, content);
    return create({ list_file: { obs_bucket: 'lists', list_file_key: key } }, { task_type: 'list' });
  };
  return { ...scene, contentTypes, create, fromList, call };
}

describe('migration tasks', () => {
  test('copy what a list file names, and count and list it', async () => {
    const { source, destination, fromList } = await setUp();
    await source.write('é 1', '1');
    await source.write('same', 'same');
    await destination.write('same', 'same');
    const { json } = await fromList('%C3%A9%201\nsame\n');
    expect(json).toMatchObject({
      task_type: 'list',
      status: 5,
      progress: 1,
      total_num: 2,
      successful_num: 1,
      skipped_num: 1,
      failed_num: 0,
      complete_size: 1,
    });
    expect(String(await destination.read('é 1'))).toBe('1');
    expect(await destination.list('oms/task/')).toHaveLength(2);
  });

  test('copy a prefix, a folder, one object, or all', async () => {
    for (const [type, key, copied] of [
      ['prefix', 'a', ['a', 'a/1', 'ab']],
      ['object', 'a/', ['a/1']],
      ['object', 'a', ['a']],
      ['prefix', '', ['a', 'a/1', 'ab', 'b']],
    ] as const) {
      const { source, destination, create } = await setUp();
      for (const name of ['a', 'a/1', 'ab', 'b']) await source.write(name, '1');
      expect((await create({ object_key: [key] }, { task_type: type })).json).toMatchObject({ status: 5 });
      const names = (await destination.list()).map((object) => object.key);
      expect(names.filter((name) => !name.startsWith('oms/'))).toEqual(copied);
    }
  });

  test('leave out what has not changed since then', async () => {
    const { source, create } = await setUp();
    await source.write('a', '1');
    const inAnHour = Math.floor(Date.now() / 1000) + 3600;
    const { json } = await create({ object_key: [''] }, { task_type: 'prefix', migrate_since: inAnHour });
    expect(json).toMatchObject({ status: 5, total_num: 0 });
  });

  test.each([
    ['empty', '', 'TRF.0017'],
    ['with a byte order mark', '\u{FEFF}a\n', 'TRF.0016'],
    ['no UTF-8', Buffer.from([0x61, 0xff]), 'TRF.0016'],
    ['a broken escape', 'a%zz\n', 'TRF.0016'],
    ['too long a line', `${'x'.repeat(65_536)}\n`, 'TRF.0018'],
    ['its first object is missing', 'gone\na\n', 'TRF.0015'],
  ])('fail by the rules of list files: %s', async (_, content, code) => {
    const { source, fromList } = await setUp();
    await source.write('a', '1');
    expect((await fromList(content)).json).toMatchObject({ status: 4, error_reason: { error_code: code } });
  });

  test('fail for another name or content type, or no file', async () => {
    const { source, fromList, create, contentTypes } = await setUp();
    await source.write('a', '1');
    const failure = { status: 4, error_reason: { error_code: 'TRF.0019' } };
    expect((await fromList('a\n', 'list.csv')).json).toMatchObject(failure);
    contentTypes.set('lists/list.txt', 'application/json');
    expect((await fromList('a\n')).json).toMatchObject(failure);
    contentTypes.set('lists/list.txt', 'text/plain');
    expect((await fromList('a\n')).json).toMatchObject({ status: 5 });
    const gone = { list_file: { obs_bucket: 'lists', list_file_key: 'gone.txt' } };
    expect((await create(gone, { task_type: 'list' })).json).toMatchObject({ status: 4 });
  });

  test('say which objects failed', async () => {
    const { source, destination, fromList } = await setUp();
    await source.write('a', '1');
    const { json } = await fromList('a\ngone\n');
    expect(json).toMatchObject({ status: 4, successful_num: 1, failed_num: 1 });
    const { failed_object_record: record } = json as { failed_object_record: { list_file_key: string } };
    expect(String(await destination.read(record.list_file_key))).toContain('NoSuchKey');
  });

  test.each([
    [{ ak: '' }, {}],
    [{ bucket: undefined }, {}],
    [{ object_key: 'a' }, {}],
    [{ cloud_type: 'Azure' }, {}],
    [{ cloud_type: 'Google' }, {}],
    [{}, { task_type: 'list' }],
    [{}, { description: 'a<b' }],
    [{}, { migrate_since: 1_700_000_000_000 }],
    [{}, { dst_node: undefined }],
  ])('are refused: %j %j', async (source, others) => {
    const { create } = await setUp();
    const answer = await create({ object_key: ['a'], ...source }, others);
    expect(answer).toMatchObject({ status: 400, json: { error_code: 'OMS.0064' } });
  });

  test('are not found by another id', async () => {
    const { call } = await setUp();
    expect(await call('GET', '/1')).toMatchObject({ status: 400, json: { error_code: 'OMS.0054' } });
  });
});
