import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { testKeys } from '@oms-sync/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { OmsError } from './oms-error.ts';
import { isFinal, OmsMigrationTasks, secretsOf, type NewMigrationTask } from './oms-migration-tasks.ts';
import { Secret } from './secret.ts';

const credentials = {
  accessKey: new Secret(testKeys.accessKey),
  secretKey: new Secret(testKeys.secretKey),
  securityToken: undefined,
};

const task: NewMigrationTask = {
  source: { cloud: 'HuaweiCloud', region: 'cn-south-1', bucket: 'photos', access: credentials },
  destination: { region: 'cn-north-4', bucket: 'copies', credentials },
  objects: { type: 'list', bucket: 'lists', key: 'a/b.txt' },
  description: 'a test',
};

/** A server that answers each request with this, and keeps what came. */
async function serve(answer: (body: string) => { status?: number; body: string }) {
  const seen: { method: string | undefined; url: string | undefined; body: Record<string, unknown> }[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => (text += chunk.toString()));
    request.on('end', () => {
      const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>);
      seen.push({ method: request.method, url: request.url, body });
      const { status = 200, body: answered } = answer(text);
      response.writeHead(status).end(answered);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const tasks = new OmsMigrationTasks({
    syncUrl: new URL(`http://127.0.0.1:${port}/v2/project-1/sync-tasks/task-1/events`),
    credentials,
    secrets: [new Secret('source "key"/1'), new Secret('line 1\nline 2')],
  });
  onTestFinished(() => {
    tasks.close();
    server.close();
  });
  return { tasks, seen };
}

describe('createTask', () => {
  it('sends what the API reference says, and gives the id', async () => {
    const { tasks, seen } = await serve(() => ({ body: '{"id":1700000000123,"task_name":"t"}' }));
    expect(await tasks.createTask({ ...task, since: 1_700_000_000_999 }, 1000)).toBe('1700000000123');
    const { accessKey: ak, secretKey: sk } = testKeys;
    expect(seen).toEqual([
      {
        method: 'POST',
        url: '/v2/project-1/tasks',
        body: {
          task_type: 'list',
          src_node: {
            cloud_type: 'HuaweiCloud',
            region: 'cn-south-1',
            bucket: 'photos',
            ak,
            sk,
            list_file: { obs_bucket: 'lists', list_file_key: 'a/b.txt' },
          },
          dst_node: { region: 'cn-north-4', bucket: 'copies', ak, sk },
          description: 'a test',
          enable_failed_object_recording: true,
          migrate_since: 1_700_000_000,
        },
      },
    ]);
  });

  it.each([
    [{ type: 'prefix', prefixes: ['a/', ''] } as const, ['a/', '']],
    [{ type: 'object', names: ['a', 'b/'] } as const, ['a', 'b/']],
  ])('%j', async (objects, keys) => {
    const { tasks, seen } = await serve(() => ({ body: '{"id":1}' }));
    await tasks.createTask({ ...task, objects }, 1000);
    expect(seen[0]?.body).toMatchObject({ task_type: objects.type, src_node: { object_key: keys } });
  });

  it('gives OMS what Azure and Google have in place of keys', async () => {
    const { tasks, seen } = await serve(() => ({ body: '{"id":1}' }));
    const connectionString = new Secret('connection');
    const azure = { ...task.source, access: { connectionString } };
    await tasks.createTask({ ...task, source: azure }, 1000);
    const jsonAuth = new Secret('{"private_key":"k"}');
    await tasks.createTask({ ...task, source: { ...task.source, access: { jsonAuth } } }, 1000);
    const [first, second] = seen.map(({ body }) => body['src_node']);
    expect(first).toMatchObject({ connection_string: 'connection' });
    expect(first).not.toHaveProperty('ak');
    expect(second).toMatchObject({ json_auth_file: '{"private_key":"k"}' });
    expect(secretsOf({ jsonAuth })).toEqual([jsonAuth]);
    expect(secretsOf({ connectionString })).toEqual([connectionString]);
    expect(secretsOf(credentials)).toHaveLength(2);
  });

  it('shows no key that OMS repeats', async () => {
    const echo = 'bad: source "key"/1, line 1\\nline 2';
    const { tasks } = await serve(() => ({
      status: 400,
      body: JSON.stringify({ error_code: 'OMS.0064', error_msg: `${echo} ${testKeys.secretKey}` }),
    }));
    const error: unknown = await tasks.createTask(task, 1000).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OmsError);
    expect(String(error)).toContain('bad: [secret], [secret] [secret]');
  });

  it.each(['{}', '{"id":"x"}', '{"id":12345678901234567890}', '[]', ''])(
    'takes %j for no task',
    async (body) => {
      const { tasks } = await serve(() => ({ body }));
      await expect(tasks.createTask(task, 1000)).rejects.toThrow(OmsError);
    },
  );
});

describe('showTask', () => {
  it('reads how far it is', async () => {
    const { tasks, seen } = await serve(() => ({
      body: JSON.stringify({
        id: 7,
        name: 'task_7',
        status: 4,
        progress: 0.5,
        total_num: 10,
        successful_num: 3,
        failed_num: 1,
        skipped_num: 1,
        complete_size: 99,
        error_reason: { error_code: 'TRF.0017', error_msg: 'empty' },
        failed_object_record: { result: true, list_file_key: 'oms/failed.txt' },
      }),
    }));
    const found = await tasks.showTask('7', 1000);
    expect(seen).toMatchObject([{ method: 'GET', url: '/v2/project-1/tasks/7' }]);
    expect(found).toEqual({
      id: '7',
      state: 'failed',
      name: 'task_7',
      progress: 0.5,
      total: 10,
      succeeded: 3,
      failed: 1,
      skipped: 1,
      bytes: 99,
      error: { code: 'TRF.0017', message: 'empty' },
      failedListKey: 'oms/failed.txt',
    });
    expect(isFinal(found)).toBe(true);
  });

  it.each([
    [1, 'waiting', false],
    [2, 'running', false],
    [3, 'paused', true],
    [4, 'failed', true],
    [5, 'succeeded', true],
    [6, 'retrying', false],
    [7, 'pausing', false],
    [8, 'unknown', false],
  ])('status %d is %s', async (status, state, isOver) => {
    const { tasks } = await serve(() => ({ body: JSON.stringify({ status }) }));
    const found = await tasks.showTask('7', 1000);
    expect([found.state, isFinal(found)]).toEqual([state, isOver]);
  });
});
