import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { testKeys } from '@oms-sync/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCli, setUp, startCli, type Setup } from './cli.test-help.ts';

const failedPrefix = 'oms_source_record/failed_object/';

/** Names that tell decoding, encoding and normalising apart. */
const ugly = ['photos/a b+c%2F.jpg', 'photos/ü\u0308 😀｡.jpg', 'x/ends with /', `long/${'é'.repeat(500)}`];

interface Entry {
  readonly reasonClass?: string;
  readonly code?: string;
  readonly ageMs?: number;
  readonly taskId?: string;
  readonly list?: string;
}

/** An entry as a function app writes it. */
async function record(setup: Setup, name: string, entry: Entry = {}): Promise<void> {
  const { reasonClass = 'passing', code = 'HTTP.503', ageMs = 60_000, list = 'failed_object' } = entry;
  const body = {
    name,
    source_store: 'obs',
    source_bucket: 'photos',
    sync_task_id: entry.taskId ?? setup.taskId,
    recorded_at: new Date(Date.now() - ageMs).toISOString(),
    attempts: 5,
    event_time: '2026-01-02T03:04:05.000Z',
    event_id: 'event-1',
    reason_class: reasonClass,
    error_code: code,
    error_message: 'busy',
  };
  await setup.lists.write(`oms_source_record/${list}/${name}`, `${JSON.stringify(body)}\n`);
}

async function failedKeys({ lists }: Setup, list = 'failed_object'): Promise<string[]> {
  const prefix = `oms_source_record/${list}/`;
  return (await lists.list(prefix)).map(({ key }) => key.slice(prefix.length));
}

