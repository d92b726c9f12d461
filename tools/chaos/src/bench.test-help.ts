import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inspect } from 'node:util';
import { Instance, readSettings, type Report, type SettingName, type StorageRecord } from '@oms-sync/core';
import { startFaultProxy, type FaultProxy } from '@oms-sync/fault-proxy';
import { openObs } from '@oms-sync/log-bucket/obs';
import { startObsStandin, type ObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { makeCertificate, testKeys } from '@oms-sync/testing';
import type { BadAddress, Circumstances } from './fault-table.test-help.ts';
import { readLists, type Layout, type Lists } from './lists.ts';

/**
 * The name of no host: its first part is longer than 63 bytes (RFC 1035), so the resolver says so without asking a server,
 * which may be away, or slow to say no.
 */
const unknownHost = `${'x'.repeat(64)}.invalid`;
const skewMs = 16 * 60_000;
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

/** The core with its own OMS client and OBS log bucket, against stand-ins, with a proxy on each way. */
export class Bench {
  readonly #folder: string;
  readonly #under: Circumstances;
  readonly #oms: OmsStandin;
  readonly #obs: ObsStandin;
  readonly #omsProxy: FaultProxy;
  readonly #obsProxy: FaultProxy;
  readonly #instance: Instance;
  readonly #lines: string[] = [];

  private constructor(parts: {
    readonly folder: string;
    readonly under: Circumstances;
    readonly layout: Layout;
    readonly oms: OmsStandin;
    readonly obs: ObsStandin;
    readonly omsProxy: FaultProxy;
    readonly obsProxy: FaultProxy;
    readonly strangerPort: number;
  }) {
    this.#folder = parts.folder;
    this.#under = parts.under;
    this.#oms = parts.oms;
    this.#obs = parts.obs;
    this.#omsProxy = parts.omsProxy;
    this.#obsProxy = parts.obsProxy;
    const { under, oms, obs, omsProxy, obsProxy, strangerPort } = parts;
    const task = oms.createTask({ srcBucket: 'source', dstBucket: 'destination' });
    const syncUrl = omsProxy.through(oms.syncUrl(task));
    const texts: Partial<Record<SettingName, string>> = {
      sync_url: addressOf(under.omsAddress, syncUrl, strangerPort).href,
      log_bucket: 'obs://logs',
      obs_endpoint: addressOf(under.obsAddress, obsProxy.through(obs.url), strangerPort).href,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
      log_layout: parts.layout,
      log_level: 'debug',
      request_timeout_ms: String(under.requestTimeoutMs ?? usualRequestTimeoutMs),
      max_attempts: '3',
      on_failure: under.redeliver === undefined ? 'record' : 'redeliver',
    };
    const settings = readSettings((name) => texts[name], ['obs']);
    this.#instance = new Instance(settings, openObs(settings));
  }

  /** @param refusedName OMS refuses whatever holds it, before any other fault. */
  static async open(options: {
    readonly under: Circumstances;
    readonly layout: Layout;
    readonly refusedName: string | undefined;
    readonly strangerPort: number;
    readonly seed: number;
  }): Promise<Bench> {
    const { under, refusedName, seed } = options;
    const folder = mkdtempSync(path.join(fastFolder, 'oms-sync-chaos-'));
    for (const bucket of ['source', 'logs']) mkdirSync(path.join(folder, bucket));
    const oms = await startOmsStandin({
      buckets: folder,
      ...keysAt('oms', under),
      clock: clockAt('oms', under),
      copyDelayMs: 600_000, // Nothing is copied: what OMS took is what counts.
    });
    const obs = await startObsStandin({
      buckets: folder,
      ...keysAt('obs', under),
      now: clockAt('obs', under),
    });
    oms.faults.set([
      ...(refusedName === undefined
        ? []
        : [{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: [refusedName] } as const]),
      ...(under.oms ?? []),
    ]);
    obs.faults.set(under.obs ?? []);
    const omsProxy = await startFaultProxy({ target: oms.url, seed });
    const obsProxy = await startFaultProxy({ target: obs.url, seed });
    omsProxy.set(under.omsNetwork ?? []);
    obsProxy.set(under.obsNetwork ?? []);
    return new Bench({ ...options, folder, oms, obs, omsProxy, obsProxy });
  }

  /** Delivers an event with these names as the circumstances say, and gives the settlement of each invocation. */
  async deliver(names: readonly string[]): Promise<Settlement[]> {
    const { delivery = 'once' } = this.#under;
    switch (delivery) {
      case 'once':
        return [await this.#invoke(names)];
      case 'each name twice':
        return [await this.#invoke([...names, ...names])];
      case 'twice at a time':
        return Promise.all([this.#invoke(names), this.#invoke(names)]);
      case 'again after a freeze': {
        const first = await this.#invoke(names);
        // In the same turn of the event loop, so that nobody has heard yet that the connections are gone.
        for (const proxy of [this.#omsProxy, this.#obsProxy]) proxy.set([]);
        return [first, await this.#invoke(names)];
      }
    }
  }

  async #invoke(names: readonly string[]): Promise<Settlement> {
    const { timeLeftMs = usualTimeLeftMs, redeliver } = this.#under;
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
    const lists = await readLists(path.join(this.#folder, 'logs'));
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

  async close(): Promise<void> {
    await Promise.all([this.#omsProxy.close(), this.#obsProxy.close()]);
    await Promise.all([this.#oms.close(), this.#obs.close()]);
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A server on TLS whose certificate nobody trusts. It must never get a request. */
export async function startStranger(): Promise<{
  readonly port: number;
  readonly requestCount: () => number;
  close(): void;
}> {
  let count = 0;
  const server = createServer(makeCertificate(), (_request, response) => {
    count++;
    response.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, requestCount: () => count, close: () => server.close() };
}

function addressOf(bad: BadAddress | undefined, good: URL, strangerPort: number): URL {
  const address = new URL(good);
  switch (bad) {
    case undefined:
      break;
    case 'nobody listens':
      address.port = '9';
      break;
    case 'unknown host':
      return new URL(address.pathname, `https://${unknownHost}`);
    case 'wrong certificate':
      return new URL(address.pathname, `https://127.0.0.1:${strangerPort}`);
    case 'plain text on the TLS port':
      return new URL(address.pathname, `https://${address.host}`);
  }
  return address;
}

function keysAt(place: 'oms' | 'obs', { expiredAt }: Circumstances) {
  return expiredAt === place || expiredAt === 'both'
    ? { ...testKeys, securityToken: 'the-next-one' }
    : testKeys;
}

function clockAt(place: 'oms' | 'obs', { skewedAt }: Circumstances): () => number {
  return skewedAt === place || skewedAt === 'both' ? () => Date.now() + skewMs : Date.now;
}

function asText(value: unknown): string {
  return inspect(value, { depth: 12, showHidden: true, maxStringLength: null, maxArrayLength: null });
}
