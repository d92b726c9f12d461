import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { GcfHost, type GcfCloudEvent, type HostOptions } from '@oms-sync/function-hosts';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startObsStandin, type ObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { testKeys } from '@oms-sync/testing';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));

type ListName = 'success_object' | 'failed_object';

/** The built bundle under Google's own functions framework, with stand-ins of OMS and OBS that check every signature. */
export class Workbench {
  readonly oms: OmsStandin;
  readonly obs: ObsStandin;
  /** What the functions have logged. */
  readonly lines: string[] = [];
  readonly #scratch: string;
  readonly #syncUrl: string;
  #hosts: GcfHost[] = [];

  private constructor(scratch: string, oms: OmsStandin, obs: ObsStandin) {
    this.#scratch = scratch;
    this.oms = oms;
    this.obs = obs;
    this.#syncUrl = oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' }));
  }

  static async open(): Promise<Workbench> {
    const scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-gcf-test-'));
    for (const bucket of ['source', 'logs']) mkdirSync(path.join(scratch, bucket));
    const oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: 600_000 });
    const obs = await startObsStandin({ buckets: scratch, ...testKeys });
    return new Workbench(scratch, oms, obs);
  }

  start(
    changes: Readonly<Record<string, string | undefined>> = {},
    options: Partial<HostOptions> = {},
  ): GcfHost {
    const settings = {
      sync_url: this.#syncUrl,
      log_bucket: 'obs://logs',
      obs_endpoint: this.obs.url.href,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
      ...changes,
    };
    const host = new GcfHost({
      code: path.join(dist, 'apps/gcf'),
      runtimes: path.join(dist, 'tools/function-hosts'),
      settings: Object.fromEntries(
        Object.entries(settings).filter((entry): entry is [string, string] => entry[1] !== undefined),
      ),
      log: (line) => this.lines.push(line),
      ...options,
    });
    this.#hosts.push(host);
    return host;
  }

  /** The JSON of the log lines with one event. */
  logged(event: string): Record<string, unknown>[] {
    return this.lines
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((record) => record['event'] === event);
  }

  /** The bodies of the log objects of a list, in the order of their names. */
  async entries(list: ListName): Promise<Record<string, unknown>[]> {
    const folder = new ObjectFolder(path.join(this.#scratch, 'logs'));
    const objects = await folder.list(`oms_source_record/${list}/`);
    const bodies = await Promise.all(objects.map(async ({ key }) => String(await folder.read(key))));
    return bodies
      .map((body) => JSON.parse(body) as Record<string, unknown>)
      .sort((a, b) => (String(a['name']) < String(b['name']) ? -1 : 1));
  }

  /** The names on a list, sorted. */
  async listed(list: ListName): Promise<string[]> {
    return (await this.entries(list)).map(({ name }) => String(name));
  }

  /** What OMS received since it had received so many requests. */
  namesSince(before: number): string[] {
    return this.oms.received.slice(before).flatMap(({ names }) => names);
  }

  /** Stops the functions and forgets what happened; throws if a key was logged. */
  async reset(): Promise<void> {
    await Promise.all(this.#hosts.splice(0).map((host) => host.stop()));
    const printed = this.lines.splice(0).join('\n');
    this.oms.faults.clear();
    this.obs.faults.clear();
    rmSync(path.join(this.#scratch, 'logs'), { recursive: true, force: true });
    mkdirSync(path.join(this.#scratch, 'logs'));
    const leaked = Object.entries(testKeys).filter(([, key]) => printed.includes(key));
    if (leaked.length > 0) throw new Error(`the function logged ${leaked.map(([name]) => name).join(', ')}`);
  }

  async close(): Promise<void> {
    await this.oms.close();
    await this.obs.close();
    rmSync(this.#scratch, { recursive: true, force: true });
  }
}

/** The id of the event of a name: what a header can hold. */
export function idOf(name: string): string {
  return Buffer.from(name).toString('base64url');
}

/** A CloudEvent of Cloud Storage, as Eventarc delivers it. */
export function finalize(name: string, changes: Partial<GcfCloudEvent> = {}): GcfCloudEvent {
  return {
    id: idOf(name),
    source: '//storage.googleapis.com/projects/_/buckets/source',
    type: 'google.cloud.storage.object.v1.finalized',
    subject: `objects/${name}`,
    bucket: 'source',
    time: new Date().toISOString(),
    data: { kind: 'storage#object', bucket: 'source', name, size: '1', generation: '1', metageneration: '1' },
    ...changes,
  };
}

/** The body of a push by Pub/Sub, of the notification of an object. */
export function pushOf(
  name: string,
  payloadFormat: 'JSON_API_V1' | 'NONE' = 'JSON_API_V1',
  eventTime = new Date().toISOString(),
): object {
  const data = Buffer.from(JSON.stringify({ bucket: 'source', name })).toString('base64');
  return {
    message: {
      attributes: {
        bucketId: 'source',
        objectId: name,
        eventType: 'OBJECT_FINALIZE',
        eventTime,
        payloadFormat,
      },
      messageId: idOf(name),
      publishTime: eventTime,
      ...(payloadFormat === 'NONE' ? {} : { data }),
    },
    subscription: 'projects/example-project/subscriptions/oms-push',
  };
}