function jsonLines(text: string): Record<string, unknown>[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The names, and what is none, in the lines of `failed list --json`. */
function namesIn(stdout: string): string[] {
  return jsonLines(stdout)
    .flatMap(({ name, invalid_name: text }) => name ?? text ?? [])
    .map(String)
    .sort();
}

const received = ({ oms }: Setup) => oms.received.flatMap(({ names }) => names).sort();

describe('failed list and show', () => {
  test('lists both layouts and what is no name, filters, and counts reasons', async () => {
    const setup = await setUp();
    await record(setup, 'photos/a');
    await record(setup, 'photos/b', { reasonClass: 'refused', code: 'OMS.0064', ageMs: 3 * 86_400_000 });
    await record(setup, 'other/c', { taskId: 'another' });
    await setup.lists.write(`${failedPrefix}template`, '');
    const invalid = {
      invalid_name: '%zz',
      sync_task_id: setup.taskId,
      reason_class: 'invalid',
      error_code: 'InvalidName',
    };
    await setup.lists.write(`${failedPrefix}.invalid/abc`, JSON.stringify(invalid));
    const stem = `${failedPrefix}2026/01/02/20260102T030405.000Z-0b0c4a6e-0000-4000-8000-000000000000`;
    await setup.lists.write(
      `${stem}.jsonl`,
      '{"name":"in/file 1","reason_class":"quota"}\n{"name":"in/file 2"}\n',
    );
    await setup.lists.write(`${stem}.txt`, 'in%2Ffile%201\nin%2Ffile%202\n');

    const all = await runCli(['failed', 'list', '--json'], setup.env);
    expect(all.code).toBe(1);
    const lines = jsonLines(all.stdout);
    expect(namesIn(all.stdout)).toEqual([
      '%zz',
      'in/file 1',
      'in/file 2',
      'other/c',
      'photos/a',
      'photos/b',
      'template',
    ]);
    expect(lines.at(-1)).toMatchObject({ counts: { objects: 7 } });

    const pick = async (...filters: string[]) => {
      const { stdout } = await runCli(['failed', 'list', '--json', ...filters], setup.env);
      return namesIn(stdout);
    };
    expect(await pick('--prefix', 'photos/')).toEqual(['photos/a', 'photos/b']);
    expect(await pick('--class', 'refused,invalid')).toEqual(['%zz', 'photos/b']);
    expect(await pick('--newer-than', '1h', '--prefix', 'photos/')).toEqual(['photos/a']);

    const table = await runCli(['failed', 'list', '--limit', '2'], setup.env);
    expect(table.stdout).toContain('… and 5 more');
    expect(table.stdout).toMatch(/passing {2,}HTTP\.503 {2,}2/);
  });

  test('shows a name that would hide what follows as it is written', async () => {
    const setup = await setUp();
    await record(setup, 'a\u001B[8mb');
    const { stdout } = await runCli(['failed', 'list'], setup.env);
    expect(stdout).toContain('a\\u001b[8mb');
    expect(stdout).not.toContain('\u001B');
  });

  test('is well when there is nothing', async () => {
    const { code, stdout } = await runCli(['failed', 'list'], (await setUp()).env);
    expect([code, stdout]).toEqual([0, 'The failed list has no such entry.\n']);
  });

  test('shows all of one, and what to do', async () => {
    const setup = await setUp();
    await record(setup, 'photos/a b', { reasonClass: 'refused', code: 'OMS.0054' });
    await record(setup, 'photos/a b', { list: 'parked_object' });
    const { code, stdout } = await runCli(['failed', 'show', 'photos/a b'], setup.env);
    expect(code).toBe(0);
    expect(stdout).toContain('There is no such task.');
    expect(stdout).toContain('parked: no replay tries it again by itself');
    const none = await runCli(['failed', 'show', 'photos/a'], setup.env);
    expect([none.code, none.stderr]).toEqual([1, 'photos/a is neither on the failed list nor parked.\n']);
  });

  test('says it when the list cannot be read', async () => {
    const setup = await setUp();
    await record(setup, 'a');
    setup.obs.faults.set([{ kind: 'answer', operation: 'get', status: 403, code: 'AccessDenied' }]);
    const { code, stderr } = await runCli(['failed', 'list'], setup.env);
    expect(code).toBe(1);
    expect(stderr).toContain('AccessDenied');
  });
});

describe('failed replay', () => {
  test('is not ended by a store that is busy for a moment', async () => {
    const setup = await setUp();
    await record(setup, 'photos/a');
    setup.obs.faults.set([{ kind: 'answer', operation: 'list', status: 503, code: 'SlowDown', times: 1 }]);
    const { code, stderr } = await runCli(['failed', 'replay'], setup.env);
    expect([code, stderr]).toEqual([0, '']);
    expect(await failedKeys(setup)).toEqual([]);
  });

  test.each(['object', 'list'])(
    'requests all of it, ugly names too, and takes it off: %s',
    async (layout) => {
      const setup = await setUp();
      const env = { ...setup.env, log_layout: layout };
      setup.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064' }]);
      const failing = await runCli(['request', '--', ...ugly], env);
      expect(failing.code).toBe(1);
      setup.oms.faults.clear();
      const dry = await runCli(['failed', 'replay', '--dry-run'], env);
      expect([dry.code, received(setup)]).toEqual([0, []]);
      expect(dry.stdout).toContain('Would request 4 objects again.');
      const { code, stdout } = await runCli(['failed', 'replay'], env);
      expect(stdout).toMatch(/received {2,}4\n *requested {2,}4 {2,}OMS has taken/);
      expect([code, received(setup)]).toEqual([0, [...ugly].sort()]);
      expect(await failedKeys(setup)).toEqual([]);
    },
  );

  test('only what is selected; the others stay, also those of the same file', async () => {
    const setup = await setUp();
    const stem = `${failedPrefix}2026/01/02/20260102T030405.000Z-0b0c4a6e-0000-4000-8000-000000000000`;
    await setup.lists.write(`${stem}.txt`, 'in%2F1\nout%2F1\nbroken%zz\nin%2F2\n');
    await record(setup, 'in/3');
    await record(setup, 'in/other task', { taskId: 'another' });
    await record(setup, 'out/2');
    const { code, stdout, stderr } = await runCli(
      ['failed', 'replay', '--json', '--prefix', 'in/'],
      setup.env,
    );
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { received: 3, requested: 3, of_other_tasks: 1 }]);
    expect(stderr).toContain('--any-task');
    expect(received(setup)).toEqual(['in/1', 'in/2', 'in/3']);
    const rest = await runCli(['failed', 'list', '--json'], setup.env);
    expect(namesIn(rest.stdout)).toEqual(['broken%zz', 'in/other task', 'out/1', 'out/2']);
    await runCli(['failed', 'replay', '--any-task', '--prefix', 'in/'], setup.env);
    expect(received(setup)).toContain('in/other task');
  });

  test('one poison name never stops the rest; it stays, with the reason, and the exit code says so', async () => {
    const setup = await setUp();
    const names = Array.from({ length: 120 }, (_, index) => `n/${String(index).padStart(3, '0')}`);
    await Promise.all(names.map((name) => record(setup, name)));
    setup.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: ['n/007'] }]);
    const { code, stdout } = await runCli(['failed', 'replay', '--json'], setup.env);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { received: 120, requested: 119, unrequested: 1, codes: { 'OMS.0064': 1 }, is_complete: true },
    ]);
    expect(await failedKeys(setup)).toEqual(['n/007']);
  });

  test('of the parked list: what fails again is parked again', async () => {
    const setup = await setUp();
    await record(setup, 'good', { list: 'parked_object' });
    await record(setup, 'bad', { list: 'parked_object' });
    setup.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: ['bad'] }]);
    expect((await runCli(['failed', 'replay'], setup.env)).code).toBe(0);
    expect(received(setup)).toEqual([]);
    expect((await runCli(['failed', 'replay', '--parked'], setup.env)).code).toBe(1);
    expect(received(setup)).toEqual(['good']);
    expect(await failedKeys(setup, 'parked_object')).toEqual(['bad']);
  });

  test('Ctrl-C ends it after what it has in hand, and the next run does the rest', async () => {
    const setup = await setUp();
    const names = Array.from({ length: 220 }, (_, index) => `n/${String(index).padStart(3, '0')}`);
    await Promise.all(names.map((name) => record(setup, name)));
    const child = startCli(['failed', 'replay', '--rate', '300'], setup.env);
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    while (setup.oms.requestCount === 0) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(1);
    const soFar = received(setup).length;
    expect(soFar).toBeGreaterThan(0);
    expect(soFar).toBeLessThan(220);
    expect(await failedKeys(setup)).toHaveLength(220 - soFar);
    expect((await runCli(['failed', 'replay'], setup.env)).code).toBe(0);
    expect([...new Set(received(setup))]).toEqual(names);
    expect(await failedKeys(setup)).toEqual([]);
  });

  test('killed in the middle, it loses nothing', async () => {
    const setup = await setUp();
    const names = Array.from({ length: 120 }, (_, index) => `n/${String(index).padStart(3, '0')}`);
    await Promise.all(names.map((name) => record(setup, name)));
    const child = startCli(['failed', 'replay', '--rate', '300'], setup.env);
    const ended = new Promise((resolve) => child.on('close', resolve));
    while (setup.oms.requestCount === 0) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGKILL');
    await ended;
    const { stdout } = await runCli(['failed', 'list', '--json', '--limit', '1000'], setup.env);
    expect([...new Set([...received(setup), ...namesIn(stdout)])].sort()).toEqual(names);
  });
});

