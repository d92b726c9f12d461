import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { startListStore, type ListStore, type ListStoreOptions } from '@oms-sync/conformance';
import {
  Instance,
  readSettings,
  type LogBucket,
  type Report,
  type SettingName,
  type Settings,
  type StorageRecord,
} from '@oms-sync/core';
import { startFaultProxy, type FaultProxy } from '@oms-sync/fault-proxy';
import { openAzureBlobLogBucket } from '@oms-sync/log-bucket/azure-blob';
import { openGcsLogBucket } from '@oms-sync/log-bucket/gcs';
import { openObs } from '@oms-sync/log-bucket/obs';
import { openS3LogBucket } from '@oms-sync/log-bucket/s3';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { testKeys } from '@oms-sync/testing';
import type { Circumstances } from './fault-table.test-help.ts';
import { collectLists, type Layout, type Lists } from './lists.ts';
import type { Strangers } from './strangers.test-help.ts';

const usualTimeLeftMs = 15_000;
const usualRequestTimeoutMs = 5000;
/** The stand-ins see every object to the disk before they answer. In memory that is the same, but for the hours. */
const fastFolder = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** What became of one invocation. */
export interface Settlement {
  readonly report: Report;
  /** The names that the platform has to deliver again. */
  readonly returned: ReadonlySet<string>;
  readonly lists: Lists;
  /** The names that OMS has taken, in this invocation or before. */
  readonly receivedByOms: ReadonlySet<string>;
  readonly ms: number;
  /** How long it may take. */
  readonly allowedMs: number;
  /** Everything that anybody could read: the log, the error, the lists. */
  readonly output: string;
}

export interface BenchOptions {
  readonly under: Circumstances;
  readonly layout: Layout;
  /** OMS refuses whatever holds it, before any other fault. */
  readonly refusedName: string | undefined;
  /** What holds the lists. */
  readonly store: ListStore['name'];
  readonly azurite: ListStoreOptions['azurite'];
  readonly strangers: Strangers;
  readonly seed: number;
}

/** The core with its own OMS client and log bucket, against stand-ins, with a proxy on each way. */
export class Bench {
  readonly #folder: string;
  readonly #under: Circumstances;
  readonly #oms: OmsStandin;
  readonly #lists: ListStore;
  readonly #omsProxy: FaultProxy;
  readonly #listsProxy: FaultProxy;
  readonly #instance: Instance;
  readonly #lines: string[] = [];

  private constructor(
    options: BenchOptions,
    parts: {
      readonly folder: string;
      readonly oms: OmsStandin;
      readonly lists: ListStore;
      readonly omsProxy: FaultProxy;
      readonly listsProxy: FaultProxy;
    },
  ) {
    const { under, layout, strangers } = options;
    const { folder, oms, lists, omsProxy, listsProxy } = parts;
    this.#folder = folder;
    this.#under = under;
    this.#oms = oms;
    this.#lists = lists;
    this.#omsProxy = omsProxy;
    this.#listsProxy = listsProxy;
    const task = oms.createTask({ srcBucket: 'source', dstBucket: 'destination' });
    const syncUrl = omsProxy.through(oms.syncUrl(task));
    const ofStore = lists.settingsAt(
      strangers.addressOf(under.logBucketAddress, listsProxy.through(lists.address)),
    );
    const texts: Partial<Record<SettingName, string | undefined>> = {
      sync_url: strangers.addressOf(under.omsAddress, syncUrl).href,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
      log_layout: layout,
      log_level: 'debug',
      request_timeout_ms: String(under.requestTimeoutMs ?? usualRequestTimeoutMs),
      max_attempts: '3',
      on_failure: under.redeliver === undefined ? 'record' : 'redeliver',
      ...ofStore,
    };
    const settings = readSettings((name) => texts[name], [lists.name]);
    this.#instance = new Instance(settings, openLogBucket(settings, ofStore));
  }

