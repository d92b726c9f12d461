import { mkdir, mkdtemp, readdir, readFile, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCli, setUp, type Setup } from './cli.test-help.ts';

const sides = ['reconcile', '--source', 'obs://photos', '--destination', 'obs://copies'];

interface Result {
  readonly equal: boolean;
  readonly missing: { readonly objects: number };
  readonly reasons: readonly unknown[];
  readonly [field: string]: unknown;
}

/** A setup with a folder for files, and its destination. */
async function prepare(names: readonly string[] = []) {
  const setup = await setUp();
  const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-cli-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const copies = new ObjectFolder(path.join(path.dirname(setup.source.root), 'copies'));
  await setup.source.delete('in/a.jpg');
  for (const name of names) await setup.source.write(name, name);
  const run = async (...args: string[]) => {
    const ended = await runCli(['--json', ...sides, ...args], setup.env);
    return { ...ended, result: (ended.stdout === '' ? undefined : JSON.parse(ended.stdout)) as Result };
  };
  return { ...setup, folder, copies, run };
}

async function copyAll({ oms, source, taskId, env }: Setup): Promise<void> {
  const names = (await source.list()).map(({ key }) => key);
  await runCli(['request', ...names], env);
  expect(taskId).not.toBe('');
  await oms.idle();
}

/** Names whose order in UTF-8 is not that in UTF-16, and some that begin like others. */
const ugly = ['\u{1F600}.jpg', '\uFF5E.jpg', 'a', 'a.b', 'a/b', 'é', 'e\u0301', 'with space+plus%20.jpg'];

describe('reconcile', () => {
  test('of equal buckets: exit code 0, no gap, whatever the names', async () => {
    const setup = await prepare(ugly);
    await copyAll(setup);
    const { code, result } = await setup.run();
    expect(result).toMatchObject({ equal: true, same: { objects: ugly.length }, extra: { objects: 0 } });
    expect(code).toBe(0);
    const shown = await runCli(sides, setup.env);
    expect(shown.stdout).toContain('Source and destination are equal.');
  });

  test('reads the destination with its own keys, if they are set', async () => {
    const setup = await prepare(['a']);
    const keys = { destination_ak: 'ANOTHER-PAIR-OF-KEYS', destination_sk: setup.env['hw_sk'] };
    const { code, stderr } = await runCli([...sides, '--no-reasons'], { ...setup.env, ...keys });
    expect(stderr).toMatch(/^obs:\/\/copies\/: the listing failed: HTTP 403 InvalidAccessKeyId/);
    expect(code).toBe(1);
  });

  test('says what is missing, stale and extra, and why', async () => {
    const setup = await prepare(['kept', 'changed', 'touched', 'in/refused']);
    await copyAll(setup);
    await setup.copies.delete('in/refused');
    await setup.source.write('changed', 'longer than before');
    const touched = await setup.source.find('touched');
    const later = new Date(Date.now() + 5000);
    await utimes(touched?.path ?? '', later, later);
    await setup.copies.write('only here', '');
    await setup.source.write('in/unseen', '');
    await setup.source.write('in/failed', '');
    await setup.lists.write(
      'oms_source_record/failed_object/in/refused',
      JSON.stringify({
        name: 'in/refused',
        reason_class: 'refused',
        error_code: 'OMS.0064',
        error_message: 'Invalid request parameters.',
        recorded_at: new Date().toISOString(),
      }),
    );
    await setup.copies.write(
      `oms/syncTask/${setup.taskId}/failed_object_lists/1.failed_list.txt`,
      'NoSuchKey\t2026-01-02T03:04:05Z\tin%2Ffailed\tin/failed\tThe specified key does not exist.\nnonsense\n',
    );
    const jsonl = path.join(setup.folder, 'gaps.jsonl');
    const { code, result, stderr } = await setup.run('--until', '2099-01-01', '--jsonl', jsonl);
    expect(code).toBe(1);
    expect(result).toMatchObject({
      equal: false,
      same: { objects: 1 },
      missing: { objects: 3 },
      stale: { objects: 2 },
      extra: { objects: 1 },
    });
    expect(stderr).toBe("1 line of OMS's failed lists could not be understood.\n");
    const lines = (await readFile(jsonl, 'utf8')).trim().split('\n');
    const gaps = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(gaps.map(({ name, kind, reason, because }) => [name, kind, reason, because])).toEqual([
      ['changed', 'stale', 'no event', 'size'],
      ['in/failed', 'missing', 'OMS failed: NoSuchKey', undefined],
      ['in/refused', 'missing', 'unrequested: OMS.0064', undefined],
      ['in/unseen', 'missing', 'no event', undefined],
      ['only here', 'extra', 'not at the source', undefined],
      ['touched', 'stale', 'no event', 'newer'],
    ]);
    expect(gaps[1]).toMatchObject({
      error_message: 'The specified key does not exist.',
      reason_time: '2026-01-02T03:04:05.000Z',
    });
    expect(await readdir(setup.folder)).toEqual(['gaps.jsonl']);
  });

  test('requests what is missing and stale, and then the buckets are equal', async () => {
    const setup = await prepare([...ugly, 'changed']);
    await copyAll(setup);
    await setup.source.write('changed', 'longer than before');
    await setup.copies.delete('a/b');
    const dry = await setup.run('--request', '--dry-run');
    expect(dry.code).toBe(1);
    expect(dry.result).toMatchObject({ request: { dry_run: true, wanted: 2, requested: 0 } });
    const before = setup.oms.received.length;
    const { code, result } = await setup.run('--request');
    expect(result).toMatchObject({ equal: false, request: { wanted: 2, requested: 2, unrequested: 0 } });
    expect(code).toBe(0);
    expect(setup.oms.received.slice(before).flatMap(({ names }) => names)).toEqual(['a/b', 'changed']);
    await setup.oms.idle();
    expect((await setup.run()).code).toBe(0);
  });

  test('what could not be requested is on the failed list, and exit code 1', async () => {
    const setup = await prepare(['a', 'b']);
    setup.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: ['b'] }]);
    const { code, result } = await setup.run('--request');
    expect(result).toMatchObject({ request: { wanted: 2, requested: 1, unrequested: 1 } });
    expect(code).toBe(1);
    await setup.oms.idle();
    expect((await setup.run()).result).toMatchObject({
      missing: { objects: 1 },
      reasons: [{ reason: 'unrequested: OMS.0064', objects: 1 }],
    });
  });

  test('leaves out what the settings filter, what is too fresh, and the lists', async () => {
    const setup = await prepare(['in/a', 'in/b.tmp', 'out/c']);
    await setup.copies.write('oms/syncTask/x/success_object_lists/1.success_list.txt', 'a');
    await setup.copies.write('oms_source_record/success_object/in/a', '{}');
    const env = { ...setup.env, include_prefix: 'in/', exclude_suffix: '.tmp' };
    const { code, stdout } = await runCli(['--json', ...sides, '--until', '1h'], env);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      equal: true,
      left_out: { filtered: 2, after_until: 1, before_since: 0, lists: 2 },
    });
  });

  test('of a prefix looks at nothing else', async () => {
    const setup = await prepare(['in/a', 'out/b']);
    await setup.copies.write('out/extra', '');
    const { result } = await setup.run('--prefix', 'in/');
    expect(result).toMatchObject({ missing: { objects: 1 }, extra: { objects: 0 }, source_objects: 1 });
  });
});

