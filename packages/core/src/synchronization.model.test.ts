import { FakeClock, MemoryLogBucket, testKeys } from '@oms-sync/testing';
import fc from 'fast-check';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { LogBucketError } from './log-bucket.ts';
import { Logger } from './logger.ts';
import { OmsError, type OmsFaultClass } from './oms-error.ts';
import { readSettings, type SettingName, type Settings } from './settings.ts';
import { synchronize } from './synchronization.ts';

type OmsMood = OmsFaultClass | 'takes all' | 'refuses every third' | 'is slow';
type StoreMood = 'takes all' | 'fails at times' | 'refuses' | 'hangs';

/** The platform's side of the promise: what was sent, and what it has to deliver again. */
interface Model {
  readonly sent: Set<string>;
  returned: Set<string>;
}

const texts: Partial<Record<SettingName, string>> = {
  sync_url: 'https://oms.example.com/v2/p/sync-tasks/task-1/events',
  log_bucket: 'logs',
  obs_endpoint: 'obs.example.com',
  hw_ak: testKeys.accessKey,
  hw_sk: testKeys.secretKey,
  max_attempts: '2',
};

/** Everything around `synchronize` that lasts from one invocation to the next. */
class World {
  readonly clock = new FakeClock();
  readonly logBucket = new MemoryLogBucket();
  readonly #settings: Settings;
  readonly #inTurn = pLimit(3);
  /** The names that OMS has taken. */
  readonly accepted = new Set<string>();
  oms: OmsMood = 'takes all';
  #puts = 0;

  constructor(changes: Partial<Record<SettingName, string>>) {
    this.#settings = readSettings((name) => ({ ...texts, ...changes })[name], ['obs']);
    this.setStore('takes all');
  }

