import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificate } from '@oms-sync/testing';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runCli, setUp, type Setup } from './cli.test-help.ts';

interface Finding {
  readonly check: string;
  readonly verdict: string;
  readonly found: string;
  readonly mend?: string;
}

/** What is done to a setup that is right, and how the tool is called then. */
interface Breakage {
  readonly options?: Parameters<typeof setUp>[0];
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** Runs `doctor` on a setup after something was done to it. */
async function examine(
  options: Parameters<typeof setUp>[0],
  breakIt: (setup: Setup) => Breakage | Promise<Breakage> = () => ({}),
): Promise<{ code: number | null; findings: Finding[]; setup: Setup }> {
  const setup = await setUp(options);
  const { env, args = [] } = await breakIt(setup);
  const { code, stdout, stderr } = await runCli(
    ['--json', 'doctor', '--source', 'obs://photos/in', ...args],
    { ...setup.env, ...env },
  );
  expect(stderr).toBe('');
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return { code, findings, setup };
}

/** A server in place of OMS. */
async function serve(listener: RequestListener, isTls = false): Promise<string> {
  const server = isTls ? createTlsServer(makeCertificate(), listener) : createHttpServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return `${isTls ? 'https' : 'http'}://127.0.0.1:${port}/v2/project/sync-tasks/task/events`;
}

const of = (findings: readonly Finding[], verdict: string) =>
  findings.filter((finding) => finding.verdict === verdict).map(({ check }) => check);

const minutes = 60_000;
const refused = (operation: 'put' | 'list' | 'delete' | 'get', keyPrefix: string) =>
  ({ operation, keyPrefix, kind: 'answer', status: 403, code: 'AccessDenied' }) as const;

describe('doctor finds nothing wrong with a setup that is right', () => {
  test('and leaves no trace in the log bucket, at the source or in OMS', async () => {
    const { code, findings, setup } = await examine({});
    expect(of(findings, 'wrong')).toEqual([]);
    expect(of(findings, 'warning')).toEqual(['setting sync_url', 'setting obs_endpoint']);
    expect(of(findings, 'not checked')).toEqual(['permission']);
    expect(code).toBe(0);
    expect(await setup.lists.list('')).toEqual([]);
    expect(setup.oms.received).toEqual([]);
    const written = setup.obs.requests.filter(({ operation }) => operation === 'put');
    expect(written).toMatchObject([
      { bucket: 'lists', key: expect.stringMatching(/^oms_source_record\/\.probe\//) as unknown },
    ]);
  });

  test('and says so to people, in lines that fit', async () => {
    const { env, taskId } = await setUp();
    const { code, stdout } = await runCli(['doctor'], env);
    expect(code).toBe(0);
    expect(stdout).toContain(`\nok           task                  ${taskId} exists\n`);
    expect(stdout).toMatch(/\n2 warnings, \d+ ok, 3 not checked\n$/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(100);
  });
});

/** [what is broken, how, the check that finds it, what it says, how to mend it, exit code] */
const broken: readonly (readonly [
  what: string,
  options: Parameters<typeof setUp>[0],
  breakIt: (setup: Setup) => Breakage | Promise<Breakage>,
  check: string,
  found: RegExp,
  mend: RegExp,
])[] = [
  [
    'a wrong secret key',
    {},
    () => ({ env: { hw_sk: 'not-the-right-one' } }),
    'keys',
    /APIG\.0301/,
    /check hw_ak and hw_sk/,
  ],
  [
    'a clock that is 20 minutes behind',
    { clock: () => Date.now() + 20 * minutes },
    () => ({}),
    'clock',
    /this machine is (19 min 5\d s|20 min) behind OMS/,
    /timedatectl set-ntp true/,
  ],
  [
    'an unknown task',
    {},
    ({ oms }) => ({ env: { sync_url: oms.syncUrl('other') } }),
    'task',
    /OMS\.0054/,
    /copy the id/,
  ],
  [
    'a stopped task',
    {},
    ({ oms, taskId }) => (oms.stopTask(taskId), {}),
    'task state',
    /STOPPED/,
    /start it in the OMS console/,
  ],
  [
    'a task of another bucket',
    { task: { srcBucket: 'videos' } },
    () => ({}),
    'task source',
    /videos.*not photos/,
    /create a task/,
  ],
  [
    'a task of another cloud',
    { task: { srcCloudType: 'AWS' } },
    () => ({}),
    'task source',
    /AWS.*not one of HuaweiCloud/,
    /create a task/,
  ],
  [
    'an unsupported region',
    { task: { dstRegion: 'eu-west-101' } },
    () => ({}),
    'region',
    /eu-west-101/,
    /cn-north-4/,
  ],
  [
    'no log bucket',
    {},
    () => ({ env: { log_bucket: 'nowhere' } }),
    'log bucket write',
    /NoSuchBucket/,
    /create the bucket/,
  ],
  [
    'a log bucket that cannot be written',
    {},
    ({ obs }) => (obs.faults.set([refused('put', 'oms_source_record/')]), {}),
    'log bucket write',
    /403 AccessDenied/,
    /obs:object:PutObject/,
  ],
  [
    'a log bucket that cannot be listed',
    {},
    ({ obs }) => (obs.faults.set([refused('list', 'oms_source_record/')]), {}),
    'log bucket list',
    /403 AccessDenied/,
    /obs:bucket:ListBucket/,
  ],
  [
    'a log bucket in which nothing can be removed',
    {},
    ({ obs }) => (obs.faults.set([refused('delete', '')]), {}),
    'log bucket remove',
    /403 AccessDenied.*oms_source_record\/\.probe\/.* is left behind/,
    /obs:object:DeleteObject/,
  ],
  [
    'a log bucket that cannot be read',
    {},
    ({ obs }) => (obs.faults.set([refused('get', '')]), {}),
    'log bucket read',
    /403 AccessDenied/,
    /obs:object:GetObject/,
  ],
  [
    'a log bucket that is the source',
    {},
    () => ({ env: { log_bucket: 'photos' } }),
    'log bucket place',
    /is the source bucket/,
    /choose another bucket/,
  ],
  [
    'a host that nobody knows',
    {},
    () => ({ env: { sync_url: 'https://oms.cn-north-4.invalid/v2/p/sync-tasks/t/events' } }),
    'sync_url',
    /nobody knows the host oms\.cn-north-4\.invalid/,
    /check the host/,
  ],
  [
    'a host that refuses',
    {},
    async ({ oms, env }) => (await oms.close(), { env }),
    'sync_url',
    /refuses the connection/,
    /host and port/,
  ],
  [
    'a host that does not answer',
    {},
    ({ oms }) => (oms.faults.set([{ kind: 'black-hole', everywhere: true }]), { args: ['--timeout', '0.3'] }),
    'sync_url',
    /no answer within 300 ms/,
    /let https out/,
  ],
  [
    'a certificate that is not trusted',
    {},
    async () => ({ env: { sync_url: await serve((_, response) => response.end(), true) } }),
    'sync_url',
    /certificate .* is not trusted/,
    /NODE_EXTRA_CA_CERTS/,
  ],
  [
    'a login page in between',
    {},
    async () => ({ env: { sync_url: await serve((_, response) => response.end('<html>Log in</html>')) } }),
    'sync_url',
    /something else than OMS/,
    /proxy or a login page/,
  ],
  [
    'a proxy that forbids it',
    {},
    async () => ({
      env: { sync_url: await serve((_, response) => response.writeHead(403).end('<html>Denied</html>')) },
    }),
    'sync_url',
    /something else than OMS.*Denied/,
    /proxy or a login page/,
  ],
  [
    'OMS out of order',
    {},
    ({ oms }) => (oms.faults.set([{ kind: 'answer', status: 503, everywhere: true }]), {}),
    'sync_url',
    /does not serve/,
    /try again/,
  ],
  [
    'keys that may not request',
    {},
    ({ oms }) => (oms.faults.set([{ kind: 'answer', status: 403, errorCode: 'OMS.0072' }]), {}),
    'permission',
    /may not request objects: OMS\.0072/,
    /oms:synctask:createEvent/,
  ],
  [
    'a source that cannot be listed',
    {},
    ({ obs }) => (obs.faults.set([refused('list', 'in/')]), {}),
    'source list',
    /obs:\/\/photos\/in\/.*403 AccessDenied/,
    /permission to list it/,
  ],
  [
    'keys of another project',
    {},
    ({ env }) => ({ env: { sync_url: env['sync_url']?.replace('/project/', '/other/') ?? '' } }),
    'keys',
    /not let into the project/,
    /copy sync_url/,
  ],
  [
    'a setting that is missing',
    {},
    () => ({ env: { log_bucket: '' } }),
    'setting log_bucket',
    /nothing, expected where the lists go/,
    /set log_bucket/,
  ],
  [
    'plain http to another machine',
    {},
    () => ({ env: { sync_url: 'http://oms.example/v2/p/sync-tasks/t/events' } }),
    'setting sync_url',
    /expected an address https/,
    /set sync_url/,
  ],
];

describe('doctor finds', () => {
  test.each(broken)('%s', async (_, options, breakIt, check, found, mend) => {
    const result = await examine(options, breakIt);
    const finding = result.findings.find((each) => each.check === check);
    expect(finding).toMatchObject({ verdict: 'wrong' });
    expect(finding?.found).toMatch(found);
    expect(finding?.mend).toMatch(mend);
    expect(result.code).toBe(check.startsWith('setting') ? 2 : 1);
  });

  test('all wrong settings at once, and checks what can be checked all the same', async () => {
    const { code, findings } = await examine({}, () => ({
      env: { sync_url: 'ftp://x', log_layout: 'both' },
    }));
    expect(of(findings, 'wrong')).toEqual(['setting sync_url', 'setting log_layout']);
    expect(of(findings, 'not checked')).toEqual([
      'sync_url',
      'keys',
      'clock',
      'task',
      'task state',
      'task source',
      'region',
      'permission',
    ]);
    expect(of(findings, 'ok')).toContain('log bucket remove');
    expect(code).toBe(2);
  });
});

describe('doctor warns of', () => {
  test('a clock that is six minutes off', async () => {
    const { code, findings } = await examine({ clock: () => Date.now() - 6 * minutes });
    expect(of(findings, 'warning')).toContain('clock');
    expect(code).toBe(0);
  });

  test('a key with a line break behind it, which it works with', async () => {
    const { findings } = await examine({}, ({ env }) => ({ env: { hw_sk: `${env['hw_sk']}\n` } }));
    expect(of(findings, 'warning')).toContain('setting hw_sk');
    expect(of(findings, 'ok')).toContain('keys');
  });

  test('lists in the destination bucket', async () => {
    const { findings } = await examine({}, () => ({ env: { log_bucket: 'copies' } }));
    expect(of(findings, 'warning')).toContain('log bucket place');
  });

  test('a bucket of AWS outside China', async () => {
    const { findings } = await examine({ task: { srcCloudType: 'AWS', srcRegion: 'us-east-1' } });
    expect(of(findings, 'warning')).toContain('region of AWS');
  });

  test('a region that is not documented, but works', async () => {
    const { findings } = await examine({ task: { dstRegion: 'eu-west-101' } }, async ({ env }) => {
      await runCli(['request', 'in/a.jpg'], env);
      return {};
    });
    expect(of(findings, 'warning')).toContain('region');
  });
});

test('doctor does not show what follows from a wrong clock as wrong keys', async () => {
  const { findings } = await examine({ clock: () => Date.now() + 20 * minutes });
  expect(of(findings, 'not checked')).toContain('keys');
  expect(of(findings, 'wrong')).toEqual(['clock']);
});

test('doctor takes no longer than its time-outs', async () => {
  const startedAt = performance.now();
  await examine({}, ({ oms, obs }) => {
    oms.faults.set([{ kind: 'black-hole', everywhere: true }]);
    obs.faults.set([{ kind: 'black-hole' }]);
    return { args: ['--timeout', '0.3'] };
  });
  expect(performance.now() - startedAt).toBeLessThan(5000);
});

test('doctor without any settings names all that are needed', async () => {
  const { code, stdout, stderr } = await runCli(['doctor'], {});
  expect([code, stderr]).toEqual([2, '']);
  for (const name of ['sync_url', 'log_bucket', 'hw_ak', 'hw_sk'])
    expect(stdout).toContain(`setting ${name}`);
  expect(stdout).not.toContain('placeholder');
});

test('doctor says that an endpoint of the source is none', async () => {
  for (const args of [
    ['--source', 's3://photos', '--source-endpoint', 'no address'],
    ['--source', 's3://photos', '--source-endpoint', 'http://plain.example'],
  ]) {
    const { code, findings } = await examine({}, () => ({ args }));
    expect([code, of(findings, 'wrong')]).toEqual([1, ['source list']]);
  }
  const { findings } = await examine({}, () => ({
    args: ['--source', 's3://photos', '--timeout', '2'],
    env: {
      AWS_ENDPOINT_URL: 'no address',
      AWS_ACCESS_KEY_ID: 'a',
      AWS_SECRET_ACCESS_KEY: 'b',
      AWS_REGION: 'eu-west-1',
    },
  }));
  expect(of(findings, 'wrong')).toContain('source list');
});
