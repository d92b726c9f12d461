import { FakeClock } from '@oms-sync/testing';
import fc from 'fast-check';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { OmsError, type OmsFaultClass } from './oms-error.ts';
import { runSync, type Outcome, type SyncRunOptions } from './sync-run.ts';

interface Request {
  readonly at: number;
  readonly names: readonly string[];
  readonly timeoutMs: number;
}

type Answer = (request: Request, index: number) => OmsError | undefined;

function fault(
  faultClass: OmsFaultClass,
  fields: { code?: string; status?: number; retryAfterMs?: number } = {},
) {
  return new OmsError({
    faultClass,
    code: faultClass.toUpperCase(),
    message: `it is ${faultClass}`,
    ...fields,
  });
}

/** Runs with an OMS that takes 10 ms for each answer. */
async function run(
  names: readonly string[],
  answer: Answer,
  { maxInFlight = 10, ...changes }: Partial<SyncRunOptions> & { maxInFlight?: number } = {},
) {
  const clock = new FakeClock(0);
  const requests: Request[] = [];
  const outcomes = new Map<string, Outcome>();
  let inFlight = 0;
  let mostInFlight = 0;
  const statistics = await runSync(names, {
    clock,
    random: () => 0.5,
    inTurn: pLimit(maxInFlight),
    requestTimeoutMs: 1000,
    maxAttempts: 5,
    sendUntil: Infinity,
    oms: {
      async createSyncEvents(batch, timeoutMs) {
        const request = { at: clock.now(), names: batch, timeoutMs };
        const index = requests.push(request) - 1;
        mostInFlight = Math.max(mostInFlight, ++inFlight);
        await clock.sleep(10);
        inFlight--;
        const error = answer(request, index);
        if (error) throw error;
      },
    },
    onSettled: (name, outcome) => {
      expect(outcomes.has(name), `${name} is settled once`).toBe(false);
      outcomes.set(name, outcome);
    },
    ...changes,
  });
  return { outcomes, requests, statistics, mostInFlight, clock };
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `object-${index}`);
}

