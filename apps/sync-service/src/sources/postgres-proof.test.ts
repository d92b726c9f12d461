import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { startPostgres, whyNoPostgres, type Postgres } from '@oms-sync/peers';
import { makeRandom, testKeys } from '@oms-sync/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// The long form: OMS_SYNC_PROOF_ROWS=200000 npm test -- apps/sync-service/src/sources/postgres-proof
const rowChanges = Number(process.env['OMS_SYNC_PROOF_ROWS'] ?? 3000);
const isLong = process.env['OMS_SYNC_PROOF_ROWS'] !== undefined;
const kills = isLong ? 10 : 2;
const seed = Number(process.env['OMS_SYNC_PROOF_SEED'] ?? 1);

const main = fileURLToPath(new URL('../../../../dist/apps/sync-service/main.js', import.meta.url));
const ugly = ['', ' a b', '+ü', '%2F', '\'"', '数据', '🙂', '\u0301', '//', '.', '?&#', '\uFEFF', '\\x41'];
const needs = whyNoPostgres();

describe.skipIf(needs !== undefined)(`row changes under kills${needs ? ` (${needs})` : ''}`, () => {
  let scratch: string;
  let postgres: Postgres;
  let oms: OmsStandin;
  let client: pg.Client;
  let settings: Record<string, string>;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-postgres-proof-'));
    for (const folder of ['source', 'lists']) mkdirSync(path.join(scratch, folder));
    postgres = await startPostgres({ password: testKeys.secretKey });
    oms = await startOmsStandin({ buckets: scratch, ...testKeys, copyDelayMs: Infinity });
    client = new pg.Client(postgres.url.href);
    await client.connect();
    await client.query(
      'CREATE TABLE files (id bigint PRIMARY KEY, name text); CREATE TABLE "Ugly Photos" (id bigint PRIMARY KEY, "the name" text)',
    );
    settings = {
      listen: '127.0.0.1:0',
      queue_folder: path.join(scratch, 'queue'),
      postgres_url: postgres.url.href,
      postgres_tables: 'files: {name}; public.Ugly Photos: photos/{the name}',
      sync_url: oms.syncUrl(oms.createTask({ srcBucket: 'source', dstBucket: 'destination' })),
      log_bucket: `file://${path.join(scratch, 'lists')}`,
      log_layout: 'list',
      log_level: 'warn',
      max_in_flight: '20',
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
    };
  });

  afterAll(async () => {
    for (const child of children) child.kill('SIGKILL');
    await client.end();
    await oms.close();
    await postgres.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  function start(...args: readonly string[]): ChildProcess {
    const child = spawn(process.execPath, [main, ...args], {
      env: settings,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.stdout.resume();
    children.push(child);
    return child;
  }

  /** Inserts and updates in transactions of mixed sizes, one in eight rolled back. Gives the names that were committed. */
  async function changeRows(committed: Set<string>, received: ReadonlySet<string>): Promise<void> {
    const random = makeRandom(seed);
    const ids = { files: 0, '"Ugly Photos"': 0 };
    let count = 0;
    while (committed.size < rowChanges) {
      // Not all at once, so that every kill meets rows that change.
      if (committed.size - received.size > rowChanges / 10) {
        await sleep(10);
        continue;
      }
      const names = new Set<string>();
      const isRolledBack = random() < 0.125;
      const size = Math.ceil(random() ** 4 * rowChanges * 0.05);
      await client.query('BEGIN');
      const before = { ...ids };
      for (const table of ['files', '"Ugly Photos"'] as const) {
        const column = table === 'files' ? 'name' : '"the name"';
        const prefix = table === 'files' ? '' : 'photos/';
        const fresh = Array.from({ length: Math.min(size, rowChanges - committed.size - names.size) }, () => {
          count++;
          return `${isRolledBack ? 'never' : 'row'}/${count}/${ugly[count % ugly.length] ?? ''}`;
        });
        for (const name of fresh) names.add(prefix + name);
        const isUpdate = before[table] >= fresh.length && random() < 0.5;
        const first = isUpdate ? before[table] - fresh.length : before[table];
        const numbered = 'unnest($1::text[]) WITH ORDINALITY AS fresh (name, number)';
        await client.query(
          isUpdate
            ? `UPDATE ${table} SET ${column} = fresh.name FROM ${numbered} WHERE id = $2::bigint + number`
            : `INSERT INTO ${table} SELECT $2::bigint + number, fresh.name FROM ${numbered}`,
          [fresh, first],
        );
        if (!isUpdate && !isRolledBack) ids[table] += fresh.length;
      }
      await client.query(isRolledBack ? 'ROLLBACK' : 'COMMIT');
      if (!isRolledBack) for (const name of names) committed.add(name);
    }
  }

  function readList(list: 'success_object' | 'failed_object'): string[] {
    const folder = path.join(scratch, 'lists/oms_source_record', list);
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .flatMap((entry) =>
        readFileSync(path.join(entry.parentPath, entry.name), 'utf8').trimEnd().split('\n'),
      );
  }

  it(
    `${rowChanges} of them, the service killed ${kills} times: no gap, and nothing that was not committed`,
    async () => {
      expect(await once(start('setup-postgres'), 'exit')).toEqual([0, null]);
      const startedAt = performance.now();
      const committed = new Set<string>();
      const received = new Set<string>();
      let requestedNames = 0;
      const take = () => {
        for (const { names } of oms.takeReceived()) {
          requestedNames += names.length;
          for (const name of names) received.add(name);
        }
      };
      const taking = setInterval(take, 10);
      let service = start();
      const changing = changeRows(committed, received);
      for (let kill = 1; kill <= kills; kill++) {
        while (received.size < (kill * rowChanges) / (kills + 1)) {
          if (service.exitCode !== null) throw new Error(`the service ended with ${service.exitCode}`);
          await sleep(10);
        }
        service.kill('SIGKILL');
        await once(service, 'exit');
        service = start();
      }
      await changing;
      const readMissing = () => {
        const listed = new Set(readList('success_object').map(decodeURIComponent));
        return [...committed].filter((name) => !listed.has(name)).length;
      };
      await expect.poll(readMissing, { timeout: 60_000, interval: isLong ? 1000 : 100 }).toBe(0);
      service.kill('SIGTERM');
      expect(await once(service, 'exit')).toEqual([0, null]);
      clearInterval(taking);
      take();
      const seconds = (performance.now() - startedAt) / 1000;
      const listed = new Set(readList('success_object').map(decodeURIComponent));
      expect([...listed].filter((name) => !committed.has(name))).toEqual([]);
      expect([...received].filter((name) => !committed.has(name))).toEqual([]);
      expect([...committed].filter((name) => !received.has(name))).toEqual([]);
      if (isLong) {
        process.stdout.write(
          `${committed.size} row changes in ${seconds.toFixed(1)} s, ${kills} kills, ${requestedNames} names requested, seed ${seed}\n`,
        );
      }
    },
    isLong ? 900_000 : 60_000,
  );
});
