import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { testKeys } from '@oms-sync/testing';
import type { Channel, HostOptions, Platform, RunningFunction } from '@oms-sync/function-hosts';
import { findLeaks } from './leaks.ts';
import { logBucket, startListStore, type ListStore } from './list-store.ts';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));

export type ListName = 'success_object' | 'failed_object';

/** One platform's bundle on one version of Node.js, with stand-ins of OMS and of the store that holds the lists. */
export class Scene<Running extends RunningFunction = RunningFunction> {
  readonly platform: Platform<Running>;
  readonly oms: OmsStandin;
  readonly lists: ListStore;
  /** What the functions have logged since the last reset. */
  readonly lines: string[] = [];
  /** What they have answered. */
  readonly #answers: string[] = [];
  readonly #node: string;
  readonly #buckets: string;
  readonly #syncUrl: string;
  #running: RunningFunction[] = [];

  private constructor(
    platform: Platform<Running>,
    node: string,
    buckets: string,
    oms: OmsStandin,
    lists: ListStore,
  ) {
    this.platform = platform;
    this.oms = oms;
    this.lists = lists;
    this.#node = node;
    this.#buckets = buckets;
    this.#syncUrl = oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' }));
  }

  /**
   * @param node the path of the Node.js to run the bundle with.
   * @param store where the lists live.
   */
  static async open<Running extends RunningFunction>(
    platform: Platform<Running>,
    node: string = process.execPath,
    store: ListStore['name'] = 'obs',
  ): Promise<Scene<Running>> {
    const buckets = mkdtempSync(path.join(tmpdir(), 'oms-sync-conformance-'));
    for (const bucket of ['source', logBucket]) mkdirSync(path.join(buckets, bucket));
    // Nothing is copied in a conformance run: what OMS took is what counts.
    const oms = await startOmsStandin({ buckets, ...testKeys, copyDelayMs: 600_000 });
    return new Scene(platform, node, buckets, oms, await startListStore(store, buckets));
  }

  /** The settings that every behaviour begins with. */
  get settings() {
    return {
      sync_url: this.#syncUrl,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
      ...this.lists.settings,
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
      answered: (result) => this.#answers.push(JSON.stringify(result)),
      ...options,
    });
    this.#running.push(running);
    return running;
  }

  /** The folder of the log bucket, as a `log_bucket` of its own. */
  get logFolder(): string {
    return pathToFileURL(path.join(this.#buckets, logBucket)).href;
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
  read(list: ListName): Promise<{ key: string; body: string }[]> {
    return this.lists.read(`oms_source_record/${list}/`);
  }

  /** The names on a list of layout `object`, sorted. */
  async names(list: ListName): Promise<string[]> {
    const objects = await this.read(list);
    return objects.map(({ body }) => String(parseObject(body)['name'])).sort();
  }

  /** Stops the functions, and {@link forget}s what happened. */
  async reset(): Promise<void> {
    await Promise.all(this.#running.splice(0).map((running) => running.stop()));
    await this.forget();
  }

  /**
   * Forgets what happened, and empties the lists.
   *
   * @throws {Error} if the functions showed a key anywhere, or an invocation did not account for all that it received.
   */
  async forget(): Promise<void> {
    const stored = await this.lists.read('');
    const leaks = {
      'the log': findLeaks(this.lines.join('\n')),
      'an answer': findLeaks(this.#answers.join('\n')),
      'the lists': findLeaks(stored.flatMap(({ key, body }) => [key, body]).join('\n')),
    };
    const unbalanced = this.logged('sync').filter((line) => !isBalanced(line));
    this.lines.length = 0;
    this.#answers.length = 0;
    this.oms.faults.clear();
    this.lists.faults.clear();
    await this.lists.clear();
    for (const [where, names] of Object.entries(leaks)) {
      if (names.length > 0) throw new Error(`${where} shows ${names.join(', ')}`);
    }
    if (unbalanced.length > 0) throw new Error(`does not add up: ${JSON.stringify(unbalanced[0])}`);
  }

  async close(): Promise<void> {
    await this.oms.close();
    await this.lists.close();
    rmSync(this.#buckets, { recursive: true, force: true });
  }
}

/** The conservation law, as a line of the log has it. */
function isBalanced(line: Readonly<Record<string, unknown>>): boolean {
  const parts = ['requested', 'unrequested', 'filtered', 'merged', 'returned'];
  return parts.reduce((sum, part) => sum + Number(line[part]), 0) === line['received'];
}

function parseObject(json: string): Record<string, unknown> {
  const value: unknown = JSON.parse(json);
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
