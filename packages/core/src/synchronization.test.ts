import { createHash } from 'node:crypto';
import { anyName, FakeClock, MemoryLogBucket, testKeys } from '@oms-sync/testing';
import fc from 'fast-check';
import pLimit from 'p-limit';
import { describe, expect, it } from 'vitest';
import { LogBucketError } from './log-bucket.ts';
import { Logger } from './logger.ts';
import { percentEncode } from './object-name.ts';
import { OmsError } from './oms-error.ts';
import { readSettings, type SettingName } from './settings.ts';
import type { StorageRecord } from './storage-record.ts';
import { synchronize, type Report } from './synchronization.ts';

const texts: Partial<Record<SettingName, string>> = {
  sync_url: 'https://oms.example.com/v2/p/sync-tasks/task-1/events',
  log_bucket: 'logs',
  obs_endpoint: 'obs.example.com',
  hw_ak: testKeys.accessKey,
  hw_sk: testKeys.secretKey,
};

interface Scene {
  readonly settings?: Partial<Record<SettingName, string>>;
  /** What OMS answers; `undefined` is a success. */
  readonly oms?: (names: readonly string[]) => OmsError | undefined;
  readonly deadlineMs?: number;
  /** No request gets through to OMS for seconds. */
  readonly isSilent?: boolean;
  readonly canRedeliver?: (index: number) => boolean;
  readonly fail?: MemoryLogBucket['fail'];
}

async function play(records: readonly StorageRecord[], scene: Scene = {}) {
  const settings = readSettings(
    (name) => ({ ...texts, ...scene.settings })[name],
    ['obs', 's3', 'az', 'gs', 'file'],
  );
  const clock = new FakeClock();
  const startedAt = clock.now();
  const logBucket = new MemoryLogBucket();
  logBucket.fail = scene.fail ?? logBucket.fail;
  const lines: Record<string, unknown>[] = [];
  const sent: string[] = [];
  /** How often the store was prepared when a request had left. */
  const prepared: number[] = [];
  const {
    problem: error,
    fates,
    ...result
  } = await synchronize(records, {
    settings,
    clock,
    logBucket,
    inTurn: pLimit(settings.maxInFlight),
    random: () => 0.5,
    deadline: scene.deadlineMs === undefined ? Infinity : startedAt + scene.deadlineMs,
    logger: new Logger(settings.logLevel, (_, line) =>
      lines.push(JSON.parse(line) as Record<string, unknown>),
    ),
    requestId: 'request-1',
    ...(scene.canRedeliver && { canRedeliver: scene.canRedeliver }),
    oms: {
      async createSyncEvents(names, _, onSent) {
        await clock.sleep(10);
        if (scene.isSilent !== true) onSent?.();
        prepared.push(logBucket.prepared);
        await clock.sleep(scene.isSilent === true ? 5000 : 10);
        const error = scene.oms?.(names);
        if (error) throw error;
        sent.push(...names);
      },
    },
  });
  const { received, ...rest } = result.report;
  expect(Object.values(rest).reduce((sum, count) => sum + count)).toBe(received);
  expect(lines.filter(({ event }) => event === 'sync')).toHaveLength(1);
  const returned = fates.flatMap(({ kind }, index) => (kind === 'returned' ? [index] : []));
  const unrequested = fates.flatMap((fate, index) =>
    fate.kind === 'unrequested' ? [{ index, reason: fate.reason }] : [],
  );
  expect(fates).toHaveLength(records.length);
  expect(error?.report).toEqual(result.report.returned > 0 ? result.report : undefined);
  return {
    ...result,
    fates,
    prepared,
    returned,
    unrequested,
    error,
    logBucket,
    lines,
    sent,
    tookMs: clock.now() - startedAt,
  };
}

function created(name: string, fields: Partial<StorageRecord & { kind: 'created' }> = {}): StorageRecord {
  return { kind: 'created', store: 'obs', bucket: 'source', name, ...fields };
}

const unavailable = () =>
  new OmsError({ faultClass: 'passing', status: 503, code: 'HTTP.503', message: 'busy' });

