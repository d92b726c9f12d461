import { Scene, type ListStore } from '@oms-sync/conformance';
import { startFaultProxy, type FaultProxy } from '@oms-sync/fault-proxy';
import { awsLambda, azureFunctions, functiongraph, gcf, type Platform } from '@oms-sync/function-hosts';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { table, type Circumstances, type Expectation, type Layer } from './fault-table.test-help.ts';

// The essential cells of the fault matrix again, through the built bundles, in the runtimes of their platforms.

vi.setConfig({ maxConcurrency: 8, testTimeout: 60_000 });

type Row = readonly [layer: Layer, fault: string];

/** With the lists in OBS. */
const ofAll: readonly Row[] = [
  ['OMS', 'reset after-body x 1'],
  ['OMS', '429, Retry-After: 2, x 1'],
  ['OMS', '200 with a page of HTML'],
  ['OMS', '401 APIG.0301'],
  ['OMS', 'all of these'],
  ['OMS', 'black hole'],
  ['log bucket', 'reset after-body x 1'],
  ['log bucket', '403 AccessDenied'],
  ['log bucket', '200 with a page of HTML'],
  ['log bucket', 'black hole'],
  // For the proxies cut off whatever is connected before each cell.
  ['platform', 'freezes the instance: old connections are dead'],
];

/** With the lists in the store of the platform's own cloud. */
const ofOwnStore: Readonly<Record<Exclude<Platform['store'], 'obs'>, readonly Row[]>> = {
  s3: rowsOf('log bucket in S3', '403 AccessDenied'),
  az: rowsOf('log bucket in Blob Storage', '403 AuthorizationFailure'),
  gs: rowsOf('log bucket in Cloud Storage', '403 forbidden'),
};

function rowsOf(layer: Layer, refusal: string): Row[] {
  const faults = ['reset after-body x 1', refusal, '200 with a page of HTML', 'black hole'];
  return faults.map((fault) => [layer, fault]);
}

const warmUp = 'warm-up';

interface Group {
  readonly name: string;
  readonly platform: Platform;
  readonly store: ListStore['name'];
  readonly rows: readonly Row[];
}

const groups = [functiongraph, awsLambda, azureFunctions, gcf].flatMap((platform: Platform): Group[] => {
  const { name, store } = platform;
  const common: Group = { name: `${name}, lists in OBS`, platform, store: 'obs', rows: ofAll };
  if (store === 'obs') return [common];
  return [common, { name: `${name}, lists in its own store`, platform, store, rows: ofOwnStore[store] }];
});

/** Where somebody is silent, time passes: those cells go side by side, the others one by one, in one process each group. */
const isSilent = ([layer, fault]: Row) => find(layer, fault).under().requestTimeoutMs !== undefined;

describe('the bundle, while somebody is silent', () => {
  for (const { name, platform, store, rows } of groups) {
    for (const row of rows.filter(isSilent)) {
      // oxlint-disable-next-line vitest/expect-expect -- the stage has them
      it.concurrent(`${name}; ${row.join(': ')}`, async () => {
        const stage = await Stage.open(platform, store, find(...row).under());
        try {
          await stage.play(row);
        } finally {
          await stage.close();
        }
      });
    }
  }
});

describe.each(groups)('the bundle for $name', ({ platform, store, rows }) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await Stage.open(platform, store);
  });
  afterEach(() => stage.scene.forget());
  afterAll(() => stage.close());

  // oxlint-disable-next-line vitest/expect-expect -- the stage has them
  it.each(rows.filter((row) => !isSilent(row)))('%s: %s', (...row) => stage.play(row));
});

/** A function that runs, between two proxies. */
class Stage {
  readonly scene: Scene;
  readonly #running: ReturnType<Scene['start']>;
  readonly #omsProxy: FaultProxy;
  readonly #listsProxy: FaultProxy;

  private constructor(
    scene: Scene,
    running: ReturnType<Scene['start']>,
    omsProxy: FaultProxy,
    listsProxy: FaultProxy,
  ) {
    this.scene = scene;
    this.#running = running;
    this.#omsProxy = omsProxy;
    this.#listsProxy = listsProxy;
  }

