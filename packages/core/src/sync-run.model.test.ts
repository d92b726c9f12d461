import { FakeClock } from '@oms-sync/testing';
import fc from 'fast-check';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { maxNamesPerRequest } from './oms-client.ts';
import { OmsError } from './oms-error.ts';
import { runSync, type Outcome, type SyncRunOptions } from './sync-run.ts';

/** What OMS, or the network, makes of one request. */
type Fate =
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'passing' | 'refused' | 'identity' | 'quota';
      readonly status?: number;
      readonly code?: string;
      readonly retryAfterMs?: number;
    };

interface Request {
  readonly names: readonly string[];
  readonly at: number;
  readonly until: number;
}

/** What is known of one name. */
interface NameState {
  attempts: number;
  inFlight: boolean;
  last: OmsError | 'accepted' | undefined;
  outcome: Outcome | undefined;
}

/**
 * A sync run as it must look from outside: it is told of each request, answer and settled name, and objects to what may
 * not be. It says nothing of when and how to retry or split.
 */
class SyncRunModel {
  readonly names: Map<string, NameState>;
  /** What has happened, for the report of a failure. */
  readonly history: string[] = [];
  requests = 0;
  #inFlight = 0;
  #silentUntil = 0;
  #stopped = false;
  readonly #limits: { maxInFlight: number; sendUntil: number };

  constructor(names: readonly string[], limits: { maxInFlight: number; sendUntil: number }) {
    this.names = new Map(
      names.map((name) => [name, { attempts: 0, inFlight: false, last: undefined, outcome: undefined }]),
    );
    this.#limits = limits;
  }

  send({ names, at, until }: Request): void {
    this.history.push(`${at}: request of ${names.join(' ')}, until ${until}`);
    this.requests++;
    this.#demand(names.length > 0 && names.length <= maxNamesPerRequest, 'holds 1 to 10 names');
    this.#demand(++this.#inFlight <= this.#limits.maxInFlight, 'keeps to max_in_flight');
    this.#demand(until <= this.#limits.sendUntil && at < until, 'is over by sendUntil');
    this.#demand(at >= this.#silentUntil, 'waits for Retry-After');
    this.#demand(!this.#stopped, 'nothing is sent after an identity fault');
    for (const name of names) {
      const state = this.#get(name);
      this.#demand(!state.inFlight, `${name} is in one request at a time`);
      this.#demand(state.outcome === undefined, `${name} is not sent after it is settled`);
      state.inFlight = true;
      state.attempts++;
    }
  }

  answer({ names }: Request, at: number, answer: OmsError | 'accepted'): void {
    const text = answer === 'accepted' ? answer : `${answer.faultClass} ${answer.code}`;
    this.history.push(`${at}: ${text} for ${names.join(' ')}`);
    this.#inFlight--;
    for (const name of names) Object.assign(this.#get(name), { inFlight: false, last: answer });
    if (answer === 'accepted') return;
    const { faultClass, code, retryAfterMs } = answer;
    // A firewall's 403 may be about one name of several.
    if (faultClass === 'identity' && (code !== 'HTTP.403' || names.length === 1)) this.#stopped = true;
    if (faultClass === 'passing') this.#silentUntil = Math.max(this.#silentUntil, at + (retryAfterMs ?? 0));
  }

  settle(name: string, outcome: Outcome, at: number): void {
    this.history.push(`${at}: ${name} is ${outcome.kind}`);
    const state = this.#get(name);
    this.#demand(state.outcome === undefined, `${name} settles once`);
    state.outcome = outcome;
    // What is under way when the time is up has no answer yet.
    if (state.inFlight) this.#demand(at >= this.#limits.sendUntil, `${name} settles when it is answered`);
    else {
      this.#demand(outcome.attempts === state.attempts, `${name} was in ${state.attempts} requests`);
      this.#demand(
        (outcome.kind === 'requested') === (state.last === 'accepted'),
        `${name} is what OMS said`,
      );
    }
  }

  end(): void {
    for (const [name, { outcome }] of this.names) this.#demand(outcome !== undefined, `${name} settles`);
  }

