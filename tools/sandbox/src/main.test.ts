import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { samples } from './samples.ts';

const root = fileURLToPath(new URL('../../..', import.meta.url));
let scratch: string;
let running: ChildProcess | undefined;

beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-sandbox-'));
});

afterEach(() => {
  running?.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

/** The built sandbox; `printed` waits until its output holds a text. */
function start(...args: string[]) {
  const child = spawn(process.execPath, [path.join(root, 'dist/tools/sandbox/main.js'), ...args], {
    cwd: root,
  });
  running = child;
  let output = '';
  const changed = new EventTarget();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      changed.dispatchEvent(new Event('output'));
    });
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    child,
    ended,
    output: () => output,
    printed: async (text: string) => {
      while (!output.includes(text)) await once(changed, 'output');
    },
  };
}

describe('the sandbox', () => {
  it('plays one round, in which every object arrives, and exits 0', async () => {
    const { ended, output } = start('--once', '--folder', scratch);
    expect(await ended).toBe(0);
    expect(output()).toContain(`${samples.length} of ${samples.length} arrived`);
    expect(output()).toContain(
      `${samples.length} on ${path.join(scratch, 'logs/oms_source_record/success_object')}`,
    );
    expect(output()).toContain(' 0 on ');
    expect(readFileSync(path.join(scratch, 'destination/photos/2026/cat.jpg'), 'utf8')).toBe(
      'not really a cat',
    );
  });

  it('synchronizes a file that is dropped into the source folder, and stops cleanly', async () => {
    const { child, ended, printed, output } = start('--folder', scratch);
    await printed('watching the source bucket');
    writeFileSync(path.join(scratch, 'source/dropped + in.txt'), 'dropped');
    await printed('arrived  dropped + in.txt');
    expect(readFileSync(path.join(scratch, 'destination/dropped + in.txt'), 'utf8')).toBe('dropped');

    const faults = /curl -X PUT (\S+)/.exec(output())?.[1] ?? '';
    await fetch(faults, { method: 'PUT', body: '[{"kind":"answer","status":400,"errorCode":"OMS.0064"}]' });
    writeFileSync(path.join(scratch, 'source/refused.txt'), 'refused');
    await printed('MISSING  refused.txt, on the failed list: ');
    await printed('"error_code":"OMS.0064"');
    child.kill('SIGINT');
    expect(await ended).toBe(0);
  });

  it('does not empty a folder that is somebody else’s', async () => {
    writeFileSync(path.join(scratch, 'precious.txt'), 'precious');
    const { ended, output } = start('--once', '--folder', scratch);
    expect(await ended).toBe(2);
    expect(output()).toContain('choose another --folder');
    expect(readFileSync(path.join(scratch, 'precious.txt'), 'utf8')).toBe('precious');
  });

  it('explains itself', async () => {
    const unknown = start('--twice');
    expect(await unknown.ended).toBe(2);
    expect(unknown.output()).toContain("Unknown option '--twice'");
    expect(unknown.output()).toContain('--once');
  });
});
