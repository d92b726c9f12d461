import { startAzuriteOfTests, type ListStore } from '@oms-sync/conformance';
import { testKeys } from '@oms-sync/testing';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { Bench, type BenchOptions, type Settlement } from './bench.test-help.ts';
import { table, type Fate, type Layer } from './fault-table.test-help.ts';
import type { Layout } from './lists.ts';
import { startGoogleCredentials, startStrangers, type Strangers } from './strangers.test-help.ts';

// Every layer × every fault × batches: what the promises demand. The expectations are in fault-table.test-help.ts.

interface Batch {
  readonly size: string;
  readonly names: readonly string[];
  /** One that OMS refuses. */
  readonly refusedName?: string;
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `photos/${index} ü+%.jpg`);

const one: Batch = { size: '1 name', names: numbered(1) };
const ten: Batch = { size: '10 names', names: numbered(10) };
const mixed: Batch = {
  size: '25 names, one refused',
  names: numbered(25),
  refusedName: numbered(25)[13] ?? '',
};

type Cell = readonly [Batch, Layout];

const inObjects: readonly Cell[] = [one, ten, mixed].map((batch) => [batch, 'object']);
const inLists: readonly Cell[] = [one, ten, mixed].map((batch) => [batch, 'list']);
/** Where OBS has shown all of this already: one object a name, and one file for all. */
const ofOwnStore: readonly Cell[] = [
  [ten, 'object'],
  [mixed, 'list'],
];

const columns: Readonly<
  Record<Layer, { readonly store: ListStore['name']; readonly cells: readonly Cell[] }>
> = {
  OMS: { store: 'obs', cells: inLists },
  'log bucket': { store: 'obs', cells: [...inObjects, ...inLists] },
  'log bucket in S3': { store: 's3', cells: ofOwnStore },
  'log bucket in Blob Storage': { store: 'az', cells: ofOwnStore },
  'log bucket in Cloud Storage': { store: 'gs', cells: ofOwnStore },
  platform: { store: 'obs', cells: [...inObjects, ...inLists] },
};

/** Tests one layer of the table, cell by cell. A layer a file, so that they run side by side. */
export function describeLayer(layer: Layer): void {
  // Most cells wait for time-outs, so many of them go at once; but not where the time is what is tested.
  vi.setConfig({
    maxConcurrency: layer === 'platform' ? 3 : layer === 'log bucket in Blob Storage' ? 6 : 12,
  });
  // A dozen cells at once keep each other waiting, for which the one that is late cannot help.
  const slackMs = layer === 'platform' ? 0 : 1000;
  const { store, cells } = columns[layer];
  describe(`${layer}: whatever goes wrong, each name is requested, or on the failed list, or returned`, () => {
    let strangers: Strangers;
    let google: Awaited<ReturnType<typeof startGoogleCredentials>>;
    let azurite: Awaited<ReturnType<typeof startAzuriteOfTests>> | undefined;
    const open = (options: Pick<BenchOptions, 'under' | 'layout' | 'refusedName' | 'seed'>) =>
      Bench.open({ store, azurite, strangers, ...options });

    beforeAll(async () => {
      google = await startGoogleCredentials();
      setCredentials(google.host);
      strangers = await startStrangers();
      if (store === 'az') azurite = await startAzuriteOfTests();
      // Loads the SDK of the store and everything else, so that it does not count as time of the first cells.
      const bench = await open({ under: {}, layout: 'object', refusedName: undefined, seed: 1 });
      await bench.deliver(['warm-up']);
      await bench.close();
    });
    afterAll(async () => {
      strangers.close();
      google.close();
      await azurite?.stop();
      vi.unstubAllEnvs();
      expect(strangers.requestCount, 'requests to whoever has the wrong certificate').toBe(0);
    });

    it.each(layer.startsWith('log bucket') ? [layer] : [])(
      'after a silence of the %s, the next invocation does not wait for its connections',
      async () => {
        const under = { timeLeftMs: 1500, logBucket: [{ kind: 'black-hole' }] } as const;
        const bench = await open({ under, layout: 'object', refusedName: undefined, seed: 1 });
        try {
          // More writes than there are connections.
          const silent = await Promise.all([1, 2, 3].map(() => bench.invoke(mixed.names)));
          expect(silent.map(({ returned }) => returned.size)).toEqual([25, 25, 25]);
          bench.endFaults();
          // Less than the 10 s that each connection would be held.
          const { lists, returned } = await bench.invoke(mixed.names, 6000);
          expect([lists.requested.size, returned.size]).toEqual([25, 0]);
        } finally {
          await bench.close();
        }
      },
    );

    for (const { fault, under, fates, refusedName, leastMs = 0 } of table[layer]) {
      for (const [batch, layout] of cells) {
        it.concurrent(`${fault}; ${batch.size}; layout ${layout}`, async () => {
          const bench = await open({
            under: under(),
            layout,
            refusedName: batch.refusedName,
            seed: batch.names.length,
          });
          try {
            for (const settlement of await bench.deliver(batch.names)) {
              expectConservation(settlement);
              expectFates(settlement, batch, { fates, refusedName });
              expect(settlement.ms, 'ms').toBeLessThanOrEqual(settlement.allowedMs + slackMs);
              expect(settlement.ms, 'ms').toBeGreaterThanOrEqual(leastMs);
              expectNoKeys(settlement, bench.keys);
            }
          } finally {
            await bench.close();
          }
        });
      }
    }
  });
}

/** For the SDKs' own ways to credentials; one for all cells. */
function setCredentials(googleHost: string): void {
  vi.stubEnv('AWS_ACCESS_KEY_ID', testKeys.accessKey);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', testKeys.secretKey);
  vi.stubEnv('AWS_SESSION_TOKEN', testKeys.securityToken);
  vi.stubEnv('GCE_METADATA_HOST', googleHost);
  vi.stubEnv('METADATA_SERVER_DETECTION', 'assume-present');
  vi.stubEnv('GOOGLE_CLOUD_PROJECT', 'project'); // Else the SDK looks for it, with a process too.
}

function expectNoKeys({ output }: Settlement, keys: readonly string[]): void {
  // By their numbers: a test that fails must not print one.
  const leaked = keys.flatMap((key, index) => (output.includes(key) ? [index] : []));
  expect(leaked, 'keys in the output').toEqual([]);
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
