import { testKeys } from '@oms-sync/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Bench, startStranger, type Settlement } from './bench.test-help.ts';
import { table, type Fate } from './fault-table.test-help.ts';
import type { Layout } from './lists.ts';

// Every layer × every fault × batches: what the promises demand. The expectations are in fault-table.test-help.ts.

interface Batch {
  readonly size: string;
  readonly names: readonly string[];
  /** One that OMS refuses. */
  readonly refusedName?: string;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `photos/${index} ü+%.jpg`);

const batches: readonly Batch[] = [
  { size: '1 name', names: numbered(1) },
  { size: '10 names', names: numbered(10) },
  { size: '25 names, one refused', names: numbered(25), refusedName: numbered(25)[13] ?? '' },
];

type Layer = keyof typeof table;

const layouts: Readonly<Record<Layer, readonly Layout[]>> = {
  OMS: ['list'],
  'log bucket': ['object', 'list'],
  platform: ['object'],
};

const plain = { under: {}, layout: 'object', refusedName: undefined, seed: 1 } as const;

/** Tests one layer of the table, cell by cell. A layer a file, so that they run side by side. */
export function describeLayer(layer: Layer): void {
  // Most cells wait for time-outs, so many of them go at once; but not where the time is what is tested.
  vi.setConfig({ maxConcurrency: layer === 'platform' ? 3 : 12 });
  describe(`${layer}: whatever goes wrong, each name is requested, or on the failed list, or returned`, () => {
    let stranger: Awaited<ReturnType<typeof startStranger>>;
    beforeAll(async () => {
      stranger = await startStranger();
      // Loads the SDK of OBS and everything else, so that it does not count as time of the first cells.
      const bench = await Bench.open({ ...plain, strangerPort: stranger.port });
      await bench.deliver(['warm-up']);
      await bench.close();
    });
    afterAll(() => {
      stranger.close();
      expect(stranger.requestCount(), 'requests to whoever has the wrong certificate').toBe(0);
    });

    for (const { fault, under, fates, refusedName } of table[layer]) {
      for (const layout of layouts[layer]) {
        for (const [seed, batch] of batches.entries()) {
          it.concurrent(`${fault}; ${batch.size}; layout ${layout}`, async () => {
            const bench = await Bench.open({
              under: under(),
              layout,
              refusedName: batch.refusedName,
              strangerPort: stranger.port,
              seed,
            });
            try {
              for (const settlement of await bench.deliver(batch.names)) {
                expectConservation(settlement);
                expectFates(settlement, batch, { fates, refusedName });
                expect(settlement.ms, 'ms').toBeLessThanOrEqual(settlement.allowedMs);
                expectNoKeys(settlement);
              }
            } finally {
              await bench.close();
            }
          });
        }
      }
    }
  });
}

function expectNoKeys({ output }: Settlement): void {
  const leaked = Object.entries(testKeys).filter(([, key]) => output.includes(key));
  expect(
    leaked.map(([name]) => name),
    'keys in the output',
  ).toEqual([]);
}

function expectConservation({ report, returned }: Settlement): void {
  const { received, ...parts } = report;
  expect(Object.values(parts).reduce((sum, part) => sum + part)).toBe(received);
  expect(report.returned).toBe(returned.size);
}

function expectFates(
  settlement: Settlement,
  { names, refusedName }: Batch,
  { fates, refusedName: fateOfRefused }: { fates: readonly Fate[]; refusedName: Fate | undefined },
): void {
  const found = new Map(names.map((name) => [name, fateOf(name, settlement)]));
  const wrong = [...found].filter(
    ([name, fate]) =>
      !(name === refusedName ? fatesOfRefused(fates, fateOfRefused) : fates).some(
        (allowed) => allowed === fate,
      ),
  );
  expect(wrong, `fates other than ${fates.join(' or ')}`).toEqual([]);
  const count = (...kinds: Fate[]) =>
    [...found.values()].filter((fate) => kinds.some((kind) => kind === fate)).length;
  expect(settlement.report).toMatchObject({
    requested: count('requested'),
    unrequested: count('refused', 'identity', 'quota', 'passing'),
    returned: count('returned'),
  });
}

/** A name that OMS refuses is never requested; but a fault may keep OMS from saying so. */
function fatesOfRefused(fates: readonly Fate[], fate: Fate | undefined): readonly string[] {
  if (fate !== undefined) return [fate];
  return fates.flatMap((other) =>
    other === 'requested' ? ['refused'] : other === 'returned' ? ['returned'] : ['refused', other],
  );
}

/** Where a name is. What is not returned must be in one place; what is returned may have got on a list besides. */
function fateOf(name: string, { returned, lists, receivedByOms }: Settlement): string {
  if (returned.has(name)) return 'returned';
  const places = [
    ...(lists.requested.has(name)
      ? [receivedByOms.has(name) ? 'requested' : 'on the success list, but OMS never got it']
      : []),
    ...(lists.failed.has(name) ? [lists.failed.get(name) ?? 'failed without a reason'] : []),
  ];
  return places.length === 0 ? 'lost' : places.join(' and ');
}
