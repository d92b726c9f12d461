import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { startKafkaMock, whyNoKafkaMock } from '@oms-sync/peers';
import { makeCertificate, testKeys } from '@oms-sync/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { findMetrics } from './promtool.test-help.ts';

const built = fileURLToPath(new URL('../../../dist/apps/sync-service', import.meta.url));
const token = 'a-token-of-a-test';
let scratch: string;
let bundle: string;
let oms: OmsStandin;
let taskUrl: string;
const children: ChildProcess[] = [];

interface AlertRules {
  readonly groups: readonly { readonly rules: readonly { readonly expr: string }[] }[];
}

beforeAll(async () => {
  // Far from any node_modules.
  scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-service-'));
  bundle = path.join(scratch, 'app');
  cpSync(built, bundle, { recursive: true });
  mkdirSync(path.join(scratch, 'source'));
  oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: Infinity });
  taskUrl = oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' }));
});

afterEach(() => {
  oms.faults.clear();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

afterAll(async () => {
  await oms.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Starts the built service in a process of its own; `address` is there when it is ready. */
function startService(name: string, settings: Record<string, string> = {}, args: readonly string[] = []) {
  const child = spawn(process.execPath, [path.join(bundle, 'main.js'), ...args], {
    cwd: scratch,
    env: {
      listen: '127.0.0.1:0',
      queue_folder: path.join(scratch, name),
      webhook_token: token,
      sync_url: taskUrl,
      log_bucket: `file://${scratch}/lists-${name}`,
      log_layout: 'list',
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
  const readAddress = () => /"address":"([^"]+)"/.exec(output)?.[1];
  return {
    child,
    output: () => output,
    address: async () => {
      await expect.poll(readAddress, { timeout: 20_000 }).toBeDefined();
      return String(readAddress());
    },
  };
}

function formatNotification(name: string): string {
  const record = {
    eventVersion: '2.0',
    eventSource: 'minio:s3',
    eventName: 's3:ObjectCreated:Put',
    s3: { bucket: { name: 'source' }, object: { key: name } },
  };
  return JSON.stringify({ Records: [record] });
}

async function notify(address: string, name: string): Promise<number> {
  const answer = await fetch(new URL('/notifications/webhook', address), {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: formatNotification(name),
  });
  await answer.arrayBuffer();
  return answer.status;
}

function readSuccessList(name: string): string[] {
  const folder = path.join(scratch, `lists-${name}/oms_source_record/success_object`);
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .flatMap((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8').trimEnd().split('\n'))
    .sort();
}

describe('the built service', () => {
  it('keeps what it has acknowledged when it is killed, settles it after a start, and stops by itself', async () => {
    oms.faults.set([{ kind: 'black-hole' }]);
    const killed = startService('killed');
    const address = await killed.address();
    expect(await Promise.all(['a', 'b', 'c'].map((name) => notify(address, name)))).toEqual([200, 200, 200]);
    killed.child.kill('SIGKILL');
    await once(killed.child, 'exit');

    oms.faults.clear();
    oms.takeReceived();
    const again = startService('killed');
    await again.address();
    await expect.poll(() => oms.received.flatMap(({ names }) => names).sort()).toEqual(['a', 'b', 'c']);
    again.child.kill('SIGTERM');
    expect(await once(again.child, 'exit')).toEqual([0, null]);
    expect(readSuccessList('killed')).toEqual(['a', 'b', 'c']);
  });

  it('reads a file of settings behind its environment, and says when it cannot', async () => {
    writeFileSync(path.join(scratch, 'settings.env'), 'log_level=debug\nqueue_folder=/nowhere\n');
    const service = startService('of-file', {}, ['--env-file', 'settings.env']);
    await fetch(new URL('/healthz', await service.address()));
    await expect.poll(service.output).toContain('"level":"debug"');
    const missing = startService('of-file', {}, ['--env-file', 'missing.env']);
    const [code] = await once(missing.child, 'exit');
    expect([2, 9]).toContain(code); // Some versions of Node.js take it for their own option, wherever it stands.
    expect(missing.output()).toContain('missing.env');
    const wrong = startService('of-file', {}, ['--env']);
    expect(await once(wrong.child, 'exit')).toEqual([2, null]);
    expect(wrong.output()).toContain('--env-file FILE');
  });

  it('says which folder another process has open, and ends with 2', async () => {
    const first = startService('shared');
    await first.address();
    const second = startService('shared');
    expect(await once(second.child, 'exit')).toEqual([2, null]);
    expect(second.output()).toContain(`queue_folder ${scratch}/shared is in use by another process`);
  });

  it('is alive, ready, paused and resumed, and counts what it does', async () => {
    const service = startService('operated');
    const address = await service.address();
    const ask = (route: string, init: RequestInit = {}) => fetch(new URL(route, address), init);
    const tell = (route: string) => ask(route, { method: 'POST', headers: { 'x-oms-sync': '1' } });
    expect((await ask('/healthz')).status).toBe(200);
    expect(await (await ask('/readyz')).json()).toEqual({ ready: true, problems: [] });

    expect((await tell('/pause')).status).toBe(200);
    oms.takeReceived();
    expect(await notify(address, 'later')).toBe(200);
    const readMetrics = async () => (await ask('/metrics')).text();
    await expect.poll(readMetrics).toContain('oms_sync_backlog 1\n');
    expect(await readMetrics()).toContain('oms_sync_paused 1\n');
    expect(oms.received).toEqual([]);
    expect((await tell('/resume')).status).toBe(200);
    await expect
      .poll(readMetrics)
      .toContain('oms_sync_records_settled_total{source="webhook",outcome="requested"} 1\n');
    expect(await readMetrics()).toContain('oms_sync_source_up{source="queue"} 1\n');
    expect((await tell('/replay')).status).toBe(202);
    const readStatus = async () => (await ask('/status')).json() as Promise<{ replay: object }>;
    await expect.poll(readStatus).toMatchObject({ replay: { running: false, requested: 0, unrequested: 0 } });
  });

  it('exports every metric that the alerts and the dashboard for Grafana ask for, and the guide has them all', async () => {
    const metrics = await (await fetch(new URL('/metrics', await startService('asked').address()))).text();
    const types = [...metrics.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
    const exported = new Set(
      types.flatMap(([, name = '', type]) =>
        type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name],
      ),
    );
    const guide = readFileSync(new URL('../../../docs/guides/watch-the-service.md', import.meta.url), 'utf8');
    const own = types.map(([, name = '']) => name).filter((name) => name.startsWith('oms_sync_'));
    expect(own.filter((name) => !new RegExp(`\\| .*\`${name}\\b.*\\|`).test(guide))).toEqual([]);
    const { groups } = parse(readFileSync(path.join(bundle, 'alerts.yml'), 'utf8')) as AlertRules;
    const alerts = groups.flatMap(({ rules }) => rules.map(({ expr }) => expr));
    const panels = [...readFileSync(path.join(bundle, 'grafana.json'), 'utf8').matchAll(/"expr": (".*")/g)];
    const asked = [...alerts, ...panels.map(([, expr = '']) => String(JSON.parse(expr)))].flatMap(
      findMetrics,
    );
    // Prometheus itself makes this one.
    expect(asked.filter((name) => name !== 'up' && !exported.has(name))).toEqual([]);
    expect(new Set(asked).size).toBeGreaterThan(15);
  });

  it('has an object that OMS refuses among the last failures, by its name', async () => {
    oms.faults.set([{ kind: 'answer', status: 400 }]);
    const service = startService('failing');
    const address = await service.address();
    const name = '<img src=x onerror=alert(1)>';
    expect(await notify(address, encodeURIComponent(name))).toBe(200);
    const readFailures = async () => {
      const { failures } = (await (await fetch(new URL('/status', address))).json()) as { failures: unknown };
      return failures;
    };
    await expect.poll(readFailures, { timeout: 10_000 }).toMatchObject([{ source: 'webhook', name }]);
  });

  it.each([false, true])('says by a command whether it is alive; with TLS: %s', async (hasTls) => {
    const { cert, key } = makeCertificate();
    const files = {
      tls_cert_file: path.join(scratch, 'cert.pem'),
      tls_key_file: path.join(scratch, 'key.pem'),
    };
    writeFileSync(files.tls_cert_file, cert);
    writeFileSync(files.tls_key_file, key);
    const service = startService(`checked-${hasTls}`, hasTls ? files : {});
    const { port } = new URL(await service.address());
    const beyond = { listen: `0.0.0.0:${port}`, token: 'a-token-for-beyond-loopback', ...(hasTls && files) };
    const check = () => once(startService('unused', beyond, ['healthcheck']).child, 'exit');
    expect(await check()).toEqual([0, null]);
    service.child.kill('SIGKILL');
    await once(service.child, 'exit');
    expect(await check()).toEqual([1, null]);
  });

  const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;
  it.skipIf(!hasPrlimit)('tells senders to come again while the disk takes nothing', async () => {
    const service = startService('limited');
    const address = await service.address();
    expect(await notify(address, 'kept')).toBe(200);
    const limit = (bytes: string) =>
      spawnSync('prlimit', ['--pid', String(service.child.pid), `--fsize=${bytes}:`]);
    limit('1');
    expect(await notify(address, 'refused')).toBe(503);
    expect(service.output()).toContain('cannot be written');
    limit('unlimited');
    await expect.poll(() => notify(address, 'again'), { timeout: 10_000, interval: 200 }).toBe(200);
  });

  const lacksKafka = whyNoKafkaMock();
  it.skipIf(lacksKafka !== undefined)(
    `takes messages of Kafka${lacksKafka ? ` (${lacksKafka})` : ''}`,
    async () => {
      const mock = await startKafkaMock();
      try {
        await mock.produce('buckets', formatNotification('by-way-of-Kafka'));
        oms.takeReceived();
        startService('kafka', { kafka_brokers: mock.broker, kafka_topics: 'buckets', kafka_tls: 'no' });
        const readNames = () => oms.received.flatMap(({ names }) => names);
        await expect.poll(readNames, { timeout: 20_000 }).toEqual(['by-way-of-Kafka']);
      } finally {
        await mock.stop();
      }
    },
    40_000,
  );
});