describe('failed clear', () => {
  test('asks nobody without --yes, says what it removes, and leaves the rest', async () => {
    const setup = await setUp();
    await record(setup, 'old/a', { ageMs: 3 * 86_400_000 });
    await record(setup, 'old/b');
    const invalid = { invalid_name: '%zz', reason_class: 'invalid', error_code: 'InvalidName' };
    await setup.lists.write(`${failedPrefix}.invalid/abc`, JSON.stringify(invalid));
    const refused = await runCli(['failed', 'clear'], setup.env);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('add --yes');
    const dry = await runCli(['failed', 'clear', '--older-than', '1d', '--dry-run'], setup.env);
    expect([dry.code, dry.stdout]).toEqual([0, 'Would remove 1 entry: 1 passing HTTP.503\n']);
    expect(await failedKeys(setup)).toHaveLength(3);
    const old = await runCli(['failed', 'clear', '--older-than', '1d', '--yes'], setup.env);
    expect([old.code, old.stdout]).toEqual([0, '1 removed.\n']);
    expect(old.stderr).toContain('such as old/a');
    expect(await failedKeys(setup)).toEqual(['.invalid/abc', 'old/b']);
    expect((await runCli(['failed', 'clear', '--class', 'invalid', '--yes'], setup.env)).code).toBe(0);
    expect(await failedKeys(setup)).toEqual(['old/b']);
    expect(received(setup)).toEqual([]);
  });
});

