import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { promtool, testKeys, whyNot } from '@oms-sync/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { Metrics } from './metrics.ts';
import type { Source } from './source.ts';

const deploy = fileURLToPath(new URL('../deploy/', import.meta.url));
const built = fileURLToPath(new URL('../../../dist/apps/sync-service', import.meta.url));
const run = promisify(execFile);

interface Alerts {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}

function readAlerts() {
  const { groups } = parse(readFileSync(path.join(deploy, 'alerts.yml'), 'utf8')) as Alerts;
  return groups.flatMap(({ rules }) => rules);
}

describe('the alerts', () => {
  it('ask for metrics that the service exports', async () => {
    const metrics = new Metrics();
    const source: Source = {
      name: 'queue',
      state: { status: 'running', place: 'folder', backlog: { count: 1, unit: 'messages' } },
      start: () => Promise.resolve(),
      stop: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
    const dispatcher = { held: 0, oldestHeldSince: undefined, isPaused: false, isResting: false };
    metrics.observe({ dispatcher, sources: [source] });
    const exported = new Set((await metrics.registry.getMetricsAsJSON()).map(({ name }) => name));
    const asked = readAlerts().flatMap(({ expr }) => expr.match(/\b(oms_sync|process)_\w+/g) ?? []);
    expect(asked.length).toBeGreaterThan(8);
    expect(asked.filter((name) => !exported.has(name))).toEqual([]);
  });

  it('are explained, each in its place, and each has a test', () => {
    const guide = readFileSync(new URL('../../../docs/guides/watch-the-service.md', import.meta.url), 'utf8');
    const tests = readFileSync(path.join(deploy, 'alerts.test.yml'), 'utf8');
    for (const { alert } of readAlerts()) {
      expect(guide).toContain(`\`${alert}\``);
      expect(tests).toMatch(new RegExp(`alertname: ${alert}\\n +exp_alerts:\\n`));
    }
  });

  const needs = whyNot(promtool);
  it.skipIf(needs !== undefined)(`are right by promtool${needs ? ` (${needs})` : ''}`, async () => {
    const { stdout } = await run('promtool', ['check', 'rules', 'alerts.yml'], { cwd: deploy });
    expect(stdout).toContain(`SUCCESS: ${readAlerts().length} rules found`);
    await run('promtool', ['test', 'rules', 'alerts.test.yml'], { cwd: deploy });
  });
});

describe('the metrics', () => {
  it('are all in the guide', async () => {
    const metrics = new Metrics({ isDefault: false });
    const dispatcher = { held: 0, oldestHeldSince: undefined, isPaused: false, isResting: false };
    metrics.observe({ dispatcher, sources: [] });
    const guide = readFileSync(new URL('../../../docs/guides/watch-the-service.md', import.meta.url), 'utf8');
    for (const { name } of await metrics.registry.getMetricsAsJSON()) expect(guide).toContain(`\`${name}\``);
  });
});

describe('the systemd unit', () => {
  const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
  it.skipIf(!hasSystemd)('is right by systemd-analyze (needs systemd)', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-unit-'));
    const unit = path.join(folder, 'oms-sync.service');
    const text = readFileSync(path.join(deploy, 'oms-sync.service'), 'utf8');
    // Wherever this machine has its Node.js.
    writeFileSync(unit, text.replace('/usr/bin/node', process.execPath));
    const { stdout, stderr } = await run('systemd-analyze', ['verify', unit]);
    expect(`${stdout}${stderr}`).toBe('');
    rmSync(folder, { recursive: true });
  });
});

describe('as in a container', () => {
  let scratch: string;
  let child: ChildProcess | undefined;
  beforeAll(() => {
    scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-container-'));
    cpSync(built, path.join(scratch, 'app'), { recursive: true });
    mkdirSync(path.join(scratch, 'queue'));
  });
  afterEach(() => child?.kill('SIGKILL'));
  afterAll(() => rmSync(scratch, { recursive: true, force: true }));

  const isRoot = process.getuid?.() === 0;
  it.skipIf(!isRoot)('runs as somebody who may write the queue only (needs root)', async () => {
    const somebody = { uid: 65_534, gid: 65_534 };
    chmodSync(scratch, 0o755);
    chownSync(path.join(scratch, 'queue'), somebody.uid, somebody.gid);
    const env = {
      listen: '127.0.0.1:0',
      queue_folder: path.join(scratch, 'queue'),
      sync_url: 'https://oms.invalid/v2/p/sync-tasks/00000000-0000-4000-8000-000000000000/events',
      log_bucket: `file://${scratch}/queue/lists`,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
    };
    const options = { ...somebody, cwd: path.join(scratch, 'app') };
    child = spawn(process.execPath, ['main.js'], { ...options, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk) => (output += String(chunk)));
    await expect.poll(() => output, { timeout: 20_000 }).toContain('"event":"started"');
    const listen = /"address":"http:\/\/([^/]+)\//.exec(output)?.[1] ?? '';
    const [command, ...args] = readHealthcheck();
    expect(command).toBe('node');
    const check = () => run(process.execPath, args, { ...options, env: { ...env, listen } });
    await check();
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    await expect(check()).rejects.toMatchObject({ code: 1 });
  });
});

/** The command of the Dockerfile. */
function readHealthcheck(): string[] {
  const text = readFileSync(path.join(deploy, 'Dockerfile'), 'utf8');
  return JSON.parse(/HEALTHCHECK [^[]*CMD (\[.*\])/.exec(text)?.[1] ?? '[]') as string[];
}