function storeFault(passing: boolean) {
  return (operation: string, key: string) => {
    if (operation === 'put') {
      throw new LogBucketError({ operation, key, code: 'AccessDenied', passing, message: 'no', status: 403 });
    }
  };
}

function report(changes: Partial<Report>): Report {
  return { received: 0, requested: 0, unrequested: 0, filtered: 0, merged: 0, returned: 0, ...changes };
}

describe('synchronize', () => {
  it('requests 24 of 25 names and puts the one that OMS refuses on the failed list, with its code', async () => {
    const names = Array.from({ length: 25 }, (_, index) => `photos/${index}.jpg`);
    const result = await play(
      names.map((name) => created(name, { eventTime: '2026-01-02T03:00:00Z', eventId: `id of ${name}` })),
      {
        oms: (batch) =>
          batch.includes('photos/13.jpg')
            ? new OmsError({
                faultClass: 'refused',
                status: 400,
                code: 'OMS.0064',
                message: 'Invalid request parameters.',
              })
            : undefined,
      },
    );
    expect(result.report).toEqual(report({ received: 25, requested: 24, unrequested: 1 }));
    expect(result.lines[1]).toMatchObject({ event: 'unrequested', examples: ['photos/13.jpg'] });
    expect(result.logBucket.keys('oms_source_record/success_object/').sort()).toEqual(
      names.filter((name) => name !== 'photos/13.jpg').sort(),
    );
    const failed = result.logBucket.objects.get('oms_source_record/failed_object/photos/13.jpg');
    expect(failed?.contentType).toBe('application/json');
    expect(JSON.parse(failed?.body ?? '')).toEqual({
      name: 'photos/13.jpg',
      source_store: 'obs',
      source_bucket: 'source',
      sync_task_id: 'task-1',
      recorded_at: expect.stringMatching(/^2026-01-02T03:04:/) as unknown,
      attempts: 4,
      event_time: '2026-01-02T03:00:00Z',
      event_id: 'id of photos/13.jpg',
      reason_class: 'refused',
      error_code: 'OMS.0064',
      error_message: 'Invalid request parameters.',
    });
  });

  it('logs one line with the conservation law, the cost and the age of the oldest event', async () => {
    const { lines } = await play([
      created('a', { eventTime: '2026-01-02T03:04:00.678Z' }),
      created('b', { eventTime: '2026-01-02T03:04:05.000Z' }),
      created('a'),
      { kind: 'ignored', store: 'obs', bucket: 'source', reason: 'ObjectRemoved:Delete' },
    ]);
    expect(lines).toEqual([
      {
        event: 'sync',
        level: 'info',
        ...report({ received: 4, requested: 2, filtered: 1, merged: 1 }),
        requests: 1,
        retries: 0,
        ms: 20,
        oms_ms: 20,
        log_bucket_ms: 0,
        oldest_event_age_ms: 5000,
        filtered_reasons: { 'ObjectRemoved:Delete': 1 },
        request_id: 'request-1',
      },
    ]);
  });

  it('warns of what was not requested, in a line of its own', async () => {
    const { lines } = await play([created('a'), created('b')], {
      oms: () => new OmsError({ faultClass: 'quota', code: 'OMS.1021', message: 'no' }),
    });
    expect(lines).toMatchObject([
      { event: 'sync', level: 'info', unrequested: 2 },
      { event: 'unrequested', level: 'warn', unrequested: 2, codes: { 'OMS.1021': 2 }, examples: ['a', 'b'] },
    ]);
  });

  it('merges equal names and takes NFC and NFD for two', async () => {
    const { sent, report: counts } = await play([created('ü'), created('u\u0308'), created('ü')]);
    expect(sent).toEqual(['ü', 'u\u0308']);
    expect(counts).toEqual(report({ received: 3, requested: 2, merged: 1 }));
  });

  it.each([
    [{ exclude_prefix: 'tmp/' }, 'tmp/a', 'filtered'],
    [{ exclude_prefix: 'tmp/' }, 'tmp', 'filtered'],
    [{ exclude_prefix: 'tmp/a/b' }, 'tmp/a', 'unrequested'],
    [{ include_prefix: 'in/' }, 'tmp/a', 'filtered'],
    [{ include_prefix: 'in/' }, 'in', 'unrequested'],
    [{ include_prefix: 'in/a/b' }, 'in/a', 'unrequested'],
    [{ include_prefix: 'in/a/b' }, 'in/a/b/c', 'unrequested'],
    [{ include_suffix: '.jpg', exclude_suffix: 'a' }, 'a', 'unrequested'],
    [{}, 'a', 'unrequested'],
  ])('with %j, the folder %s is %s', async (settings, text, kind) => {
    const folder = {
      kind: 'invalid',
      store: 'az',
      bucket: 'b',
      text,
      reason: 'renamed',
      isFolder: true,
    } as const;
    const { fates, logBucket } = await play([folder], { settings });
    expect(fates).toMatchObject([kind === 'filtered' ? { kind, reason: 'name filter' } : { kind }]);
    expect(logBucket.objects.size).toBe(kind === 'filtered' ? 0 : 1);
    for (const { body } of logBucket.objects.values()) {
      expect(JSON.parse(body)).toMatchObject({ invalid_name: text, error_code: 'DirectoryRenamed' });
    }
  });

  it('does not apply the filter to what is no name', async () => {
    const settings = { exclude_prefix: 'a' };
    const broken = { kind: 'invalid', store: 'obs', bucket: 'b', text: 'a%zz', reason: 'broken' } as const;
    const { fates } = await play([broken, created('a\ud800'), created('ab')], { settings });
    expect(fates).toMatchObject([
      { kind: 'unrequested', reason: { code: 'InvalidName', message: 'broken' } },
      {
        kind: 'unrequested',
        reason: { code: 'InvalidName', message: 'the name is empty or holds a lone surrogate' },
      },
      { kind: 'filtered', reason: 'name filter' },
    ]);
  });

  it('tells of each record what became of it', async () => {
    const { fates } = await play([
      created('a'),
      created('b'),
      created('a'),
      { kind: 'unknown', reason: 'what?' },
      { kind: 'ignored', store: 'obs', bucket: 'source', reason: 'ObjectRemoved:Delete' },
      { kind: 'invalid', store: 'obs', bucket: 'source', text: '%', reason: 'broken' },
    ]);
    expect(fates).toMatchObject([
      { kind: 'requested' },
      { kind: 'requested' },
      { kind: 'merged', into: 0 },
      { kind: 'returned' },
      { kind: 'filtered', reason: 'ObjectRemoved:Delete' },
      { kind: 'unrequested', reason: { code: 'InvalidName' } },
    ]);
  });

  it('filters by the decoded name', async () => {
    const { sent, report: counts } = await play(
      ['in/a b.jpg', 'in/a.tmp', 'in/no/b.jpg', 'out/a.jpg'].map((name) => created(name)),
      {
        settings: {
          include_prefix: 'in/',
          exclude_prefix: 'in/no/',
          include_suffix: '.jpg,.tmp',
          exclude_suffix: '.tmp',
        },
      },
    );
    expect(sent).toEqual(['in/a b.jpg']);
    expect(counts).toEqual(report({ received: 4, requested: 1, filtered: 3 }));
  });

  describe('when something is no name at all', () => {
    it('writes it down with the reason and does not harm the others', async () => {
      const {
        sent,
        report: counts,
        logBucket,
      } = await play([
        created('good'),
        created('lone \ud800 surrogate'),
        created(''),
        {
          kind: 'invalid',
          store: 'obs',
          bucket: 'source',
          text: 'a%zz',
          reason: 'the key has a broken escape',
        },
      ]);
      expect(sent).toEqual(['good']);
      expect(counts).toEqual(report({ received: 4, requested: 1, unrequested: 3 }));
      const hash = createHash('sha256').update('"a%zz"').digest('hex');
      expect(
        JSON.parse(logBucket.objects.get(`oms_source_record/failed_object/.invalid/${hash}`)?.body ?? ''),
      ).toMatchObject({
        invalid_name: 'a%zz',
        reason_class: 'invalid',
        error_message: 'the key has a broken escape',
      });
    });

    it('keeps two apart that are the same in UTF-8', async () => {
      const { logBucket } = await play([created('a\ud800'), created('a\ud801')]);
      expect(logBucket.keys('oms_source_record/failed_object/.invalid/')).toHaveLength(2);
    });

    it('returns a record that nobody understands, and settles the others', async () => {
      const { sent, error } = await play([
        created('good'),
        { kind: 'unknown', reason: 'Records[1]: found a number' },
      ]);
      expect(sent).toEqual(['good']);
      expect(error?.message).toContain('Records[1]: found a number');
      expect(error?.report).toEqual(report({ received: 2, requested: 1, returned: 1 }));
    });
  });

  describe('the loop guard', () => {
    const own = { bucket: 'logs', store: 'obs' } as const;

    it('leaves out our own lists, says that the log bucket is the source bucket, and loses nothing', async () => {
      const {
        sent,
        lines,
        logBucket,
        report: counts,
      } = await play([
        created('oms_source_record/success_object/a', own),
        created('oms_source_record/failed_object/b', own),
        created('oms_source_record/parked_object/c', own),
        created('photos/c', own),
        created('oms_source_record.txt', own),
      ]);
      expect(sent).toEqual(['photos/c', 'oms_source_record.txt']);
      expect(counts).toEqual(report({ received: 5, requested: 2, filtered: 3 }));
      expect(logBucket.objects.size).toBe(2);
      expect(lines[1]).toMatchObject({ event: 'misconfigured', level: 'error', setting: 'log_bucket' });
    });

    it('knows them under a wrong eventgrid_key_encoding, too', async () => {
      const {
        sent,
        report: counts,
        logBucket,
      } = await play([
        created('oms_source_record%2Fsuccess_object%2Fa', own),
        {
          kind: 'invalid',
          ...own,
          text: 'oms_source_record/failed_object/100%.txt',
          reason: 'a broken escape',
        },
      ]);
      expect(sent).toEqual([]);
      expect(counts).toEqual(report({ received: 2, filtered: 2 }));
      expect(logBucket.objects.size).toBe(0);
    });

    it.each([
      ['another bucket', { bucket: 'source' }],
      ['a bucket of that name in another store', { bucket: 'logs', store: 's3' }],
    ])('takes objects of %s for ordinary ones', async (_, origin) => {
      const { sent, lines } = await play([created('oms_source_record/success_object/a', origin)]);
      expect(sent).toHaveLength(1);
      expect(lines).toHaveLength(1);
    });

    it.each([
      ['obs://logs', 'obs', 'logs', 'obs://logs'],
      ['s3://logs', 's3', 'logs', 's3://logs'],
      ['gs://logs', 'gs', 'logs', 'gs://logs'],
      ['az://account/logs', 'az', 'account/logs', 'az'],
    ])('knows the log bucket %s in the events of its store', async (log_bucket, store, bucket, shown) => {
      const { fates, lines } = await play(
        [
          created('oms_source_record/success_object/a', { store, bucket }),
          created('oms_source_record/success_object/b', { store, bucket: 'other' }),
        ],
        { settings: { log_bucket } },
      );
      expect(fates).toMatchObject([{ kind: 'filtered', reason: 'list of ours' }, { kind: 'requested' }]);
      expect(lines[0]).toMatchObject({ event: 'sync', filtered_reasons: { 'list of ours': 1 } });
      expect(lines.slice(1)).toEqual([
        {
          event: 'misconfigured',
          level: 'error',
          setting: 'log_bucket',
          events_of_log_bucket: 1,
          message: expect.stringContaining(`log_bucket is the source bucket (${shown}):`) as unknown,
          request_id: 'request-1',
        },
      ]);
    });

    it('knows the prefix of the log bucket', async () => {
      const settings = { log_bucket: 'obs://logs/team' };
      const { sent } = await play(
        [
          created('oms_source_record/success_object/a', own),
          created('team/oms_source_record/success_object/a', own),
        ],
        { settings },
      );
      expect(sent).toEqual(['oms_source_record/success_object/a']);
    });
  });

  describe('the layout "object"', () => {
    it('puts a name that is too long for the store under its hash', async () => {
      const name = 'é'.repeat(500);
      const { logBucket } = await play([created(name), created('x'.repeat(990)), created('x'.repeat(992))]);
      const hash = createHash('sha256').update(name).digest('hex');
      expect(
        JSON.parse(logBucket.objects.get(`oms_source_record/success_object/.long/${hash}`)?.body ?? ''),
      ).toMatchObject({
        name,
      });
      expect(logBucket.objects.has(`oms_source_record/success_object/${'x'.repeat(990)}`)).toBe(true);
      expect(logBucket.keys('oms_source_record/success_object/.long/')).toHaveLength(2);
    });

    it('keeps the names under which it puts such names apart from those of objects', async () => {
      const name = 'é'.repeat(500);
      const hash = createHash('sha256').update(name).digest('hex');
      const { logBucket } = await play([
        created(name),
        created(`.long/${hash}`),
        created(`.invalid/${hash}`),
      ]);
      expect(logBucket.objects.size).toBe(3);
    });

    it('puts a name that the store does not take under its hash, too', async () => {
      const { report: counts, logBucket } = await play([created('a//b')], {
        fail: (operation, key) => {
          if (key.endsWith('a//b')) {
            throw new LogBucketError({
              operation: 'put',
              key,
              code: 'InvalidURI',
              status: 400,
              passing: false,
              isKeyRefused: true,
              message: operation,
            });
          }
        },
      });
      expect(counts).toEqual(report({ received: 1, requested: 1 }));
      expect(logBucket.keys('oms_source_record/success_object/.long/')).toHaveLength(1);
    });

    it('does not try another key when the store refuses for another reason', async () => {
      const put: string[] = [];
      const { error } = await play([created('a')], {
        fail: (operation, key) => {
          put.push(key);
          if (operation === 'put') {
            const fault = { status: 400, code: 'ExpiredToken', passing: false, message: 'expired' };
            throw new LogBucketError({ operation, key, ...fault });
          }
        },
      });
      expect(error?.report).toEqual(report({ received: 1, returned: 1 }));
      expect(put.filter((key) => key !== '')).toEqual(['oms_source_record/success_object/a']);
    });
  });

  describe('the layout "list"', () => {
    it('writes one text file per outcome, as OMS takes it, and the reasons beside it', async () => {
      const { logBucket } = await play([created('a+b c/中.txt'), created('bad\nname'), created('\ud800')], {
        settings: { log_layout: 'list' },
        oms: (names) =>
          names.includes('bad\nname')
            ? new OmsError({ faultClass: 'refused', code: 'OMS.0064', message: 'no' })
            : undefined,
      });
      const keys = [...logBucket.objects.keys()].sort();
      expect(keys).toHaveLength(3);
      expect(keys[0]).toMatch(
        /^oms_source_record\/failed_object\/2026\/01\/02\/20260102T030405\.\d{3}Z-[0-9a-f-]{36}\.jsonl$/,
      );
      expect(keys[1]).toBe(keys[0]?.replace(/jsonl$/, 'txt'));
      expect(keys[2]).toMatch(/^oms_source_record\/success_object\/2026\/01\/02\/.*\.txt$/);
      const [reasons, failed, succeeded] = keys.map((key) => logBucket.objects.get(key));
      expect(reasons?.contentType).toBe('application/x-ndjson');
      expect(failed).toMatchObject({ body: 'bad%0Aname\n', contentType: 'text/plain' });
      expect(succeeded).toMatchObject({ body: 'a%2Bb%20c%2F%E4%B8%AD.txt\n', contentType: 'text/plain' });
      expect(
        reasons?.body
          .trimEnd()
          .split('\n')
          .map((line) => (JSON.parse(line) as { error_code: string }).error_code),
      ).toEqual(['InvalidName', 'OMS.0064']);
    });

    it('writes no empty file for OMS, which takes none', async () => {
      const { logBucket } = await play([created('')], { settings: { log_layout: 'list' } });
      expect(logBucket.keys('')).toEqual([expect.stringMatching(/failed_object.*\.jsonl$/)]);
    });
  });

  describe('when the log bucket fails', () => {
    it('returns what could not be written down, and says so in one line', async () => {
      const { error, lines } = await play([created('a'), created('b')], { fail: storeFault(false) });
      expect(error?.report).toEqual(report({ received: 2, returned: 2 }));
      expect(error?.message).toBe(
        '2 of 2 records are neither requested nor written down and must be delivered again: log bucket: put oms_source_record/success_object/a: no',
      );
      expect(error?.cause).toBeInstanceOf(LogBucketError);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toMatchObject({ event: 'sync', level: 'error', error: error?.message });
    });

    it('fails when OMS is down too, and names both', async () => {
      const { error } = await play([created('a')], {
        fail: storeFault(true),
        oms: unavailable,
        deadlineMs: 10_000,
      });
      expect(error?.message).toContain('not requested: HTTP.503');
      expect(error?.message).toContain('log bucket: put oms_source_record/failed_object/a');
    });

    it('tries again while the fault is a passing one', async () => {
      let puts = 0;
      const { report: counts } = await play([created('a')], {
        fail: (operation, key) => {
          if (operation === 'put' && ++puts < 3) {
            throw new LogBucketError({
              operation,
              key,
              code: 'SlowDown',
              passing: true,
              message: 'slow down',
            });
          }
        },
      });
      expect(counts).toEqual(report({ received: 1, requested: 1 }));
      expect(puts).toBe(3);
    });

    it('counts only what is not written', async () => {
      const { error, logBucket } = await play([created('a'), created('b')], {
        fail: (operation, key) => {
          if (key.endsWith('/b')) storeFault(false)(operation, key);
        },
      });
      expect(error?.report).toEqual(report({ received: 2, requested: 1, returned: 1 }));
      expect(logBucket.objects.size).toBe(1);
    });
  });

  it('says why records go back, without a list of them all', async () => {
    const { error } = await play(
      [
        ...[0, 1, 2, 3].map((index) => ({ kind: 'unknown', reason: `what is ${index}?` }) as const),
        ...[0, 1, 2, 3, 4, 5].map((index) => created(`${index}`)),
      ],
      {
        oms: ([first = '']) =>
          new OmsError({ faultClass: 'refused', code: `OMS.000${first}`, message: 'no' }),
      },
    );
    expect(error?.name).toBe('UnsettledError');
    expect(error?.cause).toBeUndefined();
    expect(error?.message).toMatch(
      /^4 of 10 records are neither requested nor written down and must be delivered again: what is 0\?; what is 1\?; what is 2\?; not requested: (OMS\.000\d, ){4}OMS\.000\d$/,
    );
  });

  it('takes an event of the future for a new one', async () => {
    const { lines } = await play([created('a', { eventTime: '2026-01-02T03:05:00Z' })]);
    expect(lines[0]).toMatchObject({ oldest_event_age_ms: 0 });
  });

  it('has no age where no event has a time, and no reasons where nothing was filtered', async () => {
    const { lines } = await play([created('a', { eventTime: 'yesterday' })]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toHaveProperty('oldest_event_age_ms');
    expect(lines[0]).not.toHaveProperty('filtered_reasons');
  });

  describe('before the deadline', () => {
    const names = Array.from({ length: 200 }, (_, index) => `object-${index}`);

    it.each([1000, 3000, 60_000])(
      'of %i ms, writes down what OMS did not take in time',
      async (deadlineMs) => {
        const {
          report: counts,
          tookMs,
          logBucket,
        } = await play(
          names.map((name) => created(name)),
          {
            oms: unavailable,
            deadlineMs,
            settings: { max_attempts: '100' },
          },
        );
        expect(counts).toEqual(report({ received: 200, unrequested: 200 }));
        expect(tookMs).toBeLessThan(deadlineMs);
        expect(logBucket.keys('oms_source_record/failed_object/')).toHaveLength(200);
      },
    );

    it.each(['object', 'list'])(
      'fails when the log bucket does not answer, layout %s',
      async (log_layout) => {
        const { error, tookMs } = await play(
          names.map((name) => created(name)),
          {
            deadlineMs: 3000,
            settings: { log_layout },
            fail: () => new Promise(() => undefined),
          },
        );
        expect(error?.report).toEqual(report({ received: 200, returned: 200 }));
        expect(tookMs).toBeLessThan(3000);
        expect(error?.cause).toMatchObject({
          operation: 'put',
          code: 'ETIMEDOUT',
          passing: true,
          message:
            'log bucket: put oms_source_record: the store did not answer before the invocation had to end',
        });
      },
    );
  });

  describe('with on_failure=redeliver', () => {
    const settings = { on_failure: 'redeliver' };
    const canRedeliver = (index: number) => index !== 1;

    it('hands back what a passing fault hit, where the platform can take it', async () => {
      const result = await play(
        ['a', 'b', 'a', 'c'].map((name) => created(name)),
        {
          settings,
          canRedeliver,
          oms: unavailable,
        },
      );
      expect(result.report).toEqual(report({ received: 4, unrequested: 1, merged: 1, returned: 2 }));
      expect(result.returned).toEqual([0, 3]);
      expect(result.logBucket.keys('oms_source_record/')).toEqual(['failed_object/b']);
      expect(result.error?.message).toContain('not requested: HTTP.503');
    });

    it('records what will never be taken', async () => {
      const { report: counts } = await play([created('a')], {
        settings,
        canRedeliver,
        oms: () => new OmsError({ faultClass: 'refused', code: 'OMS.0064', message: 'no' }),
      });
      expect(counts).toEqual(report({ received: 1, unrequested: 1 }));
    });

    it('records everything where the platform cannot redeliver', async () => {
      const { report: counts } = await play([created('a')], { settings, oms: unavailable });
      expect(counts).toEqual(report({ received: 1, unrequested: 1 }));
    });
  });

  it('hands nothing back with on_failure=record, even if the platform could take it', async () => {
    const { report: counts } = await play([created('a')], { canRedeliver: () => true, oms: unavailable });
    expect(counts).toEqual(report({ received: 1, unrequested: 1 }));
  });

  it('loads the store only when there is something to request, while OMS is asked', async () => {
    expect((await play([])).logBucket.prepared).toBe(0);
    const { logBucket, prepared } = await play([created('a')]);
    expect(logBucket.prepared).toBe(1);
    expect(prepared).toEqual([1]);
    // It does not wait for what may never leave.
    const silent = await play([created('a')], { isSilent: true });
    expect(silent.prepared).toEqual([0]);
    expect(silent.logBucket.prepared).toBe(1);
  });

  it('keeps the conservation law for any names and answers', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(anyName, fc.constantFrom('a', 'b', '', '\ud800')), { maxLength: 40 }),
        fc.constantFrom('object', 'list'),
        fc.nat(3),
        async (names, log_layout, mood) => {
          const {
            report: counts,
            logBucket,
            sent,
          } = await play(
            names.map((name) => created(name)),
            {
              settings: { log_layout },
              oms: (batch) =>
                batch.some((name) => name.length % 4 < mood)
                  ? new OmsError({ faultClass: 'refused', code: 'OMS.0064', message: 'no' })
                  : undefined,
            },
          );
          expect(counts.returned).toBe(0);
          expect(new Set(sent).size).toBe(sent.length);
          const requested = sent
            .map((name) => `${percentEncode(name)}\n`)
            .sort()
            .join('');
          const listed =
            log_layout === 'list'
              ? [...logBucket.objects]
                  .filter(([key]) => key.includes('/success_object/'))
                  .map(([, { body }]) => body)
              : [...logBucket.objects]
                  .filter(([key]) => key.includes('/success_object/'))
                  .map(([, { body }]) => `${percentEncode((JSON.parse(body) as { name: string }).name)}\n`);
          expect(
            listed
              .join('')
              .split(/(?<=\n)/)
              .sort()
              .join(''),
          ).toBe(requested);
        },
      ),
      { numRuns: 200 },
    );
  });
});
