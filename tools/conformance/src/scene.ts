import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startObsStandin, type ObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { testKeys } from '@oms-sync/testing';
import type { Channel, HostOptions, Platform, RunningFunction } from '@oms-sync/function-hosts';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));

export type ListName = 'success_object' | 'failed_object';

/** One platform's bundle on one version of Node.js, with stand-ins of OMS and of the OBS that holds the lists. */
export class Scene<Running extends RunningFunction = RunningFunction> {
  readonly platform: Platform<Running>;
  readonly oms: OmsStandin;
  readonly obs: ObsStandin;
  /** What the functions have logged since the last reset. */
  readonly lines: string[] = [];
  readonly #node: string;
  readonly #buckets: string;
  readonly #syncUrl: string;
  #running: RunningFunction[] = [];

  private constructor(
    platform: Platform<Running>,
    node: string,
    buckets: string,
    oms: OmsStandin,
    obs: ObsStandin,
  ) {
    this.platform = platform;
    this.oms = oms;
    this.obs = obs;
    this.#node = node;
    this.#buckets = buckets;
    this.#syncUrl = oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' }));
  }

  /** @param node the path of the Node.js to run the bundle with. */
  static async open<Running extends RunningFunction>(
    platform: Platform<Running>,
    node: string,
  ): Promise<Scene<Running>> {
    const buckets = mkdtempSync(path.join(tmpdir(), 'oms-sync-conformance-'));
    for (const bucket of ['source', 'logs']) mkdirSync(path.join(buckets, bucket));
    // Nothing is copied in a conformance run: what OMS took is what counts.
    const oms = await startOmsStandin({ buckets, ...testKeys, copyDelayMs: 600_000 });
    const obs = await startObsStandin({ buckets, ...testKeys });
    return new Scene(platform, node, buckets, oms, obs);
  }

  /** The settings that every behaviour begins with. */
  get settings() {
    return {
      sync_url: this.#syncUrl,
      log_bucket: 'obs://logs',
      obs_endpoint: this.obs.url.href,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
    };
  }

  /** Starts the function with {@link settings}, and these. */
  start(
    settings: Readonly<Record<string, string | undefined>> = {},
    options: Partial<HostOptions> = {},
  ): Running {
    const all = { ...this.settings, ...settings };
    const running = this.platform.start({
      code: path.join(dist, 'apps', this.platform.name),
      runtimes: path.join(dist, 'tools/function-hosts'),
      node: this.#node,
      timeoutSeconds: 60,
      settings: Object.fromEntries(
        Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
      log: (line) => this.lines.push(line),
      ...options,
    });
    this.#running.push(running);
    return running;
  }

  /** The folder of the log bucket, as a `log_bucket` of its own. */
  get logFolder(): string {
    return pathToFileURL(path.join(this.#buckets, 'logs')).href;
  }

  /** The channel for behaviours that do not depend on it. */
  get channel(): Channel {
    return this.platform.channels[0];
  }

  /** The records that the functions logged with one event. */
  logged(event: string): Record<string, unknown>[] {
    return this.lines
      .map((line) => /\{.*\}$/.exec(line)?.[0])
      .filter((json) => json !== undefined)
      .map(parseObject)
      .filter((record) => record['event'] === event);
  }

  /** The sums of all `sync` lines. */
  sum(field: string): number {
    return this.logged('sync').reduce((sum, record) => sum + Number(record[field]), 0);
  }

  /** The bodies of the log objects of a list, in the order of their keys. */
  async read(list: ListName): Promise<{ key: string; body: string }[]> {
    const folder = new ObjectFolder(path.join(this.#buckets, 'logs'));
    const objects = await folder.list(`oms_source_record/${list}/`);
    return Promise.all(objects.map(async ({ key }) => ({ key, body: String(await folder.read(key)) })));
  }

  /** The names on a list of layout `object`, sorted. */
  async names(list: ListName): Promise<string[]> {
    const objects = await this.read(list);
    return objects.map(({ body }) => String(parseObject(body)['name'])).sort();
  }

  /** Stops the functions and forgets what happened; throws if a key was logged. */
  async reset(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((running) => running.stop()));
    const printed = this.lines.splice(0).join('\n');
    this.oms.faults.clear();
    this.obs.faults.clear();
    rmSync(path.join(this.#buckets, 'logs'), { recursive: true, force: true });
    mkdirSync(path.join(this.#buckets, 'logs'));
    const leaked = Object.entries(testKeys).filter(([, key]) => printed.includes(key));
    if (leaked.length > 0) throw new Error(`the function logged ${leaked.map(([name]) => name).join(', ')}`);
  }

  async close(): Promise<void> {
    await this.oms.close();
    await this.obs.close();
    rmSync(this.#buckets, { recursive: true, force: true });
  }
}

function parseObject(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