  static async open(options: BenchOptions): Promise<Bench> {
    const { under, refusedName, store, azurite, seed } = options;
    const { expiredAt, skewedAt, skewMinutes = 16 } = under;
    const isAt = (place: 'OMS' | 'log bucket', where: typeof expiredAt) =>
      where === place || where === 'both';
    const clockAt = (place: 'OMS' | 'log bucket') =>
      isAt(place, skewedAt) ? () => Date.now() + skewMinutes * 60_000 : Date.now;
    const folder = mkdtempSync(path.join(fastFolder, 'oms-sync-chaos-'));
    for (const bucket of ['source', 'logs']) mkdirSync(path.join(folder, bucket));
    const oms = await startOmsStandin({
      buckets: folder,
      ...testKeys,
      ...(isAt('OMS', expiredAt) && { securityToken: 'the-next-one' }),
      clock: clockAt('OMS'),
      copyDelayMs: 600_000, // Nothing is copied: what OMS took is what counts.
    });
    const lists = await startListStore(store, folder, {
      hasOtherKeys: isAt('log bucket', expiredAt),
      now: clockAt('log bucket'),
      ...(azurite && { azurite }),
    });
    oms.faults.set([
      ...(refusedName === undefined
        ? []
        : [{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: [refusedName] } as const]),
      ...(under.oms ?? []),
    ]);
    lists.faults.set(under.logBucket ?? []);
    const omsProxy = await startFaultProxy({ target: oms.url, seed });
    const listsProxy = await startFaultProxy({ target: lists.address, seed });
    omsProxy.set(under.omsNetwork ?? []);
    listsProxy.set(under.logBucketNetwork ?? []);
    return new Bench(options, { folder, oms, lists, omsProxy, listsProxy });
  }

  /** Delivers an event with these names as the circumstances say, and gives the settlement of each invocation. */
  async deliver(names: readonly string[]): Promise<Settlement[]> {
    const { delivery = 'once' } = this.#under;
    switch (delivery) {
      case 'once':
        return [await this.invoke(names)];
      case 'each name twice':
        return [await this.invoke([...names, ...names])];
      case 'twice at a time':
        return Promise.all([this.invoke(names), this.invoke(names)]);
      case 'again after a freeze': {
        const first = await this.invoke(names);
        // In the same turn of the event loop, so that nobody has heard yet that the connections are gone.
        for (const proxy of [this.#omsProxy, this.#listsProxy]) proxy.set([]);
        return [first, await this.invoke(names)];
      }
    }
  }

  /** Ends what OMS and the log bucket do wrong, but not what is under way. */
  endFaults(): void {
    this.#oms.faults.clear();
    this.#lists.faults.clear();
  }

  /** @param timeLeftMs what the platform gives this invocation; as the circumstances say when left out. */
  async invoke(
    names: readonly string[],
    timeLeftMs: number = this.#under.timeLeftMs ?? usualTimeLeftMs,
  ): Promise<Settlement> {
    const { redeliver } = this.#under;
    const records = names.map((name): StorageRecord => ({
      kind: 'created',
      store: 's3',
      bucket: 'source',
      name,
    }));
    const startedAt = Date.now();
    const { report, fates, problem } = await this.#instance.synchronize(records, {
      deadline: startedAt + timeLeftMs,
      log: (_level, line) => this.#lines.push(line),
      canRedeliver: () => redeliver === 'can',
    });
    const ms = Date.now() - startedAt;
    const lists = await collectLists((prefix) => this.#lists.read(prefix));
    return {
      report,
      returned: new Set(names.filter((_, index) => fates[index]?.kind === 'returned')),
      lists,
      receivedByOms: new Set(this.#oms.received.flatMap((events) => events.names)),
      ms,
      // Without any time left it cannot even answer in time.
      allowedMs: Math.max(timeLeftMs, 500),
      output: [...this.#lines, asText(problem), asText(this.#instance), lists.text].join('\n'),
    };
  }

  /** Everything secret that this log bucket, or OMS, gets to see. */
  get keys(): readonly string[] {
    return [...Object.values(testKeys), ...this.#lists.keys];
  }

  async close(): Promise<void> {
    await Promise.all([this.#omsProxy.close(), this.#listsProxy.close()]);
    await Promise.all([this.#oms.close(), this.#lists.close()]);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** As the apps do, but for the environment: it is one for all cells, so their addresses cannot come from there. */
function openLogBucket(settings: Settings, ofStore: ListStore['settings']): LogBucket {
  const { logBucket } = settings;
  switch (logBucket.store) {
    case 'obs':
      return openObs(settings);
    case 's3':
      return openS3LogBucket({
        bucket: logBucket.bucket,
        region: 'eu-central-1',
        endpoint: new URL(ofStore['AWS_ENDPOINT_URL_S3'] ?? ''),
      });
    case 'az': {
      const { account, container } = logBucket;
      const connectionString = ofStore['AZURE_STORAGE_CONNECTION_STRING'] ?? '';
      return openAzureBlobLogBucket({ account, container, connectionString });
    }
    case 'gs':
      return openGcsLogBucket({
        bucket: logBucket.bucket,
        endpoint: new URL(ofStore['STORAGE_EMULATOR_HOST'] ?? ''),
      });
    case 'file':
      throw new TypeError('a folder has no faults');
  }
}

function asText(value: unknown): string {
  return inspect(value, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null });
}