  #get(name: string): NameState {
    const state = this.names.get(name);
    if (state === undefined) throw new Error(`${name} is no name of this run`);
    return state;
  }

  #demand(holds: boolean, rule: string): void {
    if (!holds) throw new Error(`broken: ${rule}\n${this.history.join('\n')}`);
  }
}

interface Scene {
  readonly count: number;
  readonly maxInFlight: number;
  readonly maxAttempts: number;
  readonly requestTimeoutMs: number;
  readonly sendUntil: number;
}

const anyScene: fc.Arbitrary<Scene> = fc.record({
  count: fc.integer({ min: 0, max: 35 }),
  maxInFlight: fc.integer({ min: 1, max: 4 }),
  maxAttempts: fc.integer({ min: 1, max: 4 }),
  requestTimeoutMs: fc.constantFrom(1, 100, 1000),
  sendUntil: fc.oneof(fc.constant(Infinity), fc.integer({ min: -1, max: 4000 })),
});

const anyFault = fc.oneof(
  fc.record({
    kind: fc.constant('passing' as const),
    status: fc.constantFrom(429, 500, 502, 503),
    retryAfterMs: fc.constantFrom(0, 30, 1500, 299_999, 3_600_000),
  }),
  fc.constant<Fate>({ kind: 'passing' }),
  fc.constant<Fate>({ kind: 'passing', status: 500 }),
  fc.constant<Fate>({ kind: 'refused', status: 400 }),
  fc.constant<Fate>({ kind: 'identity', status: 403, code: 'HTTP.403' }),
  fc.constant<Fate>({ kind: 'identity', status: 401 }),
  fc.constant<Fate>({ kind: 'quota', status: 400 }),
);
const anyFate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 2, arbitrary: fc.constant<Fate>({ kind: 'accepted' }) },
  { weight: 1, arbitrary: anyFault },
);

function toError(fate: Fate): OmsError | 'accepted' {
  if (fate.kind === 'accepted') return 'accepted';
  const { kind, code = kind.toUpperCase(), ...fields } = fate;
  return new OmsError({ faultClass: kind, code, message: `it is ${kind}`, ...fields });
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `n${index}`);
}

/** Runs a scene beside its model. `answer` takes its time by the clock, or by a scheduler. */
async function runBesideModel(
  { count, maxInFlight, ...limits }: Scene,
  answer: (request: Request, index: number, clock: FakeClock) => Promise<OmsError | 'accepted'>,
  changes: Partial<SyncRunOptions> = {},
): Promise<SyncRunModel> {
  const clock = new FakeClock(0);
  const model = new SyncRunModel(numbered(count), { maxInFlight, ...limits });
  const statistics = await runSync(numbered(count), {
    ...limits,
    clock,
    random: () => 0.5,
    inTurn: pLimit(maxInFlight),
    oms: {
      async createSyncEvents(names, timeoutMs) {
        const request = { names, at: clock.now(), until: clock.now() + timeoutMs };
        const index = model.requests;
        model.send(request);
        const result = await answer(request, index, clock);
        model.answer(request, clock.now(), result);
        if (result !== 'accepted') throw result;
      },
    },
    onSettled: (name, outcome) => model.settle(name, outcome, clock.now()),
    ...changes,
  });
  model.end();
  expect(statistics.requests).toBe(model.requests);
  return model;
}

const timedOut = new OmsError({ faultClass: 'passing', code: 'ETIMEDOUT', message: 'no answer' });

