import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { samples } from './samples.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let scratch: string;
let running: ChildProcess | undefined;

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-service-sandbox-'));
});

afterEach(() => {
  running?.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

function start(...args: string[]) {
  const child = spawn(
    process.execPath,
    [path.join(root, 'dist/tools/sandbox/service.js'), '--folder', scratch, ...args],
    { cwd: root },
  );
  running = child;
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  }
  return { child, ended: once(child, 'close').then(([code]) => code as number | null), output: () => output };
}

describe('npm run service', () => {
  it('once: every object arrives, and the service stops by itself', async () => {
    const { ended, output } = start('--once');
    expect(await ended, output()).toBe(0);
    expect(output()).toContain(`${samples.length} of ${samples.length} arrived`);
    expect(output()).toContain('The service has stopped with exit code 0.');
    expect(readFileSync(path.join(scratch, 'destination/photos/2026/cat.jpg'), 'utf8')).toBe(
      'not really a cat',
    );
  });

  it('goes on with traffic, shows addresses that work and a line that notifies by hand', async () => {
    const { child, ended, output } = start();
    await expect.poll(output, { timeout: 20_000 }).toContain('-X DELETE');
    const metrics = /metrics\s+(\S+)/.exec(output())?.[1] ?? '';
    expect((await fetch(metrics)).status).toBe(200);
    const [, authorization = '', url = '', body = ''] =
      /curl -H 'Authorization: (.*?)' (\S+) -d '(.*)'/.exec(output()) ?? [];
    const headers = { authorization, 'content-type': 'application/x-www-form-urlencoded' }; // As curl has it.
    const answer = await fetch(url, { method: 'POST', headers, body });
    expect(await answer.text()).toBe('{"status":"kept"}');
    for (const [, url = '', body = ''] of output().matchAll(/curl -X PUT (\S+) -d '(.*)'/g)) {
      expect((await fetch(url, { method: 'PUT', body })).status).toBe(200);
    }
    child.kill('SIGINT');
    expect(await ended, output()).toBe(0);
  });
});
