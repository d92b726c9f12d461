import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { testKeys } from '@oms-sync/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseCommandLine, runCommand, UsageError } from './command-line.ts';

const environment = {
  OMS_STANDIN_ACCESS_KEY: testKeys.accessKey,
  OMS_STANDIN_SECRET_KEY: testKeys.secretKey,
};

describe('the command line', () => {
  test('gives options', () => {
    const args = '--buckets b --port 7080 --project p --copy-delay 0 --create-task src:dst --host ::1';
    expect(parseCommandLine(args.split(' '), { ...environment, OMS_STANDIN_SECURITY_TOKEN: '' })).toEqual({
      help: false,
      options: {
        buckets: 'b',
        host: '::1',
        port: 7080,
        projectId: 'p',
        copyDelayMs: 0,
        accessKey: testKeys.accessKey,
        secretKey: testKeys.secretKey,
        securityToken: undefined,
      },
      tasks: [{ srcBucket: 'src', dstBucket: 'dst' }],
    });
    expect(parseCommandLine(['--help'], {})).toEqual({ help: true });
  });

  test.each([
    [[], environment, '--buckets DIR is needed'],
    [['--buckets', 'b'], {}, 'OMS_STANDIN_ACCESS_KEY is needed'],
    [['--buckets', 'b'], { ...environment, OMS_STANDIN_SECRET_KEY: '' }, 'OMS_STANDIN_SECRET_KEY is needed'],
    [['--buckets', 'b', '--port', '65536'], environment, '--port: expected a whole number up to 65535'],
    [['--buckets', 'b', '--copy-delay', 'soon'], environment, '--copy-delay: expected a whole number'],
    [['--buckets', 'b', '--create-task', 'src'], environment, '--create-task: expected SRC:DST, got src'],
    [['--bucket', 'b'], environment, '--bucket'],
    [['b'], environment, "'b'"],
  ])('%j is refused', (args, variables, message) => {
    expect(() => parseCommandLine(args, variables)).toThrow(UsageError);
    expect(() => parseCommandLine(args, variables)).toThrow(message);
  });
});

describe('the program', () => {
  test('prints where it listens and the address of each task', async () => {
    const buckets = await mkdtemp(path.join(tmpdir(), 'oms-standin-'));
    onTestFinished(() => rm(buckets, { recursive: true }));
    const args = ['--buckets', buckets, '--create-task', 'one:two', '--create-task', 'two:three'];
    const command = parseCommandLine(args, environment);
    if (command.help) throw new Error('not asked for help');
    const lines: string[] = [];
    const standin = await runCommand(command, (line) => lines.push(line));
    await standin.close();
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain(standin.url);
    expect(lines[2]).toMatch(/^two -> three: sync_url http:.*\/v2\/project\/sync-tasks\/[\w-]+\/events$/);

    const wrong = { ...command, tasks: [{ srcBucket: '..', dstBucket: 'two' }] };
    await expect(runCommand(wrong, () => {})).rejects.toThrow('src_bucket');
  });
});