describe('a sync run and its model agree', () => {
  it('under any faults, with answers that come at any time or never', async () => {
    const anyAnswer = fc.record({ fate: anyFate, afterMs: fc.constantFrom(0, 1, 20, 99, 700, 5000) });
    await fc.assert(
      fc.asyncProperty(
        anyScene,
        fc.array(anyAnswer, { minLength: 1, maxLength: 30 }),
        async (scene, answers) => {
          await runBesideModel(scene, async ({ at, until }, index, clock) => {
            const { fate, afterMs } = answers[index % answers.length] ?? {
              fate: { kind: 'accepted' },
              afterMs: 0,
            };
            await clock.sleep(Math.min(afterMs, until - at));
            return afterMs < until - at ? toError(fate) : timedOut;
          });
        },
      ),
      { numRuns: 500 },
    );
  });

  it('in any order of completions', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        anyScene.map((scene) => ({ ...scene, sendUntil: Infinity })),
        fc.array(anyFate, { minLength: 1, maxLength: 30 }),
        async (scheduler, scene, fates) => {
          await scheduler.waitFor(
            runBesideModel(scene, ({ names }, index) => {
              const fate = fates[index % fates.length] ?? { kind: 'accepted' };
              return scheduler.schedule(
                Promise.resolve(toError(fate)),
                `${fate.kind} for ${names.join(' ')}`,
              );
            }),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('and a refused name never harms its neighbours, whichever names they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.integer({ min: 1, max: 35 }),
        fc.integer({ min: 1, max: 4 }),
        fc.uniqueArray(fc.nat(34), { maxLength: 12 }),
        fc.constantFrom<Fate>(
          { kind: 'refused', status: 400 },
          { kind: 'refused', status: 400, retryAfterMs: 3_600_000 },
          { kind: 'passing', status: 500 },
        ),
        async (scheduler, count, maxInFlight, indexes, fate) => {
          const bad = new Set(indexes.map((index) => `n${index}`));
          const scene = { count, maxInFlight, maxAttempts: 2, requestTimeoutMs: 1000, sendUntil: Infinity };
          const model = await scheduler.waitFor(
            runBesideModel(scene, ({ names }) =>
              scheduler.schedule(
                Promise.resolve(names.some((name) => bad.has(name)) ? toError(fate) : ('accepted' as const)),
                names.join(' '),
              ),
            ),
          );
          const requested = [...model.names].filter(([, { outcome }]) => outcome?.kind === 'requested');
          expect(requested.map(([name]) => name)).toEqual(numbered(count).filter((name) => !bad.has(name)));
        },
      ),
      { numRuns: 300 },
    );
  });

  it('when several runs share the requests in flight', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.tuple(anyScene, fc.array(anyFate, { minLength: 1, maxLength: 8 })), {
          minLength: 2,
          maxLength: 4,
        }),
        async (scheduler, runs) => {
          const inTurn = pLimit(2);
          let inFlight = 0;
          let most = 0;
          await scheduler.waitFor(
            Promise.all(
              runs.map(([scene, fates], run) =>
                runBesideModel(
                  { ...scene, maxInFlight: 2, sendUntil: Infinity },
                  async (_, index) => {
                    most = Math.max(most, ++inFlight);
                    const fate = fates[index % fates.length] ?? { kind: 'accepted' };
                    const result = await scheduler.schedule(Promise.resolve(toError(fate)), `run ${run}`);
                    inFlight--;
                    return result;
                  },
                  { inTurn },
                ),
              ),
            ),
          );
          expect(most).toBeLessThanOrEqual(2);
        },
      ),
      { numRuns: 100 },
    );
  });
});

describe('the model objects', () => {
  const limits = { maxInFlight: 1, sendUntil: 1000 };
  const request = { names: ['a'], at: 0, until: 100 };
  const model = () => new SyncRunModel(['a', 'b'], limits);
  const requested = { kind: 'requested', attempts: 1 } as const;

  it('to a name that settles twice, or never', () => {
    const twice = model();
    twice.send(request);
    twice.answer(request, 10, 'accepted');
    twice.settle('a', requested, 10);
    expect(() => twice.settle('a', requested, 10)).toThrow('a settles once');
    expect(() => twice.end()).toThrow('b settles');
  });

  it('to requests that are too many, too late or too large', () => {
    const tooMany = model();
    tooMany.send(request);
    expect(() => tooMany.send({ ...request, names: ['b'] })).toThrow('max_in_flight');
    expect(() => model().send({ ...request, until: 1001 })).toThrow('sendUntil');
    expect(() => model().send({ ...request, names: numbered(11) })).toThrow('1 to 10 names');
  });

  it('to a success that OMS did not give', () => {
    const lie = model();
    lie.send(request);
    lie.answer(request, 10, timedOut);
    expect(() => lie.settle('a', requested, 10)).toThrow('a is what OMS said');
  });
});