describe('a listing that fails', () => {
  /** Both sides hold more than a page; the source is a folder, so that all listings of OBS are of the destination. */
  const sides = async () => {
    const setup = await prepare();
    const source = path.join(setup.folder, 'source');
    const names = Array.from({ length: 1200 }, (_, index) => `name-${String(index).padStart(5, '0')}`);
    for (const root of [source, setup.copies.root]) {
      await mkdir(root, { recursive: true });
      await Promise.all(names.map((name) => writeFile(path.join(root, name), '')));
    }
    const args = ['--source', pathToFileURL(source).href, '--no-reasons'];
    return { ...setup, sourceFolder: source, args };
  };
  type Sides = Awaited<ReturnType<typeof sides>>;
  const refuse = (share: number) =>
    ({ operation: 'list', kind: 'answer', status: 403, code: 'AccessDenied', share }) as const;

  test.each<[string, (setup: Sides) => Promise<unknown> | void, RegExp]>([
    [
      'the source, after a page',
      ({ sourceFolder }) => symlink('.', path.join(sourceFolder, 'z')),
      /^file:.*"z" is a link to a folder/,
    ],
    [
      'the source is not there',
      ({ sourceFolder }) => rm(sourceFolder, { recursive: true }),
      /^file:.*ENOENT/,
    ],
    ['the destination, after a page', ({ obs }) => obs.faults.set([refuse(0.5)]), /^obs:.*AccessDenied/],
    ['the destination may not be listed', ({ obs }) => obs.faults.set([refuse(1)]), /^obs:.*AccessDenied/],
    [
      'the destination is not there',
      ({ copies }) => rm(copies.root, { recursive: true }),
      /^obs:.*NoSuchBucket/,
    ],
  ])('is an error, and never an empty bucket: %s', async (_, breakIt, message) => {
    const setup = await sides();
    await breakIt(setup);
    const [html, jsonl] = [path.join(setup.folder, 'report.html'), path.join(setup.folder, 'gaps.jsonl')];
    const ended = await setup.run(...setup.args, '--request', '--html', html, '--jsonl', jsonl);
    expect(ended.stderr).toMatch(message);
    expect(ended.stdout).toBe('');
    expect(ended.code).toBe(1);
    expect(setup.oms.received).toEqual([]);
    expect((await readdir(setup.folder)).filter((name) => name !== 'source')).toEqual([]);
  });

  test('and of lists that cannot be read nothing is concluded either', async () => {
    const setup = await prepare(['a']);
    setup.obs.faults.set([
      { operation: 'list', keyPrefix: 'oms/', kind: 'answer', status: 403, code: 'AccessDenied' },
    ]);
    const { code, stdout, stderr } = await setup.run('--request');
    expect(stderr).toMatch(/^obs:\/\/copies\/: OMS's list oms\/syn could not be read: .*AccessDenied/);
    expect(stdout).toBe('');
    expect(code).toBe(1);
    expect(setup.oms.received).toEqual([]);
    expect((await setup.run('--no-reasons', '--request')).code).toBe(0);
  });
});

describe('reconcile called wrongly ends with 2', () => {
  test.each([
    [['--destination', 's3://copies'], /--destination: expected obs:\/\/bucket/],
    [['--destination', 'copies'], /--destination: expected an address/],
    [['--dry-run'], /--dry-run: expected --request/],
    [['--rate', '5'], /--rate: expected --request/],
    [['--since', '1h', '--until', '2h'], /--since: expected a time before/],
    [['--source', 'obs://photos/in/', '--prefix', 'out/'], /--prefix: no name begins with both/],
    [['--html', '/nowhere/report.html'], /--html: .*ENOENT/],
    [['--jsonl', '-'], /--jsonl - and --json both/],
  ])('%j', async (args, message) => {
    const { run } = await prepare();
    const { code, stdout, stderr } = await run(...args);
    expect(stderr).toMatch(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });
});
