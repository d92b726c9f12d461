import { testKeys, uglyNames } from '@oms-sync/testing';
import { describe, expect, test } from 'vitest';
import { runCli, setUp, type Setup } from './cli.test-help.ts';

function withKeys({ env, obs }: Setup): Record<string, string> {
  const { accessKey: source_ak, secretKey: source_sk } = testKeys;
  return { ...env, source_ak, source_sk, destination_obs_endpoint: obs.url.href };
}

async function copied({ destination }: Setup): Promise<string[]> {
  return (await destination.list()).map(({ key }) => key).filter((key) => !key.startsWith('oms/'));
}

const via = ['backfill', '--via', 'migration-task', '--watch'];

describe('backfill --via migration-task', () => {
  test('has OMS copy a prefix, without listing anything', async () => {
    const setup = await setUp();
    for (const name of ['in/b', 'out/c', 'in/d e+%']) await setup.source.write(name, name);
    const dry = await runCli([...via, '--prefix', 'in/', '--dry-run'], withKeys(setup));
    expect([dry.code, dry.stderr, setup.oms.migrationTasks]).toEqual([0, '', []]);
    expect(dry.stdout).toContain('names begin with "in/" from photos to copies');
    const { code, stdout, stderr } = await runCli([...via, '--prefix', 'in/'], withKeys(setup));
    expect(stderr).toBe('');
    expect(stdout).toMatch(/task \d+: succeeded, 3 objects copied/);
    expect(code).toBe(0);
    expect(await copied(setup)).toEqual(['in/a.jpg', 'in/b', 'in/d e+%']);
    expect(setup.obs.requests).toEqual([]);
  });

  test('takes the folder of --source as the prefix, and no other bucket than that of the task', async () => {
    const setup = await setUp();
    for (const name of ['in/b', 'out/c']) await setup.source.write(name, name);
    const { code } = await runCli([...via, '--source', 'obs://photos/out'], withKeys(setup));
    expect([code, await copied(setup)]).toEqual([0, ['out/c']]);
    const other = await runCli([...via, '--source', 'obs://other'], withKeys(setup));
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringContaining('expected that one, found other'),
    ]);
    const outside = await runCli(
      [...via, '--source', 'obs://photos/out', '--prefix', 'in/'],
      withKeys(setup),
    );
    expect(outside.code).toBe(2);
  });

  test('writes lists of names where a prefix does not say which objects are meant', async () => {
    const setup = await setUp();
    const names = uglyNames.filter((name) => Buffer.byteLength(name) < 200).slice(0, 12);
    for (const name of names) await setup.source.write(name, name);
    await setup.source.write('too large', 'x'.repeat(2000));
    await setup.source.write('left out.tmp', 'x');
    const env = { ...withKeys(setup), exclude_suffix: '.tmp' };
    const args = [...via, '--source', 'obs://photos', '--max-size', '1k'];
    const without = await runCli(args, env);
    expect([without.code, without.stderr]).toEqual([2, expect.stringContaining('--lists: expected obs://')]);
    const { code, stdout, stderr } = await runCli([...args, '--lists', 'obs://lists/oms'], env);
    expect(stderr).toBe('');
    expect(stdout).toMatch(new RegExp(`^${names.length + 1} names in 1 list file\\.`));
    expect(code).toBe(0);
    expect((await copied(setup)).sort()).toEqual([...names, 'in/a.jpg'].sort());
  });

  test('says nothing of a key that stands where its file should be named', async () => {
    const setup = await setUp();
    const env = {
      ...setup.env,
      source_cloud: 'Google',
      source_json_auth_file: `{"private_key":"${testKeys.secretKey}"}`,
    };
    const { code, stdout, stderr } = await runCli(via, env);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^source_json_auth_file: expected the path .*, and it cannot be read: ENOENT\n$/);
  });

  test('leaves our own lists out of the lists of names', async () => {
    const setup = await setUp();
    await setup.source.write('oms_source_record/success_object/in/a.jpg', '{}');
    const env = { ...withKeys(setup), log_bucket: 'photos' };
    const args = [...via, '--source', 'obs://photos', '--max-size', '1k', '--lists', 'obs://lists/oms'];
    expect((await runCli(args, env)).code).toBe(0);
    expect(await copied(setup)).toEqual(['in/a.jpg']);
  });

  test('says what does not go together', async () => {
    const setup = await setUp();
    for (const args of [
      [...via, '--rate', '5'],
      [...via, '--checkpoint', 'file'],
      ['backfill', '--source', 'obs://photos', '--watch'],
      ['backfill', '--source', 'obs://photos', '--lists', 'obs://lists'],
      ['backfill', '--via', 'magic'],
    ]) {
      const { code, stderr } = await runCli(args, withKeys(setup));
      expect([args, code, stderr]).toEqual([args, 2, expect.stringMatching(/--|events, migration-task/)]);
    }
    expect(setup.oms.migrationTasks).toEqual([]);
  });
});
