import { describe, expect, test } from 'vitest';
import { anyNumber, field, send, standinForTest } from './client.test-help.ts';

describe('the stand-in’s own routes', () => {
  test('switch faults on and off', async () => {
    const { sendEvents, standin } = await standinForTest();
    const url = `${standin.url}/standin/faults`;
    const faults = [
      { kind: 'answer', status: 429, share: 1, names: ['a'], times: 3, after: 0, everywhere: true },
    ];
    expect(await send('PUT', url, { body: JSON.stringify(faults) })).toMatchObject({
      status: 200,
      json: faults,
    });
    expect((await send('GET', url)).json).toEqual(faults);
    expect((await sendEvents('a')).status).toBe(429);
    expect(await send('DELETE', url)).toMatchObject({ status: 200, json: [] });
    expect((await send('GET', url)).json).toEqual([]);
    expect((await sendEvents('a')).status).toBe(200);
  });

  test('show what was received', async () => {
    const { sendEvents, standin, taskId } = await standinForTest();
    await sendEvents('a%20b');
    expect((await send('GET', `${standin.url}/standin/received`)).json).toEqual([
      { taskId, time: anyNumber, names: ['a b'], rawKeys: ['a%20b'] },
    ]);
    expect((await send('GET', `${standin.url}/standin/requests`)).json).toEqual({ count: 1 });
  });

  test('know no other address', async () => {
    const { standin } = await standinForTest();
    expect((await send('POST', `${standin.url}/standin/faults`)).status).toBe(404);
    expect((await send('GET', `${standin.url}/standin/`)).status).toBe(404);
  });

  test.each([
    ['{', 'the body is not JSON'],
    ['{}', 'expected a JSON array of faults'],
    ['[1]', 'faults[0]: expected an object'],
    ['[{"kind":"garbage"},{}]', 'faults[1].kind: expected one of answer, slow'],
    ['[{"kind":"toString"}]', 'faults[0].kind: expected one of'],
    ['[{"kind":"answer"}]', 'faults[0].status: expected a status from 200 to 599, got nothing'],
    ['[{"kind":"answer","status":100}]', 'faults[0].status: expected a status from 200 to 599, got 100'],
    [
      '[{"kind":"answer","status":500,"retryAfter":-1}]',
      'faults[0].retryAfter: expected a number of seconds',
    ],
    ['[{"kind":"answer","status":500,"retryAfter":"a\\r\\nb"}]', 'faults[0].retryAfter: expected'],
    ['[{"kind":"answer","status":500,"errorCode":5}]', 'faults[0].errorCode: expected a text, got 5'],
    ['[{"kind":"slow"}]', 'faults[0].delayMs: expected a whole number'],
    ['[{"kind":"slow","delayMs":1e12}]', 'faults[0].delayMs: expected a whole number'],
    ['[{"kind":"reset","when":"now"}]', 'faults[0].when: expected "before", "during" or "after", got "now"'],
    ['[{"kind":"garbage","delayMs":1}]', 'faults[0].delayMs: no such field; known are share, names'],
    ['[{"kind":"garbage","share":1.1}]', 'faults[0].share: expected a number from 0 to 1, got 1.1'],
    ['[{"kind":"garbage","names":[]}]', 'faults[0].names: expected an array of one or more object names'],
    ['[{"kind":"garbage","times":-1}]', 'faults[0].times: expected a whole number from 0, got -1'],
    ['[{"kind":"garbage","after":0.5}]', 'faults[0].after: expected a whole number from 0, got 0.5'],
    ['[{"kind":"garbage","everywhere":1}]', 'faults[0].everywhere: expected true or false, got 1'],
  ])('refuse the faults %s', async (body, message) => {
    const { standin } = await standinForTest();
    const url = `${standin.url}/standin/faults`;
    await send('PUT', url, { body: '[{"kind":"garbage"}]' });
    const answer = await send('PUT', url, { body });
    expect(answer.status).toBe(400);
    expect(field(answer.json, 'message')).toContain(message);
    expect((await send('GET', url)).json).toEqual([{ kind: 'garbage' }]);
  });
});
