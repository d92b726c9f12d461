import { once } from 'node:events';
import { utimes } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { runCli, setUp, startCli, type Setup } from './cli.test-help.ts';

interface Status {
  readonly task?: { readonly status: string };
  readonly statistics?: { readonly points: Record<string, readonly { readonly count: number }[]> };
  readonly lists?: {
    readonly requested: { readonly entries: number; readonly inTime: number };
    readonly unrequested: { readonly entries: number };
    readonly parked: { readonly entries: number };
  };
  readonly findings: readonly { readonly check: string; readonly verdict: string; readonly found: string }[];
}

const minutes = 60_000;

async function readStatus(setup: Setup, args: readonly string[] = [], env: Record<string, string> = {}) {
  const { code, stdout, stderr } = await runCli(['--json', 'status', ...args], { ...setup.env, ...env });
  expect(stderr).toBe('');
  return { code, status: JSON.parse(stdout) as Status };
}

function verdictOf({ findings }: Status, check: string): string | undefined {
  return findings.find((finding) => finding.check === check)?.verdict;
}

/** Lays a log object on a list, as old as that. */
async function record(
  { lists }: Setup,
  list: string,
  name: string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const entry = { name, recorded_at: new Date().toISOString(), ...fields };
  await lists.write(`oms_source_record/${list}/${name}`, `${JSON.stringify(entry)}\n`);
}

const failure = (ageMs: number) => ({
  recorded_at: new Date(Date.now() - ageMs).toISOString(),
  reason_class: 'refused',
  error_code: 'OMS.0064',
});

describe('status', () => {
  test('is well when OMS takes requests and nothing is left', async () => {
    const setup = await setUp();
    await runCli(['request', 'in/a.jpg'], setup.env);
    await setup.oms.idle();
    const { code, status } = await readStatus(setup);
    expect(code).toBe(0);
    expect(status.task).toMatchObject({ status: 'SYNCHRONIZING' });
    expect(status.statistics?.points).toMatchObject({ REQUEST: [{ count: 1 }], SUCCESS: [{ count: 1 }] });
    expect(status.lists).toMatchObject({
      requested: { entries: 1 },
      unrequested: { entries: 0 },
      parked: { entries: 0 },
    });
    expect(status.findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    const { stdout } = await runCli(['status'], setup.env);
    expect(stdout).toMatch(/^Task \S+ {2}SYNCHRONIZING$/m);
    expect(stdout).toMatch(/^requested .*█ +1 +1$/m);
    expect(stdout.split('\n').every((line) => line.length <= 100)).toBe(true);
  });

  test('is wrong when the task is stopped', async () => {
    const setup = await setUp();
    setup.oms.stopTask(setup.taskId);
    const { code, status } = await readStatus(setup);
    expect([code, verdictOf(status, 'task state')]).toEqual([1, 'wrong']);
  });

  test('is wrong when OMS does not know the task', async () => {
    const setup = await setUp();
    const other = setup.env['sync_url']?.replace(setup.taskId, 'another-task') ?? '';
    const { code, status } = await readStatus(setup, [], { sync_url: other });
    expect([code, verdictOf(status, 'task')]).toEqual([1, 'wrong']);
  });

  test('counts both layouts, and says how old the oldest unrequested object is', async () => {
    const setup = await setUp();
    await record(setup, 'success_object', 'a');
    await setup.lists.write('oms_source_record/success_object/2026/01/02/030405-x.txt', 'b\nc%20d\n');
    await record(setup, 'failed_object', 'old', failure(130 * minutes));
    await record(setup, 'failed_object', 'young', failure(2 * minutes));
    await record(setup, 'parked_object', 'given up', failure(5000 * minutes));
    const { code, status } = await readStatus(setup);
    expect(status.lists).toMatchObject({ unrequested: { entries: 2 }, parked: { entries: 1 } });
    expect(status.findings).toContainEqual(
      expect.objectContaining({
        check: 'unrequested',
        verdict: 'wrong',
        found: expect.stringContaining('2 h 10 min'),
      }),
    );
    expect(code).toBe(1);
    const { code: patient } = await readStatus(setup, ['--max-age', '3h']);
    expect(patient).toBe(0);
  });

  test('shows a gap: OMS received less than our lists say', async () => {
    const setup = await setUp();
    await record(setup, 'success_object', 'said to be requested');
    // The newest ten minutes do not count: OMS's figures come late.
    const { code, status } = await readStatus(setup);
    expect([code, verdictOf(status, 'gap')]).toEqual([0, 'ok']);
    const file = await setup.lists.find('oms_source_record/success_object/said to be requested');
    const earlier = new Date(Date.now() - 30 * minutes);
    await utimes(file?.path ?? '', earlier, earlier);
    const later = await readStatus(setup);
    expect([later.code, verdictOf(later.status, 'gap')]).toEqual([1, 'wrong']);
  });

  test('tries again when the store is busy for a moment', async () => {
    const setup = await setUp();
    await record(setup, 'success_object', 'a');
    setup.obs.faults.set([{ operation: 'list', kind: 'answer', status: 503, code: 'SlowDown', times: 2 }]);
    const { code, status } = await readStatus(setup);
    expect([code, status.lists?.requested.entries]).toEqual([0, 1]);
  });

  test('says what it cannot see', async () => {
    const setup = await setUp();
    setup.obs.faults.set([{ kind: 'answer', status: 403, code: 'AccessDenied' }]);
    const closed = await readStatus(setup);
    expect([closed.code, closed.status.lists]).toEqual([1, undefined]);
    setup.obs.faults.clear();
    setup.oms.faults.set([{ kind: 'answer', status: 500, everywhere: true }]);
    const away = await readStatus(setup);
    expect([away.code, away.status.statistics]).toEqual([1, undefined]);
  });

  test('--watch shows it again until Ctrl-C', async () => {
    const setup = await setUp();
    const child = startCli(['--json', 'status', '--watch', '0.01'], setup.env);
    let output = '';
    let errors = '';
    child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
    // Often enough for Node.js to warn of listeners that are left behind.
    const often = new Promise<void>((resolve) => {
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        if (output.split('\n').length > 12) resolve();
      });
    });
    await often;
    child.kill('SIGINT');
    const [code] = (await once(child, 'close')) as [number | null];
    expect([code, errors]).toEqual([0, '']);
    for (const line of output.trim().split('\n')) expect(JSON.parse(line)).toHaveProperty('findings');
  });

  test('called wrongly, it does nothing', async () => {
    const setup = await setUp();
    for (const args of [
      ['--since', 'yesterday'],
      ['--watch', 'often'],
      ['--max-age', '-1h'],
    ]) {
      expect([args, (await runCli(['status', ...args], setup.env)).code]).toEqual([args, 2]);
    }
    expect((await runCli(['status'], {})).code).toBe(2);
    expect(setup.oms.requestCount).toBe(0);
  });
});
