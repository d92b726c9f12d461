import { once } from 'node:events';
import { connect } from 'node:net';
import { testKeys } from '@oms-sync/testing';
import { describe, expect, test } from 'vitest';
import { startOmsStandin } from './index.ts';
import { standinForTest } from './client.test-help.ts';

describe('startOmsStandin', () => {
  const { accessKey, secretKey } = testKeys;
  const options = { buckets: 'unused', accessKey, secretKey };

  test.each([
    ['host', { host: '0.0.0.0' }],
    ['host', { host: '127.example.com' }],
    ['projectId', { projectId: 'a/b' }],
    ['accessKey', { accessKey: '' }],
    ['accessKey', { accessKey: 'a,b' }],
    ['secretKey', { secretKey: '' }],
    ['copyDelayMs', { copyDelayMs: -1 }],
  ])('refuses a wrong %s: %j', async (name, wrong) => {
    await expect(startOmsStandin({ ...options, ...wrong })).rejects.toThrow(`${name}: expected`);
  });

  test('says that its port is taken', async () => {
    const { standin } = await standinForTest();
    const port = Number(new URL(standin.url).port);
    await expect(startOmsStandin({ ...options, port })).rejects.toThrow('EADDRINUSE');
  });

  test('listens on the host it is given', async () => {
    const { call } = await standinForTest({ host: 'localhost' });
    expect((await call('GET', '')).status).toBe(200);
  });
});

describe('createTask', () => {
  test('makes a task of a given id once', async () => {
    const { standin } = await standinForTest();
    const task = { srcBucket: 'one', dstBucket: 'two', taskId: 'my-task' };
    expect(standin.createTask(task)).toBe('my-task');
    expect(() => standin.createTask(task)).toThrow('exists already');
  });

  test('refuses buckets that are no names', async () => {
    const { standin } = await standinForTest();
    expect(() => standin.createTask({ srcBucket: '../a', dstBucket: 'two' })).toThrow('src_bucket');
  });
});

test('close ends idle(), and what is not due is not copied', async () => {
  const { destination, sendEvents, source, standin } = await standinForTest({ copyDelayMs: 1_000_000 });
  await source.write('a', '1');
  await sendEvents('a');
  const idle = standin.idle();
  await standin.close();
  await idle;
  expect(await destination.list()).toEqual([]);
});

test('a client that leaves in the middle of a request is no failure', async () => {
  let lineCame: (line: string) => void = () => {};
  const line = new Promise<string>((resolve) => (lineCame = resolve));
  const { standin, taskId } = await standinForTest({ log: (text) => lineCame(text) });
  const socket = connect(Number(new URL(standin.url).port), '127.0.0.1');
  await once(socket, 'connect');
  const head = `POST ${new URL(standin.syncUrl(taskId)).pathname} HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{`;
  socket.write(head, () => socket.resetAndDestroy());
  expect(await line).toContain('not answered (the client left)');
});
