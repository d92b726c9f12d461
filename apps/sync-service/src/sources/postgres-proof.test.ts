import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgres, whyNoPostgres, type Postgres } from '@oms-sync/peers';
import { makeRandom, testKeys } from '@oms-sync/testing';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openProof, uglyEndings, type Proof } from './proof.test-help.ts';

// The long form: OMS_SYNC_PROOF_ROWS=200000 npm test -- apps/sync-service/src/sources/postgres-proof
const rowChanges = Number(process.env['OMS_SYNC_PROOF_ROWS'] ?? 3000);
const isLong = process.env['OMS_SYNC_PROOF_ROWS'] !== undefined;
const kills = isLong ? 10 : 2;
const seed = Number(process.env['OMS_SYNC_PROOF_SEED'] ?? 1);

const needs = whyNoPostgres();

describe.skipIf(needs !== undefined)(`row changes under kills${needs ? ` (${needs})` : ''}`, () => {
  let postgres: Postgres;
  let proof: Proof;
  let client: pg.Client;

  beforeAll(async () => {
    postgres = await startPostgres({ password: testKeys.secretKey });
    client = new pg.Client(postgres.url.href);
    await client.connect();
    await client.query(
      'CREATE TABLE files (id bigint PRIMARY KEY, name text); CREATE TABLE "Ugly Photos" (id bigint PRIMARY KEY, "the name" text)',
    );
    proof = await openProof({
      postgres_url: postgres.url.href,
      postgres_tables: 'files: {name}; public.Ugly Photos: photos/{the name}',
    });
  });

  afterAll(async () => {
    await proof.close();
    await client.end();
    await postgres.stop();
  });

  /** Inserts and updates in transactions of mixed sizes, one in eight rolled back. Gives the names that were committed. */
  async function changeRows(committed: Set<string>): Promise<void> {
    const random = makeRandom(seed);
    const ids = { files: 0, '"Ugly Photos"': 0 };
    let count = 0;
    while (committed.size < rowChanges) {
      // Not all at once, so that every kill meets rows that change.
      if (committed.size - proof.received.size > rowChanges / 10) {
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
          return `${isRolledBack ? 'never' : 'row'}/${count}/${uglyEndings[count % uglyEndings.length] ?? ''}`;
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

  it(
    `${rowChanges} of them, the service killed ${kills} times: no gap, and nothing that was not committed`,
    async () => {
      const start = (...args: string[]) => proof.start('only', ...args);
      expect(await once(start('setup-postgres'), 'exit')).toEqual([0, null]);
      const startedAt = performance.now();
      const committed = new Set<string>();
      const { received } = proof;
      let service = start();
      const changing = changeRows(committed);
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
        const listed = proof.readList('success_object');
        return [...committed].filter((name) => !listed.has(name)).length;
      };
      await expect.poll(readMissing, { timeout: 60_000, interval: isLong ? 1000 : 100 }).toBe(0);
      expect(await proof.stop(service)).toEqual([0, null]);
      proof.take();
      const seconds = (performance.now() - startedAt) / 1000;
      const listed = proof.readList('success_object');
      expect([...listed].filter((name) => !committed.has(name))).toEqual([]);
      expect([...received].filter((name) => !committed.has(name))).toEqual([]);
      expect([...committed].filter((name) => !received.has(name))).toEqual([]);
      if (isLong) {
        process.stdout.write(
          `${committed.size} row changes in ${seconds.toFixed(1)} s, ${kills} kills, ${proof.requestedNames()} names requested, seed ${seed}\n`,
        );
      }
    },
    isLong ? 900_000 : 60_000,
  );
});