describe('failed export', () => {
  const keys = { source_ak: testKeys.accessKey, source_sk: testKeys.secretKey };

  test('writes list files into a folder', async () => {
    const setup = await setUp();
    for (const name of ugly.slice(0, 3)) await record(setup, name);
    const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-export-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const dry = await runCli(['failed', 'export', folder, '--dry-run'], setup.env);
    expect([dry.code, await readdir(folder)]).toEqual([0, []]);
    expect((await runCli(['failed', 'export', folder], setup.env)).code).toBe(0);
    const [file = ''] = await readdir(folder);
    expect(file).toMatch(/^failed-objects-\d{8}T\d{6}Z-0001\.txt$/);
    const lines = (await readFile(path.join(folder, file), 'utf8')).trimEnd().split('\n');
    expect(lines.map(decodeURIComponent).sort()).toEqual(ugly.slice(0, 3).sort());
    expect(lines.join()).not.toMatch(/[+ /]/);
    expect(await failedKeys(setup)).toHaveLength(3);
  });

  test('says in a line that a file cannot be written', async () => {
    const setup = await setUp();
    await record(setup, 'photos/a');
    const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-export-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = path.join(folder, 'file');
    await writeFile(file, '');
    const { code, stderr } = await runCli(['failed', 'export', file], setup.env);
    expect([code, stderr]).toEqual([1, `EEXIST: file already exists, mkdir '${file}'\n`]);
  });

  test('as a migration task: OMS reads the list and copies', async () => {
    const setup = await setUp();
    const names = ugly.slice(0, 3);
    for (const name of names) {
      await setup.source.write(name, `of ${name}`);
      await record(setup, name);
    }
    const env = { ...setup.env, ...keys, destination_obs_endpoint: setup.obs.url.href };
    const args = ['failed', 'export', 'obs://lists/oms', '--as-migration-task', '--watch'];
    const missing = await runCli(args, { ...env, source_sk: undefined, source_ak: undefined });
    expect([missing.code, missing.stderr]).toMatchObject([
      2,
      expect.stringContaining('source_ak, source_sk'),
    ]);
    const { code, stdout, stderr } = await runCli(args, env);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/migration task \d+ for oms\/failed-objects-.*-0001\.txt/);
    expect(stdout).toMatch(/task \d+: succeeded, 3 objects copied/);
    expect(code).toBe(0);
    for (const name of names) expect(String(await setup.destination.read(name))).toBe(`of ${name}`);
    expect(setup.oms.migrationTasks).toMatchObject([
      { details: { objects: { listBucket: 'lists' } }, status: 5 },
    ]);
  });

  test('a task that fails is said, with its reason', async () => {
    const setup = await setUp();
    await record(setup, 'is not there');
    const env = { ...setup.env, ...keys, destination_obs_endpoint: setup.obs.url.href };
    const args = ['failed', 'export', 'obs://lists', '--as-migration-task', '--watch', '--json'];
    const { code, stdout } = await runCli(args, env);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { names: 1, tasks: [{ state: 'failed', error: { code: 'TRF.0015' } }] },
    ]);
    expect((await runCli(['failed', 'export', 'folder', '--as-migration-task'], env)).code).toBe(2);
    expect((await runCli(['failed', 'export', 'folder', '--watch'], env)).code).toBe(2);
  });
});
