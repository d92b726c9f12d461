import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FunctionGraphHost, LambdaHost } from './index.ts';

const runtimes = fileURLToPath(new URL('../../../dist/tools/function-hosts', import.meta.url));
let code: string;

beforeEach(() => {
  code = mkdtempSync(path.join(tmpdir(), 'oms-sync-freezing-'));
  // It counts the time, in steps of 10 ms, for as long as it runs.
  writeFileSync(
    path.join(code, 'index.js'),
    'let ticks = 0; setInterval(() => { ticks++; }, 10); exports.handler = async () => ticks;',
  );
});

afterEach(() => rmSync(code, { recursive: true, force: true }));

describe.each([
  ['LambdaHost', LambdaHost],
  ['FunctionGraphHost', FunctionGraphHost],
])('%s', (_, Host) => {
  it.skipIf(process.platform === 'win32')('runs nothing of a function between two invocations', async () => {
    const host = new Host({ code, runtimes, settings: {} });
    const invoke = async () => {
      const result = await host.invoke({});
      return result.ok ? Number(result.value) : NaN;
    };
    const before = await invoke();
    await setTimeout(500);
    // One tick is overdue, and some pass before it is frozen and after it is thawed.
    expect((await invoke()) - before).toBeLessThan(20);
    await host.stop();
  });
});
