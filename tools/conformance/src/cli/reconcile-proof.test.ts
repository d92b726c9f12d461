// The proof of the whole way: events get lost and objects fail, and `reconcile --request` with one `failed replay` brings
// source and destination to equality. OMS_SYNC_PROOF_OBJECTS=100000 is its long form;
// OMS_SYNC_PROOF_REPORTS is a folder for the two reports.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { functiongraph } from '@oms-sync/function-hosts';
import { expect, onTestFinished, test } from 'vitest';
import { runCli, setUp, type Setup } from './cli.test-help.ts';

const objects = Number(process.env['OMS_SYNC_PROOF_OBJECTS'] ?? 1000);
const dist = path.resolve(import.meta.dirname, '../../../../dist');
const changesInAnEvent = 1000;
const started = Date.now();

/** Of each hundred objects: three whose event is withheld, one that OMS refuses, one that it cannot copy. */
function findFate(index: number): 'withheld' | 'refused' | 'uncopied' | 'synchronized' {
  const place = index % 100;
  if (place < 3) return 'withheld';
  if (place === 3) return 'refused';
  return place === 4 ? 'uncopied' : 'synchronized';
}

const makeName = (index: number) =>
  `album-${String(index % 40).padStart(2, '0')}/${String(index).padStart(7, '0')}${['', ' a+b', '中', '\u{1F600}', '\uFF5E'][Math.floor(index / 100) % 5]}.jpg`;

test(
  `of ${objects} objects, 3 % without an event and 2 % failed, all are at the destination in the end`,
  { timeout: 20 * 60_000 },
  async () => {
    const setup = await setUp();
    await setup.source.delete('in/a.jpg');
    const env = { ...setup.env, log_layout: 'list' };
    const names = Array.from({ length: objects }, (_, index) => ({
      name: makeName(index),
      fate: findFate(index),
    }));
    const of = (...fates: string[]) =>
      names.flatMap(({ name, fate }) => (fates.includes(fate) ? [name] : []));

    await create(setup, of('withheld', 'refused', 'synchronized'));
    setup.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', names: of('refused') }]);
    await deliver(env, of('refused', 'uncopied', 'synchronized'));
    await setup.oms.idle();
    await create(setup, of('uncopied')); // They come when OMS has looked for them in vain.
    setup.oms.faults.clear();
    report('the function has requested what it got events of');

    const before = await reconcile(setup, env, 'before.html');
    expect(before.code).toBe(1);
    expect(before.result).toMatchObject({
      missing: { objects: of('withheld', 'refused', 'uncopied').length },
      stale: { objects: 0 },
      extra: { objects: 0 },
    });
    expect(before.result.reasons).toEqual([
      { reason: 'no event', objects: of('withheld').length },
      ...[
        { reason: 'OMS failed: NoSuchKey', objects: of('uncopied').length },
        { reason: 'unrequested: OMS.0064', objects: of('refused').length },
      ].map((reason) => expect.objectContaining({ objects: reason.objects }) as unknown),
    ]);

    const mending = await reconcile(setup, env, undefined, '--request');
    expect(mending.result).toMatchObject({ request: { unrequested: 0, requested: objects * 0.05 } });
    expect(mending.code).toBe(0);
    const replay = await runCli(['--json', 'failed', 'replay'], env);
    expect(replay.stderr).toBe('');
    expect(replay.code).toBe(0);
    report('failed replay');
    await setup.oms.idle();

    const after = await reconcile(setup, env, 'after.html');
    expect(after.result).toMatchObject({ equal: true, same: { objects }, reasons: [] });
    expect(after.code).toBe(0);
    // The failed list is empty too.
    expect(await setup.lists.list('oms_source_record/failed_object/')).toEqual([]);
  },
);

interface Result {
  readonly reasons: readonly { readonly reason: string; readonly objects: number }[];
  readonly seconds: number;
  readonly source_objects: number;
  readonly [field: string]: unknown;
}

async function reconcile(
  { source }: Setup,
  env: Setup['env'],
  htmlName: string | undefined,
  ...args: string[]
) {
  const reports = process.env['OMS_SYNC_PROOF_REPORTS'];
  const html = htmlName && reports ? ['--html', path.join(reports, htmlName)] : [];
  const { code, stdout, stderr } = await runCli(
    [
      '--json',
      'reconcile',
      '--source',
      pathToFileURL(source.root).href,
      '--destination',
      'obs://copies',
      ...html,
      ...args,
    ],
    env,
  );
  expect(stdout, stderr).not.toBe('');
  const result = JSON.parse(stdout) as Result;
  report(`reconcile ${args.join(' ')}: ${JSON.stringify({ ...result, folders: undefined })}`);
  if (html[1] !== undefined) expect(await readFile(html[1], 'utf8')).toContain('</html>');
  return { code, result };
}

/** Straight into the folder, without waiting for the disk. */
async function create({ source }: Setup, names: readonly string[]): Promise<void> {
  const folders = new Set(names.map((name) => path.dirname(path.join(source.root, name))));
  for (const folder of folders) await mkdir(folder, { recursive: true });
  for (let start = 0; start < names.length; start += 500) {
    const part = names.slice(start, start + 500);
    await Promise.all(part.map((name) => writeFile(path.join(source.root, name), name)));
  }
}

/** Has the function of FunctionGraph handle the events. */
async function deliver(settings: Readonly<Record<string, string>>, names: readonly string[]): Promise<void> {
  const running = functiongraph.start({
    code: path.join(dist, 'apps/functiongraph'),
    runtimes: path.join(dist, 'tools/function-hosts'),
    settings: { ...settings, log_level: 'error' },
    timeoutSeconds: 300,
  });
  onTestFinished(() => running.stop());
  for (let start = 0; start < names.length; start += changesInAnEvent) {
    const part = names.slice(start, start + changesInAnEvent);
    const changes = part.map((name) => ({ name, kind: 'created', bucket: 'photos' }) as const);
    const { error, returned } = await running.deliver(functiongraph.channels[0], changes);
    expect(error).toBeUndefined();
    expect(returned).toEqual([]);
  }
}

/** In the long form, for people. */
function report(line: string): void {
  if (objects > 1000) console.log(`${((Date.now() - started) / 1000).toFixed(0)} s: ${line}`);
}