describe('runSync', () => {
  it('sends at most ten names a request and settles each', async () => {
    const { outcomes, requests, statistics } = await run(numbered(25), () => undefined);
    expect(requests.map(({ names }) => names.length)).toEqual([10, 10, 5]);
    expect(outcomes).toEqual(new Map(numbered(25).map((name) => [name, { kind: 'requested', attempts: 1 }])));
    expect(statistics).toEqual({ requests: 3, retries: 0, omsMs: 10 });
  });

  it('gives up in time what never gets its turn, and says so', async () => {
    const { outcomes, requests, clock } = await run(['a'], () => undefined, {
      sendUntil: 1000,
      inTurn: () => new Promise(() => undefined),
    });
    const reason = {
      class: 'passing',
      code: 'NotSent',
      message: 'the invocation had no time left to send it',
    };
    expect(outcomes).toEqual(new Map([['a', { kind: 'unrequested', attempts: 0, reason }]]));
    expect(requests).toEqual([]);
    expect(clock.now()).toBe(1000);
  });

  it('waits out a Retry-After once, whichever batch got it', async () => {
    const { outcomes, requests, clock } = await run(
      numbered(20),
      (_, index) => (index === 0 ? fault('passing', { status: 429, retryAfterMs: 1000 }) : undefined),
      { maxInFlight: 1 },
    );
    expect([...outcomes.values()].map(({ kind }) => kind)).toEqual(
      Array.from({ length: 20 }, () => 'requested'),
    );
    expect(requests.map(({ at }) => at >= 1010)).toEqual([false, true, true]);
    expect(clock.now()).toBeLessThan(3000);
  });

  it.each([
    ['there is no time for another', { sendUntil: 60 }, fault('passing', { status: 500 })],
    ['Retry-After is hours', {}, fault('passing', { status: 503, retryAfterMs: 3_600_000 })],
  ])('does not begin another try when %s', async (_, changes, error) => {
    const { requests, statistics } = await run(['a'], () => error, changes);
    expect(requests).toHaveLength(1);
    expect(statistics.retries).toBe(0);
  });

  it.each([
    ['OMS is away', fault('passing', { code: 'ECONNREFUSED' }), 2],
    ['a gateway answers for it', fault('passing', { status: 502 }), 2],
    ['it accepts nobody', fault('identity', { code: 'OMS.0202', status: 403 }), 1],
  ])('tries no name alone when %s', async (_, error, expected) => {
    const { requests } = await run(numbered(10), () => error, { maxAttempts: 2 });
    expect(requests.map(({ names }) => names.length)).toEqual(Array.from({ length: expected }, () => 10));
  });

  it('sends nothing for no names', async () => {
    expect((await run([], () => undefined)).statistics).toEqual({ requests: 0, retries: 0, omsMs: 0 });
  });

  it('keeps to max_in_flight', async () => {
    const { mostInFlight, statistics } = await run(numbered(100), () => undefined, { maxInFlight: 3 });
    expect(mostInFlight).toBe(3);
    expect(statistics.omsMs).toBe(40);
  });

  it('splits a refused batch until the culprit stands alone', async () => {
    const { outcomes, statistics } = await run(numbered(25), ({ names }) =>
      names.includes('object-13') ? fault('refused', { code: 'OMS.0064', status: 400 }) : undefined,
    );
    const unrequested = [...outcomes].filter(([, outcome]) => outcome.kind === 'unrequested');
    expect(unrequested).toEqual([
      [
        'object-13',
        {
          kind: 'unrequested',
          attempts: 4,
          reason: { class: 'refused', code: 'OMS.0064', message: 'it is refused' },
        },
      ],
    ]);
    expect(statistics.requests).toBeLessThanOrEqual(2 + 9);
    expect(statistics.retries).toBe(0);
  });

  it('retries a passing fault with growing, jittered waits, up to max_attempts', async () => {
    const { outcomes, requests, statistics } = await run(['a'], () =>
      fault('passing', { code: 'ECONNRESET' }),
    );
    const waits = requests.slice(1).map(({ at }, index) => at - (requests[index]?.at ?? 0) - 10);
    expect(waits).toEqual([100, 200, 400, 800]);
    expect(outcomes.get('a')).toMatchObject({
      kind: 'unrequested',
      attempts: 5,
      reason: { code: 'ECONNRESET' },
    });
    expect(statistics).toMatchObject({ requests: 5, retries: 4 });
  });

  it('waits longer when OMS is throttling', async () => {
    const { requests } = await run(['a'], (_, index) =>
      index === 0 ? fault('passing', { status: 429 }) : undefined,
    );
    expect(requests.map(({ at }) => at)).toEqual([0, 510]);
  });

  it('honours Retry-After, for every request', async () => {
    const { requests, outcomes } = await run(
      numbered(40),
      (_, index) => (index === 0 ? fault('passing', { status: 503, retryAfterMs: 7000 }) : undefined),
      { maxInFlight: 2 },
    );
    const [first, second, ...later] = requests.map(({ at }) => at);
    expect([first, second]).toEqual([0, 0]);
    expect(Math.min(...later)).toBeGreaterThanOrEqual(7010);
    expect([...outcomes.values()].every(({ kind }) => kind === 'requested')).toBe(true);
  });

  it('does not wait for a Retry-After that is beyond its time', async () => {
    const { clock, requests, outcomes } = await run(
      numbered(20),
      () => fault('passing', { status: 503, retryAfterMs: 60_000, code: 'HTTP.503' }),
      { sendUntil: 10_000, maxInFlight: 1 },
    );
    expect(clock.now()).toBeLessThan(1000);
    expect(requests).toHaveLength(1);
    expect(outcomes.get('object-0')).toMatchObject({ attempts: 1, reason: { code: 'HTTP.503' } });
    expect(outcomes.get('object-19')).toMatchObject({
      attempts: 0,
      reason: { class: 'passing', code: 'HTTP.503' },
    });
  });

  it('takes a Retry-After of hours for an outage', async () => {
    const { requests, outcomes, clock } = await run(
      numbered(30),
      () => fault('passing', { retryAfterMs: 3_600_000 }),
      { maxInFlight: 1 },
    );
    expect(requests).toHaveLength(1);
    expect(outcomes.size).toBe(30);
    expect(clock.now()).toBe(10);
  });

  it('stops sending after an identity fault', async () => {
    const { outcomes, requests } = await run(numbered(100), () => fault('identity', { code: 'APIG.0301' }), {
      maxInFlight: 2,
    });
    expect(requests).toHaveLength(2);
    for (const outcome of outcomes.values()) {
      expect(outcome).toMatchObject({
        kind: 'unrequested',
        reason: { class: 'identity', code: 'APIG.0301' },
      });
    }
    expect(outcomes.size).toBe(100);
    expect(outcomes.get('object-99')).toMatchObject({ attempts: 0 });
  });

  it('does not let one name that OMS fails at harm its neighbours', async () => {
    const { outcomes } = await run(numbered(25), ({ names }) =>
      names.includes('object-3') ? fault('passing', { status: 500, code: 'HTTP.500' }) : undefined,
    );
    const unrequested = [...outcomes].filter(([, { kind }]) => kind === 'unrequested');
    expect(unrequested).toMatchObject([
      ['object-3', { attempts: 6, reason: { class: 'passing', code: 'HTTP.500' } }],
    ]);
  });

  it('splits on a 403 that is not from OMS, and stops when a name alone gets it', async () => {
    const forbidden = fault('identity', { status: 403, code: 'HTTP.403' });
    const one = await run(numbered(25), ({ names }) => (names.includes('object-3') ? forbidden : undefined), {
      maxInFlight: 1,
    });
    expect([...one.outcomes].filter(([, { kind }]) => kind === 'requested').length).toBeGreaterThanOrEqual(5);
    const all = await run(numbered(100), () => forbidden, { maxInFlight: 1 });
    expect(all.requests.length).toBeLessThan(100);
    expect(all.outcomes.size).toBe(100);
  });

  it('splits a refused batch whatever Retry-After says', async () => {
    const { outcomes } = await run(numbered(10), ({ names }) =>
      names.includes('object-3') ? fault('refused', { status: 400, retryAfterMs: 3_600_000 }) : undefined,
    );
    expect([...outcomes].filter(([, { kind }]) => kind === 'requested')).toHaveLength(9);
  });

  it('neither retries nor splits on a quota', async () => {
    const { requests, outcomes } = await run(numbered(10), () => fault('quota', { code: 'OMS.1021' }));
    expect(requests).toHaveLength(1);
    expect(outcomes.get('object-9')).toMatchObject({ reason: { class: 'quota' } });
  });

  it('has nothing under way after its time, and settles all the same', async () => {
    const { outcomes, requests, clock } = await run(
      numbered(1000),
      () => fault('passing', { status: 503, code: 'HTTP.503' }),
      {
        sendUntil: 2000,
        maxAttempts: 100,
      },
    );
    expect(outcomes.size).toBe(1000);
    expect(clock.now()).toBeLessThanOrEqual(2010);
    for (const { at, timeoutMs } of requests) expect(at + timeoutMs).toBeLessThanOrEqual(2000);
    for (const outcome of outcomes.values()) expect(outcome).toMatchObject({ reason: { class: 'passing' } });
  });

  it('sends nothing when there is no time at all', async () => {
    const { outcomes, requests } = await run(['a'], () => undefined, { sendUntil: -1 });
    expect(requests).toEqual([]);
    expect(outcomes.get('a')).toMatchObject({ attempts: 0, reason: { code: 'NotSent' } });
  });

  it('does not wait for its turn beyond its time', async () => {
    const inTurn = pLimit(1);
    const other = inTurn(() => new Promise<void>(() => undefined));
    const { outcomes, requests, clock } = await run(numbered(30), () => undefined, {
      inTurn,
      sendUntil: 5000,
    });
    expect(requests).toEqual([]);
    expect(clock.now()).toBe(5000);
    expect(outcomes.get('object-29')).toMatchObject({ attempts: 0, reason: { code: 'NotSent' } });
    expect(other).toBeInstanceOf(Promise);
  });

  it('does not hide a defect of the client', async () => {
    await expect(
      run(['a'], () => {
        throw new TypeError('a defect');
      }),
    ).rejects.toThrow('a defect');
  });

  it('settles every name exactly once, under any sequence of answers', async () => {
    const anyAnswer = fc.constantFrom<OmsError | undefined>(
      undefined,
      undefined,
      fault('passing'),
      fault('passing', { status: 429, retryAfterMs: 500 }),
      fault('refused'),
      fault('quota'),
      fault('identity'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 60 }),
        fc.array(anyAnswer, { minLength: 1, maxLength: 50 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom(0, 300, 5000, Infinity),
        async (count, answers, maxInFlight, sendUntil) => {
          const { outcomes, mostInFlight, requests } = await run(
            numbered(count),
            (_, index) => answers[index % answers.length],
            { maxInFlight, sendUntil },
          );
          expect([...outcomes.keys()].sort()).toEqual(numbered(count).sort());
          expect(mostInFlight).toBeLessThanOrEqual(maxInFlight);
          for (const { at, names } of requests) {
            expect(at).toBeLessThan(sendUntil);
            expect(names.length).toBeLessThanOrEqual(10);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
