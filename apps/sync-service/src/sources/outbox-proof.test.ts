import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeRandom, testKeys } from '@oms-sync/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outboxDatabases, type Application } from './outbox.test-help.ts';
import { openProof, uglyEndings, type Proof } from './proof.test-help.ts';

// The long form, which waits for the leases: OMS_SYNC_PROOF_ROWS=100000 npm test -- apps/sync-service/src/sources/outbox-proof
const rows = Number(process.env['OMS_SYNC_PROOF_ROWS'] ?? 3000);
const isLong = process.env['OMS_SYNC_PROOF_ROWS'] !== undefined;
const kills = isLong ? 10 : 3;
const seed = Number(process.env['OMS_SYNC_PROOF_SEED'] ?? 1);

describe.each(outboxDatabases)('the outbox in $name under kills', ({ needs, start, connect }) => {
  describe.skipIf(needs !== undefined)(needs ?? 'of the built service', () => {
    let server: Awaited<ReturnType<typeof start>>;
    let application: Application;
    let proof: Proof;

    beforeAll(async () => {
      server = await start({ password: testKeys.secretKey });
      application = await connect(server.url);
      proof = await openProof({ outbox_url: server.url.href });
    }, 60_000);

    afterAll(async () => {
      await proof.close();
      await application.end();
      await server.stop();
    });

    /** Transactions of mixed sizes, one in eight rolled back. Gives the names that were committed. */
    async function insertRows(committed: Set<string>): Promise<void> {
      const random = makeRandom(seed);
      let count = 0;
      while (committed.size < rows) {
        // Not all at once, so that every kill meets rows that are new.
        if (committed.size - proof.received.size > rows / 4) {
          await sleep(10);
          continue;
        }
        const isRolledBack = random() < 0.125;
        const size = Math.min(Math.ceil(random() ** 4 * rows * 0.05), rows - committed.size);
        const names = Array.from({ length: size }, () => {
          count++;
          return `${isRolledBack ? 'never' : 'row'}/${count}/${uglyEndings[count % uglyEndings.length] ?? ''}`;
        });
        await application.query('BEGIN');
        await application.insert(names);
        await application.query(isRolledBack ? 'ROLLBACK' : 'COMMIT');
        if (!isRolledBack) for (const name of names) committed.add(name);
      }
    }

    const readCount = async () => {
      const [row] = await application.query('SELECT COUNT(*) AS count FROM oms_sync_outbox');
      return Number(row?.['count']);
    };

    it(
      `${rows} rows and two replicas, of which one is killed ${kills} times: no gap, and nothing that was not committed`,
      async () => {
        expect(await once(proof.start('setup', 'setup-outbox'), 'exit')).toEqual([0, null]);
        const startedAt = performance.now();
        const committed = new Set<string>();
        const { received } = proof;
        const replicas: ChildProcess[] = ['0', '1'].map((replica) => proof.start(replica));
        const inserting = insertRows(committed);
        for (let kill = 1; kill <= kills; kill++) {
          while (received.size < (kill * rows) / (kills + 1)) {
            if (replicas.some(({ exitCode }) => exitCode !== null)) throw new Error('a service has ended');
            await sleep(10);
          }
          const victim = kill % 2;
          replicas[victim]?.kill('SIGKILL');
          if (replicas[victim]?.signalCode === null) await once(replicas[victim], 'exit');
          replicas[victim] = proof.start(String(victim));
        }
        await inserting;
        const endLeases = async () => {
          // As a minute would do. Those of the living end too: what they hold comes twice.
          if (!isLong) await application.query("UPDATE oms_sync_outbox SET claimed_until = '2001-01-01'");
        };
        await endLeases();
        await expect.poll(readCount, { timeout: 120_000, interval: 50 }).toBe(0);
        for (const replica of replicas) expect(await proof.stop(replica)).toEqual([0, null]);
        proof.take();
        const seconds = (performance.now() - startedAt) / 1000;
        const listed = proof.readList('success_object');
        expect([...committed].filter((name) => !listed.has(name))).toEqual([]);
        expect([...listed].filter((name) => !committed.has(name))).toEqual([]);
        expect([...received].filter((name) => !committed.has(name))).toEqual([]);
        expect([...committed].filter((name) => !received.has(name))).toEqual([]);
        if (isLong) {
          process.stdout.write(
            `${rows} rows in ${seconds.toFixed(1)} s, ${kills} kills, ${proof.requestedNames()} names requested, seed ${seed}\n`,
          );
        }
      },
      isLong ? 900_000 : 60_000,
    );
  });
});