  setStore(mood: StoreMood): void {
    const fault = (passing: boolean, key: string) =>
      new LogBucketError({ operation: 'put', key, code: 'Fault', passing, message: 'no' });
    this.logBucket.fail = async (operation, key) => {
      if (operation !== 'put' || mood === 'takes all') return;
      if (mood === 'hangs') await this.clock.sleep(3_600_000);
      if (mood === 'refuses' || this.#puts++ % 3 === 0) throw fault(mood !== 'refuses', key);
    };
  }

  /** One invocation; gives the names that were not acknowledged. */
  async deliver(names: readonly string[], attempt: number): Promise<string[]> {
    const startedAt = this.clock.now();
    const { report, fates } = await synchronize(
      names.map((name) => ({ kind: 'created', store: 's3', bucket: 'source', name })),
      {
        settings: this.#settings,
        clock: this.clock,
        logBucket: this.logBucket,
        inTurn: this.#inTurn,
        random: () => 0.5,
        deadline: startedAt + 20_000,
        logger: new Logger('error', () => undefined),
        canRedeliver: () => attempt < 3,
        oms: { createSyncEvents: (batch, timeoutMs) => this.#answer(batch, timeoutMs) },
      },
    );
    const { received, ...parts } = report;
    expect(Object.values(parts).reduce((sum, part) => sum + part)).toBe(received);
    expect(received).toBe(names.length);
    const returned = fates.flatMap(({ kind }, index) => (kind === 'returned' ? [index] : []));
    expect(this.clock.now()).toBeLessThanOrEqual(startedAt + 20_000);
    // What was merged shares the fate of the first of its name.
    const back = new Set(returned.map((index) => names[index]));
    return names.filter((name) => back.has(name));
  }

  /** The names on both lists. */
  listed(list: 'success_object' | 'failed_object'): Set<string> {
    const names = [...this.logBucket.objects].flatMap(([key, { body }]) => {
      if (!key.startsWith(`oms_source_record/${list}/`)) return [];
      const lines = body.split('\n').filter((line) => line !== '');
      if (key.endsWith('.txt')) return lines.map(decodeURIComponent);
      return lines.map((line) => String(Reflect.get(Object(JSON.parse(line)), 'name')));
    });
    return new Set(names);
  }

  async #answer(batch: readonly string[], timeoutMs: number): Promise<void> {
    const ms = this.oms === 'is slow' ? 1500 : 20;
    await this.clock.sleep(Math.min(ms, timeoutMs));
    const refused =
      this.oms === 'refuses every third' && batch.some((name) => Number(name.slice(1)) % 3 === 0);
    const faultClass = refused ? 'refused' : ms > timeoutMs ? 'passing' : this.oms;
    if (faultClass === 'takes all' || faultClass === 'is slow' || faultClass === 'refuses every third') {
      for (const name of batch) this.accepted.add(name);
    } else {
      throw new OmsError({ faultClass, code: faultClass, message: 'no', status: 500 });
    }
  }
}

type Command = fc.AsyncCommand<Model, World>;

/** What must hold after each step: nothing that was sent is nowhere. */
function check({ sent, returned }: Model, world: World): void {
  const requested = world.listed('success_object');
  const failed = world.listed('failed_object');
  const lost = [...sent].filter((name) => !requested.has(name) && !failed.has(name) && !returned.has(name));
  expect(lost).toEqual([]);
  expect([...requested].filter((name) => !world.accepted.has(name))).toEqual([]);
  expect([...requested, ...failed].filter((name) => !sent.has(name))).toEqual([]);
}

async function deliver(model: Model, world: World, names: readonly string[], attempt: number): Promise<void> {
  for (const name of names) model.sent.add(name);
  const back = new Set(await world.deliver(names, attempt));
  for (const name of names) {
    if (back.has(name)) model.returned.add(name);
    else model.returned.delete(name);
  }
  check(model, world);
}

const anyCommands: fc.Arbitrary<Iterable<Command>> = fc.commands(
  [
    fc.array(fc.nat(60), { maxLength: 40 }).map((numbers): Command => {
      const names = numbers.map((number) => `n${number}`);
      return {
        check: () => true,
        run: (model, world) => deliver(model, world, names, 1),
        toString: () => `deliver ${names.join(' ')}`,
      };
    }),
    fc.integer({ min: 2, max: 3 }).map((attempt): Command => ({
      check: ({ returned }) => returned.size > 0,
      run: (model, world) => deliver(model, world, [...model.returned], attempt),
      toString: () => `deliver again, for the ${attempt}. time`,
    })),
    fc
      .constantFrom<OmsMood>('takes all', 'refuses every third', 'is slow', 'passing', 'identity', 'quota')
      .map((mood): Command => ({
        check: () => true,
        run: async (_, world) => {
          world.oms = mood;
        },
        toString: () => `OMS: ${mood}`,
      })),
    fc.constantFrom<StoreMood>('takes all', 'fails at times', 'refuses', 'hangs').map((mood): Command => ({
      check: () => true,
      run: async (_, world) => world.setStore(mood),
      toString: () => `store: ${mood}`,
    })),
  ],
  { maxCommands: 14 },
);

describe('synchronize, whatever happens around it', () => {
  it.each([
    { log_layout: 'object', on_failure: 'record' },
    { log_layout: 'list', on_failure: 'record' },
    { log_layout: 'object', on_failure: 'redeliver' },
    { log_layout: 'list', on_failure: 'redeliver' },
  ])('loses nothing ($log_layout, $on_failure)', async (changes) => {
    await fc.assert(
      fc.asyncProperty(anyCommands, async (commands) => {
        const world = new World(changes);
        const model: Model = { sent: new Set(), returned: new Set() };
        await fc.asyncModelRun(() => ({ model, real: world }), commands);
        // When everything is well again, so is every object.
        world.oms = 'takes all';
        world.setStore('takes all');
        await deliver(model, world, [...model.returned], 3);
        expect(model.returned.size).toBe(0);
      }),
      { numRuns: 60 },
    );
  });
});

describe('the model', () => {
  it('objects to a name that is nowhere, and to one that OMS never took', async () => {
    const world = new World({});
    expect(() => check({ sent: new Set(['n1']), returned: new Set() }, world)).toThrow('expected');
    expect(() => check({ sent: new Set(['n1']), returned: new Set(['n1']) }, world)).not.toThrow();
    await world.logBucket.put('oms_source_record/success_object/n1', '{"name":"n1"}', 'application/json');
    expect(() => check({ sent: new Set(['n1']), returned: new Set() }, world)).toThrow('expected');
  });
});