  /** Where somebody is silent the time is used up; else there is more than a busy machine needs. */
  static async open(
    platform: Platform,
    store: ListStore['name'],
    { requestTimeoutMs }: Circumstances = {},
  ): Promise<Stage> {
    const scene = await Scene.open(platform, process.execPath, store);
    const { oms, lists } = scene;
    const omsProxy = await startFaultProxy({ target: oms.url });
    const listsProxy = await startFaultProxy({ target: lists.address });
    const settings = {
      ...lists.settingsAt(listsProxy.through(lists.address)),
      sync_url: omsProxy.through(scene.settings.sync_url).href,
      ...(requestTimeoutMs !== undefined && { request_timeout_ms: String(requestTimeoutMs) }),
      max_attempts: '3',
    };
    const running = scene.start(settings, { timeoutSeconds: requestTimeoutMs === undefined ? 30 : 8 });
    // A process that is slow to start, on a busy machine, must not use up the time.
    await running.deliver(scene.channel, [{ name: warmUp, kind: 'created' }]);
    await logged(scene, 1);
    await scene.forget();
    return new Stage(scene, running, omsProxy, listsProxy);
  }

  /** Plays one cell: names are delivered, one of them such that OMS refuses it, and end where the table says. */
  async play([layer, fault]: Row): Promise<void> {
    const { scene } = this;
    const { under, fates } = find(layer, fault);
    const { oms = [], omsNetwork = [], logBucket = [], logBucketNetwork = [] } = under();
    const channel = scene.platform.channels.find(({ batch }) => batch > 1) ?? scene.channel;
    // As many as one event holds, or as the platform has under way at once.
    const names = Array.from(
      { length: channel.batch === 1 ? 12 : 25 },
      (_, index) => `photos/${index} ü+%.jpg`,
    );
    const refused = names[7] ?? '';
    const before = scene.oms.received.length;
    scene.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: [refused] }, ...oms]);
    scene.lists.faults.set(logBucket);
    this.#omsProxy.set(omsNetwork);
    this.#listsProxy.set(logBucketNetwork);

    const { returned } = await this.#running.deliver(
      channel,
      names.map((name) => ({ name, kind: 'created' })),
    );

    const requested = await scene.names('success_object');
    const failed = await scene.read('failed_object');
    const received = new Set(scene.oms.received.slice(before).flatMap((events) => events.names));
    // What the function logged last says so too: it has not been cut off.
    await logged(scene, channel.batch === 1 ? names.length : 1);
    expect(scene.sum('received')).toBe(names.length);
    const parts = ['requested', 'unrequested', 'filtered', 'merged', 'returned'];
    expect(parts.reduce((sum, part) => sum + scene.sum(part), 0)).toBe(names.length);
    if (fates.includes('returned')) {
      expect(returned).toEqual(names);
      return;
    }
    expect(returned).toEqual([]);
    if (fates.includes('requested')) {
      expect(requested).toEqual(names.filter((name) => name !== refused).sort());
      expect(requested.filter((name) => !received.has(name))).toEqual([]);
      expect(failed.map(({ key }) => key)).toEqual([`oms_source_record/failed_object/${refused}`]);
      expect(failed[0]?.body).toContain('"reason_class":"refused"');
    } else {
      expect(requested).toEqual([]);
      expect(failed).toHaveLength(names.length);
      for (const { body } of failed)
        expect(body).toMatch(new RegExp(`"reason_class":"(${fates.join('|')}|refused)"`));
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#omsProxy.close(), this.#listsProxy.close()]);
    try {
      await this.scene.reset();
    } finally {
      await this.scene.close();
    }
  }
}

/** Waits for the lines of so many invocations: an answer may overtake them, and they must not meet the next cell. */
async function logged(scene: Scene, invocations: number): Promise<void> {
  await vi.waitFor(() => expect(scene.logged('sync')).toHaveLength(invocations), {
    timeout: 5000,
    interval: 5,
  });
}

function find(layer: Layer, fault: string): Expectation {
  const found = table[layer].find((expectation) => expectation.fault === fault);
  if (found === undefined) throw new TypeError(`no such row: ${layer}: ${fault}`);
  return found;
}
