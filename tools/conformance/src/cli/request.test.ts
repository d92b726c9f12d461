import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runCli, setUp, startCli, type Setup } from './cli.test-help.ts';

const received = ({ oms }: Setup) => oms.received.flatMap(({ names }) => names).sort();

describe('request', () => {
  test('names from arguments, as they are', async () => {
    const setup = await setUp();
    const names = ['a b', 'c+d', 'e%2Ff', 'ü\u0308', '--json'];
    const { code, stdout } = await runCli(['request', '--', ...names], setup.env);
    expect(code).toBe(0);
    expect(stdout).toMatch(/received {2,}5\n *requested {2,}5/);
    expect(received(setup)).toEqual([...names].sort());
    expect(await setup.lists.read('oms_source_record/success_object/e%2Ff')).toBeDefined();
  });

  test('names from standard input, a name a line', async () => {
    const setup = await setUp();
    const input = '\u{FEFF}first\r\nsecond\n\nthird\nsecond\nlast';
    const { code, stdout } = await runCli(['request', '-', '--json'], setup.env, input);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { received: 5, requested: 4, merged: 1 }]);
    expect(received(setup)).toEqual(['first', 'last', 'second', 'third']);
  });

  test('names that end with NUL; bytes that are no UTF-8 are one bad record', async () => {
    const setup = await setUp();
    const input = Buffer.concat([
      Buffer.from('a\nb\0c\r\0'),
      Buffer.from([0x78, 0xff]),
      Buffer.from('\0d\0'),
    ]);
    const dry = await runCli(['request', '-', '-0', '--dry-run'], setup.env, input);
    expect([dry.code, received(setup)]).toEqual([1, []]);
    expect(dry.stderr).toContain('no UTF-8');
    const { code, stdout } = await runCli(['request', '-', '-0', '--json'], setup.env, input);
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { received: 4, requested: 3, unrequested: 1, codes: { InvalidName: 1 } },
    ]);
    expect(received(setup)).toEqual(['a\nb', 'c\r', 'd']);
    const list = await runCli(['failed', 'list'], setup.env);
    expect(list.stdout).toContain(String.raw`x\xff (no name)`);
  });

  test('many, with filters, in parts', async () => {
    const setup = await setUp();
    const input = Array.from(
      { length: 2500 },
      (_, index) => `${index % 5 === 0 ? 'tmp' : 'in'}/${index}\n`,
    ).join('');
    const env = { ...setup.env, exclude_prefix: 'tmp/', log_layout: 'list' };
    const { code, stdout } = await runCli(['request', '-', '--json'], env, input);
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { received: 2500, requested: 2000, filtered: 500 }]);
    expect(received(setup)).toHaveLength(2000);
  });

  test('ends when OMS accepts nobody, and says how far it came', async () => {
    const setup = await setUp();
    const input = Array.from({ length: 2500 }, (_, index) => `${index}\n`).join('');
    const env = {
      ...setup.env,
      hw_sk: 'another',
      log_layout: 'list',
      log_bucket: pathToFileURL(setup.lists.root).href,
    };
    const { code, stderr } = await runCli(['request', '-'], env, input);
    expect(code).toBe(1);
    expect(stderr).toMatch(/after 1,000 names/);
  });

  test('Ctrl-C ends it, also while it waits for names', async () => {
    const setup = await setUp();
    const child = startCli(['request', '-'], { ...setup.env, log_layout: 'list' });
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    child.stdin.write('name\n'.repeat(1500));
    while (setup.oms.requestCount === 0) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGINT');
    expect(await ended).toBe(1);
    expect(stderr).toContain('after 1,000 names');
  });

  test('ends without a word when nobody reads on', async () => {
    const setup = await setUp();
    const child = startCli(['request', '-', '--dry-run'], setup.env);
    let stderr = '';
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.stdout.once('data', () => child.stdout.destroy());
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    child.stdin.on('error', () => undefined); // It may be gone before it has read everything.
    child.stdin.end(Array.from({ length: 100_000 }, (_, index) => `${index}\n`).join(''));
    expect([await ended, stderr]).toEqual([1, '']);
  });

  test.each([
    [['request']],
    [['request', '-', 'a']],
    [['request', 'a', '--null']],
    [['request', 'a', '--rate', '0']],
  ])('called wrongly: %j', async (args) => {
    expect((await runCli(args, (await setUp()).env)).code).toBe(2);
  });
});
