import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { testKeys } from '@oms-sync/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'oms-standin-'));
  await build({
    entryPoints: [path.join(import.meta.dirname, 'main.ts')],
    outfile: path.join(folder, 'main.js'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  });
});

afterAll(() => rm(folder, { recursive: true }));

function start(...args: string[]) {
  const child = spawn(process.execPath, [path.join(folder, 'main.js'), ...args], {
    env: { OMS_STANDIN_ACCESS_KEY: testKeys.accessKey, OMS_STANDIN_SECRET_KEY: testKeys.secretKey },
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]: unknown[]) => ({ code, ...output }));
  return { child, ended };
}

describe('the program', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('listens until %s', async (signal) => {
    const { child, ended } = start('--buckets', folder, '--create-task', 'one:two');
    await once(child.stdout, 'data');
    child.kill(signal);
    const { code, stdout, stderr } = await ended;
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/listens on http:\/\/127\.0\.0\.1:\d+/);
  });

  test('shows its help', async () => {
    const { code, stdout } = await start('--help').ended;
    expect(code).toBe(0);
    expect(stdout).toContain('OMS_STANDIN_SECRET_KEY');
  });

  test.each([[[]], [['--buckets', '.', '--host', '0.0.0.0']], [['--buckets', '.', '--create-task', 'a:b']]])(
    'ends with 2 for %j',
    async (args) => {
      const { code, stderr } = await start(...args).ended;
      expect(code).toBe(2);
      expect(stderr).toMatch(/^oms-standin: .*\nTry --help.\n$/);
    },
  );

  test('ends with 1 when its port is taken', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const { code, stderr } = await start('--buckets', folder, '--port', String(port)).ended;
    server.close();
    expect(code).toBe(1);
    expect(stderr).toContain('EADDRINUSE');
  });
});
