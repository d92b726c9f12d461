import { afterEach, describe, expect, it, vi } from 'vitest';
import { testKeys } from '@oms-sync/testing';
import {
  startAzurite,
  startMariadb,
  startPostgres,
  startRadosgw,
  whyNoMariadb,
  whyNoPostgres,
  whyNoRadosgw,
} from './index.ts';
import { isListening, run, Server } from './process.ts';

const needs = whyNoRadosgw();
const portOf = (url: URL) => Number(url.port);

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('radosgw', () => {
  it.skipIf(needs !== undefined)(`answers until it is stopped${needs ? ` (${needs})` : ''}`, async () => {
    const radosgw = await startRadosgw(testKeys);
    const answer = await fetch(radosgw.endpoint);
    expect(await answer.text()).toContain('ListAllMyBucketsResult');
    await radosgw.stop();
    await radosgw.stop();
    expect(await isListening(portOf(radosgw.endpoint))).toBe(false);
  });

  it('is missing where nothing of it is on the path, unless all peers are required', async () => {
    vi.stubEnv('PATH', '/nowhere');
    vi.stubEnv('OMS_SYNC_PEERS', undefined);
    expect(whyNoRadosgw()).toContain('apt-get install radosgw');
    vi.stubEnv('OMS_SYNC_PEERS', 'required');
    expect(whyNoRadosgw()).toBeUndefined();
    await expect(startRadosgw(testKeys)).rejects.toThrow('apt-get install radosgw');
  });
});

describe.each([
  { name: 'PostgreSQL', start: startPostgres, needs: whyNoPostgres() },
  { name: 'MariaDB', start: startMariadb, needs: whyNoMariadb() },
])('$name', ({ start, needs }) => {
  it.skipIf(needs !== undefined)(
    `listens until it is stopped, and again after a kill${needs ? ` (${needs})` : ''}`,
    async () => {
      const database = await start({ password: testKeys.secretKey });
      const listens = () => isListening(portOf(database.url));
      expect(await listens()).toBe(true);
      await database.kill();
      expect(await listens()).toBe(false);
      await database.startAgain();
      expect(await listens()).toBe(true);
      await database.stop();
      await database.stop();
      expect(await listens()).toBe(false);
    },
  );
});

describe('Azurite', () => {
  it('answers until it is stopped', async () => {
    const accountKey = Buffer.from('a key for one test').toString('base64');
    const azurite = await startAzurite({ account: 'testaccount', accountKey });
    const answer = await fetch(`${azurite.endpoint.href}/container/blob`);
    expect(answer.status).toBe(403);
    expect(azurite.connectionString).toContain('AccountName=testaccount;');
    await azurite.stop();
    await azurite.stop();
    expect(await isListening(portOf(azurite.endpoint))).toBe(false);
  });
});

describe('a server', () => {
  it('that ends before it is ready: an error with what it printed', async () => {
    const server = new Server(process.execPath, ['-e', 'console.log("no, thanks")'], {
      logFile: '/dev/null',
    });
    await expect(server.until(() => Promise.resolve(false))).rejects.toThrow('node ended');
    await server.stop();
  });

  it('that is not there: an error', async () => {
    const server = new Server('/nowhere/radosgw', [], { logFile: '/dev/null' });
    await expect(server.until(() => Promise.resolve(false))).rejects.toThrow('radosgw ended');
  });
});

describe('a command', () => {
  it('gives what it printed, or fails with it', async () => {
    expect(await run(process.execPath, ['-e', 'console.log("hello")'])).toBe('hello\n');
    await expect(run(process.execPath, ['-e', 'throw new Error("no")'])).rejects.toThrow(
      /ended with 1: .*no/s,
    );
  });
});
