import { describe, expect, test } from 'vitest';
import type { Fault } from './index.ts';
import { send, standinForTest } from './client.test-help.ts';

describe('a fault', () => {
  test.each<[Fault, object]>([
    [
      { kind: 'answer', status: 429, retryAfter: 7 },
      { status: 429, headers: { 'retry-after': '7' }, json: { error_code: 'APIG.0308' } },
    ],
    [
      { kind: 'answer', status: 503, retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' },
      { status: 503, headers: { 'retry-after': 'Wed, 21 Oct 2026 07:28:00 GMT' } },
    ],
    [
      { kind: 'answer', status: 400, errorCode: 'OMS.1001', errorMessage: 'again' },
      { status: 400, json: { error_code: 'OMS.1001', error_msg: 'again' } },
    ],
    [
      { kind: 'answer', status: 418 },
      { status: 418, json: { error_code: 'OMS.0064' } },
    ],
    [
      { kind: 'answer', status: 502, body: '<html>' },
      { status: 502, body: '<html>' },
    ],
  ])('answers %j', async (fault, expected) => {
    const { sendEvents, standin } = await standinForTest();
    standin.faults.set([fault]);
    expect(await sendEvents('a')).toMatchObject(expected);
    expect(standin.received).toEqual([]);
    standin.faults.clear();
    expect((await sendEvents('a')).status).toBe(200);
  });

  test.each(['before', 'during'] as const)('resets the connection %s acceptance', async (when) => {
    const { sendEvents, standin } = await standinForTest();
    standin.faults.set([{ kind: 'reset', when }]);
    await expect(sendEvents('a')).rejects.toThrow(/ECONNRESET|socket hang up/);
    expect(standin.received).toEqual([]);
  });

  test('resets the connection after acceptance', async () => {
    const { sendEvents, standin } = await standinForTest();
    standin.faults.set([{ kind: 'reset', when: 'after' }]);
    await expect(sendEvents('a')).rejects.toThrow(/ECONNRESET|socket hang up/);
    expect(standin.received).toHaveLength(1);
  });

  test('sends garbage for an accepted request', async () => {
    const { sendEvents, standin } = await standinForTest();
    standin.faults.set([{ kind: 'garbage' }]);
    const answer = await sendEvents('a');
    expect(answer).toMatchObject({ status: 200, json: undefined });
    expect(answer.body).not.toBe('');
    expect(standin.received).toHaveLength(1);
  });

  test('cuts the answer of an accepted request', async () => {
    const { sendEvents, standin } = await standinForTest();
    standin.faults.set([{ kind: 'truncated' }]);
    await expect(sendEvents('a')).rejects.toThrow('aborted');
    expect(standin.received).toHaveLength(1);
  });

  test('slows an accepted request down', async () => {
    const { sendEvents, standin } = await standinForTest();
    standin.faults.set([{ kind: 'slow', delayMs: 1 }]);
    expect((await sendEvents('a')).status).toBe(200);
    expect(standin.received).toHaveLength(1);
  });

  test.each<Fault>([{ kind: 'black-hole' }, { kind: 'slow', delayMs: 1_000_000 }])(
    '%j does not keep the stand-in from closing',
    async (fault) => {
      const { sendEvents, standin } = await standinForTest();
      standin.faults.set([fault]);
      const answer = sendEvents('a').catch(String);
      await expect.poll(() => standin.requestCount, { interval: 1 }).toBe(1);
      await standin.close();
      expect(await answer).toMatch(/ECONNRESET|socket hang up/);
      expect(standin.received).toEqual([]);
    },
  );

  test.each<Fault>([{ kind: 'garbage' }, { kind: 'truncated' }, { kind: 'reset', when: 'after' }])(
    '%j leaves a refusal as it is',
    async (fault) => {
      const { standin, taskId } = await standinForTest();
      standin.faults.set([fault]);
      const answer = await send('POST', standin.syncUrl(taskId), { body: '{}' });
      expect(answer).toMatchObject({ status: 401, json: { error_code: 'APIG.0301' } });
    },
  );
});

describe('the requests that a fault befalls', () => {
  const answer503 = { kind: 'answer', status: 503 } as const;

  test('are those after some, and so many', async () => {
    const { sendEvents, standin } = await standinForTest();
    standin.faults.set([{ ...answer503, after: 1, times: 2 }]);
    const statuses: number[] = [];
    for (let index = 0; index < 5; index += 1) statuses.push((await sendEvents('a')).status);
    expect(statuses).toEqual([200, 503, 503, 200, 200]);
  });

  test('are a share of all', async () => {
    const drawn = [0.1, 0.29, 0.3, 0.9];
    const { sendEvents, standin } = await standinForTest({ random: () => drawn.shift() ?? 1 });
    standin.faults.set([{ ...answer503, share: 0.3 }]);
    const statuses: number[] = [];
    for (let index = 0; index < 4; index += 1) statuses.push((await sendEvents('a')).status);
    expect(statuses).toEqual([503, 503, 200, 200]);
  });

  test('are those that hold a name', async () => {
    const { call, sendEvents, standin, taskId } = await standinForTest();
    standin.faults.set([
      { ...answer503, names: ['bad one', 'other'] },
      { kind: 'answer', status: 429, names: ['c'] },
    ]);
    expect((await sendEvents('a', 'bad%20one')).status).toBe(503);
    expect((await sendEvents('c')).status).toBe(429);
    expect((await sendEvents('a', '%', 'b')).status).toBe(400);
    expect((await sendEvents('bad')).status).toBe(200);
    for (const raw of ['{', '{"object_keys":1}', '1', '{"object_keys":[1]}']) {
      expect((await call('POST', `/${taskId}/events`, { raw })).status).toBe(400);
    }
  });

  test('are on the route of events only, unless it is everywhere', async () => {
    const { call, sendEvents, standin } = await standinForTest();
    standin.faults.set([answer503]);
    expect((await call('GET', '')).status).toBe(200);
    standin.faults.set([{ ...answer503, everywhere: true }]);
    expect((await call('GET', '')).status).toBe(503);
    expect((await sendEvents('a')).status).toBe(503);
    expect((await send('GET', `${standin.url}/standin/requests`)).json).toEqual({ count: 3 });
  });
});
