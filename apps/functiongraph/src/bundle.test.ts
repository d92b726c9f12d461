import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { FunctionGraphHost, type FunctionOptions } from '@oms-sync/functiongraph-host';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { startObsStandin, type ObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { anyName, testKeys } from '@oms-sync/testing';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

// The built bundle, in a process of its own that behaves like FunctionGraph's runtime, against stand-ins of OMS and OBS
// that check every signature. FunctionGraph offers Node.js 18.15 and 20.15; without OMS_SYNC_NODES=18.15.0,20.15.0 the
// Node.js that runs the tests runs the bundle too.
const code = fileURLToPath(new URL('../../../dist/apps/functiongraph', import.meta.url));
const runtime = fileURLToPath(new URL('../../../dist/tools/functiongraph-host/runtime.js', import.meta.url));
const platformVersions = ['18.15.0', '20.15.0'];
const wantedVersions = (process.env['OMS_SYNC_NODES'] ?? '').split(',').filter((version) => version !== '');
const versions = wantedVersions.length > 0 ? wantedVersions : [process.versions.node];
const fixtures = new URL('../../../packages/storage-events/fixtures/huawei/', import.meta.url);

describe('the versions of Node.js that FunctionGraph offers', () => {
  for (const version of platformVersions) {
    it.skipIf(!versions.includes(version))(
      `${version} runs the bundle (with OMS_SYNC_NODES=${platformVersions.join(',')})`,
      () => {
        expect(versions).toContain(version);
      },
    );
  }
});

describe.each(versions)('the bundle on Node.js %s', (version) => {
  let scratch: string;
  let node: string;
  let oms: OmsStandin;
  let obs: ObsStandin;
  let settings: Record<string, string>;
  let lines: string[];
  let hosts: FunctionGraphHost[];

  beforeAll(async () => {
    node =
      version === process.versions.node
        ? process.execPath
        : execFileSync('npx', ['-y', '-p', `node@${version}`, 'node', '-p', 'process.execPath'], {
            encoding: 'utf8',
          }).trim();
    scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-bundle-'));
    for (const bucket of ['source', 'logs']) mkdirSync(path.join(scratch, bucket));
    oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: 60_000 });
    obs = await startObsStandin({ buckets: scratch, ...testKeys });
    settings = {
      sync_url: oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' })),
      log_bucket: 'logs',
      obs_endpoint: obs.url.href,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
    };
    lines = [];
    hosts = [];
  });

  afterEach(async () => {
    await Promise.all(hosts.splice(0).map((host) => host.stop()));
    for (const secret of Object.values(testKeys)) expect(lines.join('\n').includes(secret)).toBe(false);
    lines.length = 0;
    oms.faults.clear();
    obs.faults.clear();
    for (const list of ['success_object', 'failed_object']) {
      rmSync(path.join(scratch, 'logs/oms_source_record', list), { recursive: true, force: true });
    }
    rmSync(path.join(scratch, 'logs/.escaped'), { recursive: true, force: true });
  });

  afterAll(async () => {
    await oms.close();
    await obs.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  function start(changes: Record<string, string | undefined> = {}, options: Partial<FunctionOptions> = {}) {
    const userData = Object.fromEntries(
      Object.entries({ ...settings, ...changes }).filter(
        (entry): entry is [string, string] => entry[1] !== undefined,
      ),
    );
    const host = new FunctionGraphHost({
      code,
      runtime,
      userData,
      node,
      timeoutSeconds: 60,
      log: (line) => lines.push(line),
      ...options,
    });
    hosts.push(host);
    return host;
  }

  /** The JSON of the log lines with one event. */
  function logged(event: string): Record<string, unknown>[] {
    return lines
      .map((line) => / (?:DEBUG|INFO|WARN|ERROR) (\{.*\})$/.exec(line)?.[1])
      .filter((json) => json !== undefined)
      .map((json) => JSON.parse(json) as Record<string, unknown>)
      .filter((record) => record['event'] === event);
  }

  /** The names on a list, as the bodies of its log objects say. */
  async function listed(list: 'success_object' | 'failed_object'): Promise<string[]> {
    const folder = new ObjectFolder(path.join(scratch, 'logs'));
    const objects = await folder.list(`oms_source_record/${list}/`);
    const bodies = await Promise.all(objects.map(async ({ key }) => String(await folder.read(key))));
    return bodies.map((body) => (JSON.parse(body) as { name: string }).name).sort();
  }

  async function read(key: string): Promise<Record<string, unknown>> {
    const body = await new ObjectFolder(path.join(scratch, 'logs')).read(key);
    return JSON.parse(String(body)) as Record<string, unknown>;
  }

  function notify(names: readonly string[], bucket = 'source') {
    return {
      Records: names.map((name) => ({
        eventVersion: '3.0',
        eventSource: 'OBS',
        eventTime: '2026-01-02T03:04:05.678Z',
        eventName: 'ObjectCreated:Put',
        responseElements: { 'x-obs-request-id': `id of ${name}` },
        obs: { bucket: { name: bucket }, object: { key: encodeForm(name), size: 1 } },
      })),
    };
  }

  it('requests the objects of the console test event and puts them on the success list', async () => {
    const event: unknown = JSON.parse(
      readFileSync(new URL('obs-functiongraph-v2.0-s3-post.json', fixtures), 'utf8'),
    );
    const result = await start().invoke(event);
    expect(result).toEqual({
      ok: true,
      value: { received: 1, requested: 1, unrequested: 0, filtered: 0, merged: 0, returned: 0 },
    });
    expect(oms.received.at(-1)?.names).toEqual(['job.png']);
    expect(await read('oms_source_record/success_object/job.png')).toMatchObject({
      name: 'job.png',
      source_bucket: 'functionstorage-template',
      attempts: 1,
      event_time: '2018-01-09T07:50:50.028Z',
    });
    expect(logged('sync')).toHaveLength(1);
    expect(logged('sync')[0]).toMatchObject({
      level: 'info',
      received: 1,
      requested: 1,
      requests: 1,
      retries: 0,
    });
  });

  it.each(readdirSync(fixtures).filter((file) => file.endsWith('.json')))(
    'settles or refuses the sample %s',
    async (file) => {
      const before = oms.received.length;
      const result = await start().invoke(JSON.parse(readFileSync(new URL(file, fixtures), 'utf8')));
      const names = oms.received.slice(before).flatMap((events) => events.names);
      const good: Record<string, string[]> = {
        'eventgrid-obs-put.json': ['test.tar'],
        'obs-functiongraph-v2.0-s3-post.json': ['job.png'],
      };
      expect(names).toEqual(good[file] ?? []);
      if (good[file]) {
        expect(result.ok).toBe(true);
      } else {
        expect(result).toMatchObject({ ok: false, errorType: 'UnsettledError' });
        expect(result).toHaveProperty('errorMessage', expect.stringMatching(/expected .*, found /));
        expect(logged('sync')).toHaveLength(1);
      }
    },
  );

  it('brings any name unchanged from the event to OMS and onto the list, in every shape', async () => {
    const names = [...new Set(fc.sample(anyName, { numRuns: 400, seed: 1 }))].filter(
      // The stand-in keeps its log objects in files, and those of this name hold them.
      (name) => !name.startsWith('.escaped/'),
    );
    const raw = start({ eventgrid_key_encoding: 'raw', max_in_flight: '4' });
    const form = start();
    const cloudEvent = (key: string) => ({
      specversion: '1.0',
      id: '1',
      source: 'HC.OBS.DWR',
      type: 'OBS:DWR:ObjectCreated:PUT',
      time: '2026-01-02T03:04:05Z',
      data: notify(['']).Records.map((record) => ({ ...record, obs: { ...record.obs, object: { key } } })),
    });
    const inSmn = { record: [{ smn: { message: JSON.stringify(notify(names)) } }] };
    for (const [host, event] of [
      [form, notify(names)],
      [form, names.map((name) => cloudEvent(encodeForm(name)))],
      [raw, names.map(cloudEvent)],
      [form, inSmn],
    ] as const) {
      const before = oms.received.length;
      const result = await host.invoke(event);
      expect(result).toMatchObject({ ok: true, value: { received: names.length, requested: names.length } });
      const decoded = oms.received.slice(before).flatMap((events) => events.names);
      expect(decoded.sort()).toEqual([...names].sort());
      expect(await listed('success_object')).toEqual([...names].sort());
    }
  });

  it('has 24 of 25 requested when OMS refuses one', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `photos/${index} ü.jpg`);
    const poison = 'photos/13 ü.jpg';
    oms.faults.set([
      {
        kind: 'answer',
        status: 400,
        errorCode: 'OMS.0064',
        errorMessage: 'Invalid request parameters.',
        names: [poison],
      },
    ]);
    const result = await start().invoke(notify(names));
    expect(result).toMatchObject({
      ok: true,
      value: { received: 25, requested: 24, unrequested: 1, filtered: 0, merged: 0, returned: 0 },
    });
    expect(await listed('success_object')).toEqual(names.filter((name) => name !== poison).sort());
    expect(await read(`oms_source_record/failed_object/${poison}`)).toMatchObject({
      name: poison,
      source_bucket: 'source',
      reason_class: 'refused',
      error_code: 'OMS.0064',
      error_message: 'Invalid request parameters.',
    });
  });

  it.each(['object', 'list'])(
    'returns before its deadline with every name on the failed list (%s)',
    async (log_layout) => {
      oms.faults.set([{ kind: 'answer', status: 503 }]);
      const names = Array.from({ length: 120 }, (_, index) => `object-${index}`);
      const host = start({ log_layout, max_attempts: '100' }, { timeoutSeconds: 3 });
      const result = await host.invoke(notify(names));
      expect(result).toMatchObject({ ok: true, value: { received: 120, unrequested: 120, returned: 0 } });
      if (log_layout === 'object') {
        expect(await listed('failed_object')).toEqual([...names].sort());
      } else {
        const folder = new ObjectFolder(path.join(scratch, 'logs'));
        const [reasons, list] = await folder.list('oms_source_record/failed_object/');
        expect(
          String(await folder.read(list?.key ?? ''))
            .trimEnd()
            .split('\n')
            .sort(),
        ).toEqual([...names].sort());
        expect(String(await folder.read(reasons?.key ?? ''))).toContain(
          '"reason_class":"passing","error_code":"OMS.1001"',
        );
        expect(obs.contentType('logs', list?.key ?? '')).toBe('text/plain');
      }
    },
  );

  it('waits out a fault that passes', async () => {
    oms.faults.set([
      { kind: 'reset', when: 'after', times: 1 },
      { kind: 'answer', status: 400, errorCode: 'OMS.1001', times: 1 },
    ]);
    expect(await start().invoke(notify(['a']))).toMatchObject({ ok: true, value: { requested: 1 } });
    expect(logged('sync')[0]).toMatchObject({ requests: 3, retries: 2 });
  });

  it('stops sending when OMS does not accept its keys', async () => {
    const before = oms.requestCount;
    const result = await start({
      hw_sk: 'another-key',
      log_bucket: `file://${scratch}/logs`,
      max_in_flight: '1',
    }).invoke(notify(Array.from({ length: 30 }, (_, index) => `object-${index}`)));
    expect(result).toMatchObject({ ok: true, value: { unrequested: 30 } });
    expect(oms.requestCount - before).toBe(1);
    expect(await read('oms_source_record/failed_object/object-29')).toMatchObject({
      reason_class: 'identity',
      error_code: 'APIG.0301',
      attempts: 0,
    });
  });

  it('fails when neither OMS nor the log bucket is there, and says so in one line', async () => {
    const nobody = 'http://127.0.0.1:9';
    const host = start(
      { sync_url: `${nobody}/v2/project/sync-tasks/task/events`, obs_endpoint: nobody, max_attempts: '2' },
      { timeoutSeconds: 5 },
    );
    const result = await host.invoke(notify(['a', 'b']));
    expect(result).toMatchObject({ ok: false, errorType: 'UnsettledError' });
    expect(result).toHaveProperty('errorMessage', expect.stringContaining('ECONNREFUSED'));
    expect(lines).toHaveLength(1);
    expect(logged('sync')).toMatchObject([
      { level: 'error', received: 2, returned: 2, requested: 0, unrequested: 0 },
    ]);
  });

  it('fails in time when the log bucket does not answer', async () => {
    obs.faults.set([{ kind: 'black-hole' }]);
    const result = await start({}, { timeoutSeconds: 3 }).invoke(notify(['a']));
    expect(result).toMatchObject({ ok: false, errorType: 'UnsettledError' });
    expect(logged('sync')).toMatchObject([{ returned: 1 }]);
  });

  it('names every wrong setting in one message, and sends nothing', async () => {
    const before = [oms.requestCount, obs.requests.length];
    const host = start({
      sync_url: 'http://oms.example.com',
      log_bucket: 's3://logs',
      hw_sk: undefined,
      max_attempts: 'ten',
    });
    const result = await host.invoke(notify(['a']));
    expect(result).toMatchObject({ ok: false, errorType: 'SettingsError' });
    for (const name of ['sync_url', 'log_bucket', 'hw_sk', 'max_attempts']) {
      expect(result).toHaveProperty('errorMessage', expect.stringContaining(`${name}: expected`));
    }
    expect([oms.requestCount, obs.requests.length]).toEqual(before);
  });

  it('does not eat its own tail when the log bucket is the source bucket', async () => {
    const before = obs.requests.length;
    const host = start();
    const own = await host.invoke(
      notify(['oms_source_record/success_object/a', 'oms_source_record/failed_object/b'], 'logs'),
    );
    expect(own).toMatchObject({ ok: true, value: { received: 2, filtered: 2 } });
    expect(obs.requests.length).toBe(before);
    expect(logged('misconfigured')).toHaveLength(1);
    expect(await host.invoke(notify(['photos/c'], 'logs'))).toMatchObject({
      ok: true,
      value: { requested: 1 },
    });
    expect(logged('misconfigured')).toHaveLength(2);
  });

  it('filters, merges, and does not request what was removed', async () => {
    const event = notify(['in/a', 'in/a', 'in/b', 'out/c', 'in/d']);
    const [, , , , last] = event.Records;
    if (last) last.eventName = 'ObjectRemoved:Delete';
    const result = await start({ include_prefix: 'in/' }).invoke(event);
    expect(result).toMatchObject({ ok: true, value: { received: 5, requested: 2, filtered: 2, merged: 1 } });
    expect(logged('sync')[0]).toMatchObject({
      filtered_reasons: { 'name filter': 1, 'ObjectRemoved:Delete': 1 },
    });
  });

  it('writes the names that were not requested into the log when asked to', async () => {
    oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064' }]);
    await start({ log_level: 'debug' }).invoke(notify(['a']));
    expect(logged('not requested')).toMatchObject([{ level: 'debug', name: 'a', code: 'OMS.0064' }]);
    expect(logged('unrequested')).toMatchObject([
      { level: 'warn', codes: { 'OMS.0064': 1 }, examples: ['a'] },
    ]);
  });
});

/** As OBS encodes keys. */
function encodeForm(name: string): string {
  return new URLSearchParams([['', name]]).toString().slice(1);
}
