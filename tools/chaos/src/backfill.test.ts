import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { testKeys, uglyNames } from '@oms-sync/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLists } from './lists.ts';
import { parseReport, startTool, type RunningTool } from './tool-process.ts';

const dist = fileURLToPath(new URL('../../../dist', import.meta.url));
const taskId = 'backfill';

describe('oms-sync backfill', () => {
  let folder: string;
  let oms: OmsStandin;
  beforeEach(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-backfill-'));
    for (const name of ['logs', 'work', 'source']) mkdirSync(path.join(folder, name));
    oms = await startOmsStandin({ buckets: folder, ...testKeys, copyDelayMs: Infinity });
    oms.createTask({ srcBucket: 'unused', dstBucket: 'destination', taskId });
  });
  afterEach(async () => {
    await oms.close();
    rmSync(folder, { recursive: true });
  });

  const put = (name: string, modified = '2026-01-01') => {
    writeFileSync(path.join(folder, 'source', name), name);
    utimesSync(path.join(folder, 'source', name), new Date(modified), new Date(modified));
  };
  const start = (call: readonly string[], settings = {}): RunningTool =>
    startTool({ dist, folder, syncUrl: oms.syncUrl(taskId), call: ['backfill', ...call], settings });
  const run = async (call: readonly string[], settings?: Readonly<Record<string, string>>) => {
    const { code, output } = await start(call, settings).ended;
    return { code, output, report: parseReport(output) };
  };
  const source = () => ['--source', pathToFileURL(path.join(folder, 'source')).href];
  const received = () => oms.received.flatMap(({ names }) => names).sort();
  const checkpoints = () => readdirSync(path.join(folder, 'work'));

  it('requests what is selected, and leaves no checkpoint behind', async () => {
    for (const name of ['a b+', '\u{1F600}', 'left out by its name.tmp']) put(name);
    put('too new', '2026-03-01');
    const { code, report } = await run([...source(), '--until', '2026-02-01'], { exclude_suffix: '.tmp' });
    expect(report).toMatchObject({
      listed: 4,
      left_out: 1,
      received: 3,
      requested: 2,
      filtered: 1,
      complete: true,
    });
    expect(code).toBe(0);
    expect(received()).toEqual(['a b+', '\u{1F600}']);
    const lists = await readLists(path.join(folder, 'logs'));
    expect([...lists.requested].sort()).toEqual(['a b+', '\u{1F600}']);
    expect(checkpoints()).toEqual([]);
  });

  it('sends and writes nothing in a dry run', async () => {
    for (const name of ['a', 'b', 'c.tmp']) put(name);
    const { code, report } = await run([...source(), '--dry-run'], { exclude_suffix: '.tmp' });
    expect(report).toMatchObject({
      dry_run: true,
      listed: 3,
      received: 3,
      filtered: 1,
      requested: 0,
      bytes: 7,
    });
    expect(code).toBe(0);
    expect([received(), checkpoints(), readdirSync(path.join(folder, 'logs'))]).toEqual([[], [], []]);
  });

  it('puts on the failed list what OMS refuses, requests the rest, and exits with 1', async () => {
    for (const name of ['a', 'bad', 'c']) put(name);
    oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: ['bad'] }]);
    const { code, report } = await run(source());
    expect(report).toMatchObject({ received: 3, requested: 2, unrequested: 1, complete: true });
    expect(code).toBe(1);
    expect([...(await readLists(path.join(folder, 'logs'))).failed.keys()]).toEqual(['bad']);
  });

  it('stops where OMS takes nothing, and goes on when it does', async () => {
    for (let index = 0; index < 60; index++) put(`${index}`.padStart(3, '0'));
    oms.faults.set([{ kind: 'answer', status: 401, errorCode: 'OMS.0204', after: 2 }]);
    const slow = [...source(), '--rate', '200', '--parallel', '100'];
    const first = await run(slow, { max_in_flight: '1' });
    expect(first).toMatchObject({ code: 1, report: { complete: false, halt: 'refused' } });
    expect(checkpoints()).toHaveLength(1);
    oms.faults.clear();
    const { code, output, report } = await run(slow, { max_in_flight: '1' });
    expect(output).toContain('Going on from .oms-sync-backfill-');
    expect(report).toMatchObject({ listed: 60, complete: true });
    // Those of the first run are on the failed list.
    expect(code).toBe(1);
    const { requested, failed } = await readLists(path.join(folder, 'logs'));
    expect(requested.size + failed.size).toBe(60);
    expect(checkpoints()).toEqual([]);
  });

  it('does not go on where the lists cannot be written', async () => {
    put('a');
    rmSync(path.join(folder, 'logs'), { recursive: true });
    writeFileSync(path.join(folder, 'logs'), 'no folder');
    const { code, report, output } = await run(source());
    expect(report).toMatchObject({ complete: false, halt: 'returned', listed: 0, requested: 0 });
    expect(code).toBe(1);
    expect(Object.values(testKeys).some((key) => output.includes(key))).toBe(false);
  });

  it('stops on Ctrl-C after what is in hand, and goes on later', async () => {
    for (let index = 0; index < 200; index++) put(`${index}`.padStart(3, '0'));
    const slow = [...source(), '--rate', '40', '--parallel', '4'];
    const tool = start(slow);
    while (oms.received.length === 0) await new Promise((resolve) => setImmediate(resolve));
    tool.kill('SIGINT');
    const { code, output } = await tool.ended;
    expect(output).toContain('Stopping after what is in hand');
    expect(parseReport(output)).toMatchObject({ complete: false, halt: 'stopped', returned: 0 });
    expect(code).toBe(1);
    const before = received().length;
    expect(before).toBeLessThan(200);
    const again = await run([...source(), '--parallel', '4']);
    expect(again).toMatchObject({ code: 0, report: { listed: 200, requested: 200 } });
    // Nothing twice: it was not killed.
    expect(received()).toHaveLength(200);
  });

  it('requests what an inventory holds', async () => {
    const rows = uglyNames.map((name) => `"photos/${name.replaceAll('"', '""')}",2026-01-01T00:00:00Z,3`);
    const file = path.join(folder, 'inventory.csv');
    writeFileSync(file, ['Name,Last-Modified,Content-Length', ...rows, ''].join('\n'));
    const { code, report } = await run(['--inventory', `az:${file}`]);
    expect(report).toMatchObject({ listed: uglyNames.length, requested: uglyNames.length });
    expect(code).toBe(0);
    expect(received()).toEqual([...uglyNames].sort());
  });

  it('of a folder that is not there exits with 1, and does not look empty', async () => {
    const { code, output, report } = await run(['--source', 'file:///nowhere/at/all']);
    expect(output).toContain('file:///nowhere/at/all: the listing failed');
    expect([code, report]).toEqual([1, {}]);
  });
});
