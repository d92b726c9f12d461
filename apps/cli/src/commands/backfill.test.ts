import { testKeys } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import { run } from '../program.ts';

// What it does is tested with the built tool, in tools/chaos.

const env = {
  sync_url: 'https://oms.cn-north-4.myhuaweicloud.com/v2/project/sync-tasks/task/events',
  log_bucket: 'file:///nowhere',
  hw_ak: testKeys.accessKey,
  hw_sk: testKeys.secretKey,
};

async function call(options: readonly string[], settings = {}) {
  let output = '';
  const stream = { write: (text: string) => (output += text) };
  const code = await run(['node', 'oms-sync', 'backfill', ...options], {
    stdout: stream,
    stderr: stream,
    env: { ...env, ...settings },
  });
  return { code, output };
}

describe('oms-sync backfill', () => {
  it.each([
    [[], /expected one of them/],
    [['--source', 'file:///a', '--inventory', 'az:a'], /expected one of them/],
    [['--source', 'photos'], /--source: expected obs:\/\/bucket/],
    [['--source', 'ftp://photos'], /--source: expected obs:\/\/bucket/],
    [['--source', 'obs://photos'], /--source-endpoint: expected the OBS domain name/],
    [
      ['--source', 'obs://photos', '--source-endpoint', 'http://obs.example.com'],
      /--source-endpoint: expected/,
    ],
    [['--inventory', 'az:/nowhere'], /--inventory: .*ENOENT/],
    [['--inventory', 'photos'], /--inventory: expected s3:path/],
    [['--source', 'file:///a', '--since', 'yesterday'], /Expected a time/],
    [['--source', 'file:///a', '--since', '2026-02-30'], /Expected a time/],
    [['--source', 'file:///a', '--min-size', '10 MB'], /Expected a size/],
    [['--source', 'file:///a', '--since', '1d', '--until', '7d'], /--since: expected a time before/],
    [['--source', 'file:///a', '--min-size', '2', '--max-size', '1'], /--min-size: expected no more than/],
    [['--source', 'file:///a', '--parallel', '1000000'], /Expected a whole number from 1 to 100/],
    [['--source', 'file:///a', '--parallel', '0.5'], /Expected a whole number from 1 to 100/],
  ])('called with %j exits with 2', async (options, message) => {
    const { code, output } = await call(options);
    expect(output).toMatch(message);
    expect(code).toBe(2);
  });

  it('with half the keys of the source exits with 2', async () => {
    const { code, output } = await call(['--source', 's3://photos'], { source_ak: testKeys.accessKey });
    expect(output).toMatch(/source_ak, source_sk: expected both or neither/);
    expect(code).toBe(2);
  });

  it('explains itself', async () => {
    const { code, output } = await call(['--help']);
    for (const text of ['--inventory', '--until', 'source_ak', 'no object is', 'Examples:']) {
      expect(output).toContain(text);
    }
    expect(code).toBe(0);
  });
});
