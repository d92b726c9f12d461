import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MemoryLogBucket, testKeys } from '@oms-sync/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InstanceKeeper } from './instance.ts';
import { SettingsError, type SettingName } from './settings.ts';
import type { StorageRecord } from './storage-record.ts';

type Texts = Partial<Record<SettingName, string | null>>;

const texts: Texts = {
  sync_url: 'https://oms.example.com/v2/p/sync-tasks/task-1/events',
  log_bucket: 'logs',
  obs_endpoint: 'obs.example.com',
  hw_ak: testKeys.accessKey,
  hw_sk: testKeys.secretKey,
};

function lookUp(changes: Texts = {}) {
  return (name: SettingName) => ({ ...texts, ...changes })[name];
}

describe('InstanceKeeper', () => {
  it('keeps the instance as long as the settings are the same', () => {
    const opened: string[] = [];
    const keeper = new InstanceKeeper({
      obs: ({ logBucket }) => {
        opened.push(logBucket.prefix);
        return new MemoryLogBucket();
      },
    });
    const first = keeper.get(lookUp());
    expect(keeper.get(lookUp())).toBe(first);
    const second = keeper.get(lookUp({ log_bucket: 'obs://logs/team' }));
    expect(second).not.toBe(first);
    expect(second.settings.logBucket).toEqual({ store: 'obs', bucket: 'logs', prefix: 'team/' });
    expect(keeper.get(lookUp({ log_bucket: 'obs://logs/team' }))).toBe(second);
    // A rotated key is another setting.
    expect(keeper.get(lookUp({ log_bucket: 'obs://logs/team', hw_sk: 'rotated' }))).not.toBe(second);
    expect(opened).toEqual(['', 'team/', 'team/']);
  });

  it('opens the store that log_bucket names, of those that the app has on board', () => {
    const open = (store: string) => () => {
      opened = store;
      return new MemoryLogBucket();
    };
    let opened = '';
    const all = { obs: open('obs'), s3: open('s3'), az: open('az'), gs: open('gs'), file: open('file') };
    for (const store of ['obs', 's3', 'az', 'gs'] as const) {
      const log_bucket = `${store}://logs/container`;
      const { [store]: itsOpener, ...others } = all;
      new InstanceKeeper({ [store]: itsOpener }).get(lookUp({ log_bucket }));
      expect(opened).toBe(store);
      expect(() => new InstanceKeeper(others).get(lookUp({ log_bucket }))).toThrow(
        `a bucket in a store that this app has on board: ${Object.keys(others).join(', ')}, found ${store}`,
      );
    }
    new InstanceKeeper(all).get(lookUp({ log_bucket: 'file:///logs' }));
    expect(opened).toBe('file');
  });

  it('says in one line of the log what is wrong with the settings, if asked to', () => {
    const keeper = new InstanceKeeper({ obs: () => new MemoryLogBucket() });
    const lines: unknown[] = [];
    const wrong = lookUp({ hw_ak: null, log_level: 'loud' });
    expect(() => keeper.get(wrong, (level, line) => lines.push([level, JSON.parse(line)]))).toThrow(
      SettingsError,
    );
    expect(() => keeper.get(wrong)).toThrow(SettingsError);
    expect(lines).toEqual([
      [
        'error',
        {
          event: 'misconfigured',
          level: 'error',
          message: expect.stringMatching(/^2 wrong settings:\n {2}hw_ak: expected/) as unknown,
        },
      ],
    ]);
  });

  it('takes nothing else for wrong settings', () => {
    const lines: unknown[] = [];
    const keeper = new InstanceKeeper({
      obs: () => {
        throw new TypeError('a defect');
      },
    });
    expect(() => keeper.get(lookUp(), (_, line) => lines.push(line))).toThrow('a defect');
    expect(lines).toEqual([]);
  });
});

describe('an instance', () => {
  let server: Server;
  let logBucket: MemoryLogBucket;
  const requested: string[] = [];
  /** Called with what answers a request. */
  let onRequest: (answer: () => void) => void;

  beforeEach(async () => {
    requested.length = 0;
    logBucket = new MemoryLogBucket();
    onRequest = (answer) => answer();
    server = createServer((request, response) => {
      request.on('data', (body: Buffer) => {
        requested.push(...(JSON.parse(body.toString()) as { object_keys: string[] }).object_keys);
      });
      request.on('end', () => onRequest(() => response.end()));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  function getInstance(changes: Texts = {}) {
    const { port } = server.address() as AddressInfo;
    const sync_url = `http://127.0.0.1:${port}/v2/p/sync-tasks/task-1/events`;
    return new InstanceKeeper({ obs: () => logBucket }).get(lookUp({ sync_url, ...changes }));
  }

  function makeInvocation(lines: unknown[] = []) {
    return {
      deadline: Infinity,
      requestId: 'request-1',
      log: (_: string, line: string) => lines.push(JSON.parse(line)),
    };
  }

  function created(name: string): StorageRecord {
    return { kind: 'created', store: 'obs', bucket: 'source', name };
  }

  it('settles what an invocation received', async () => {
    const lines: unknown[] = [];
    const { report } = await getInstance().synchronize([created('a b')], makeInvocation(lines));
    expect(report).toMatchObject({ received: 1, requested: 1 });
    expect(requested).toEqual(['a%20b']);
    expect(logBucket.keys('oms_source_record/')).toEqual(['success_object/a b']);
    expect(lines).toMatchObject([{ event: 'sync', request_id: 'request-1', requested: 1 }]);
  });

  it('requests again what is on the failed list', async () => {
    await logBucket.put('oms_source_record/failed_object/a b', '{"name":"a b"}', 'application/json');
    const lines: unknown[] = [];
    const { report } = await getInstance().replay(makeInvocation(lines));
    expect(report).toMatchObject({ received: 1, requested: 1 });
    expect(requested).toEqual(['a%20b']);
    expect(logBucket.keys('oms_source_record/')).toEqual(['success_object/a b']);
    expect(lines).toMatchObject([{ event: 'sync', replay: true, request_id: 'request-1' }]);
  });

  it('replays no longer than until the deadline', async () => {
    await logBucket.put('oms_source_record/failed_object/a', '{"name":"a"}', 'application/json');
    const { report } = await getInstance().replay({ ...makeInvocation(), deadline: Date.now() });
    expect(report).toMatchObject({ requested: 0 });
    expect(requested).toEqual([]);
  });

  it('shares max_in_flight between the invocations that it serves at once', async () => {
    const instance = getInstance({ max_in_flight: '2' });
    const answers: (() => void)[] = [];
    let most = 0;
    // Two are answered when there has been time for a third to come.
    onRequest = (answer) => {
      most = Math.max(most, answers.push(answer));
      if (answers.length === 2) setTimeout(() => answers.splice(0).forEach((each) => each()), 3);
    };
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => instance.synchronize([created(name)], makeInvocation())),
    );
    expect(requested.sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(most).toBe(2);
  });

  it('logs from log_level on', async () => {
    const lines: unknown[] = [];
    await getInstance({ log_level: 'error' }).synchronize([created('a')], makeInvocation(lines));
    expect(lines).toEqual([]);
  });
});
