import { randomUUID } from 'node:crypto';
import { Logger, systemClock, type Clock } from '@oms-sync/core';
import { anyName, FakeClock, testKeys, uglyNames } from '@oms-sync/testing';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../delivery.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { checkVersion } from './outbox-mysql.ts';
import { runOutboxSetup } from './outbox-setup.ts';
import { outboxDatabases, type Application } from './outbox.test-help.ts';
import { openOutbox, OutboxSource } from './outbox.ts';

const table = 'oms_sync_outbox';
const waiting = { timeout: 15_000, interval: 20 };
const sorted = (names: readonly string[]) => [...names].sort();

describe.each(outboxDatabases)(
  'the outbox in $name',
  ({ needs, start, connect, killConnections, setNextId, makeReader, reader, unfit, takesNul }) => {
    describe.skipIf(needs !== undefined)(needs ?? 'runs', () => {
      let server: Awaited<ReturnType<typeof start>>;
      let application: Application;
      const sources: OutboxSource[] = [];
      const others: Application[] = [];

      beforeAll(async () => {
        server = await start({ password: testKeys.secretKey });
        application = await connect(server.url);
      }, 60_000);

      beforeEach(async () => {
        expect(await setUp()).toMatchObject({ code: 0 });
      });

      afterEach(async () => {
        for (const source of sources.splice(0)) await close(source);
        for (const other of others.splice(0)) await other.end();
        await application.query(`DROP TABLE IF EXISTS ${table}`);
      });

      afterAll(async () => {
        await application.end();
        await server.stop();
      });

      async function setUp({ isDryRun = false, url = server.url } = {}) {
        const settings: Record<string, string> = { outbox_url: url.href };
        const lines: string[] = [];
        const code = await runOutboxSetup((name) => settings[name], {
          isDryRun,
          write: (line) => lines.push(line),
        });
        return { code, output: lines.join('\n') };
      }

      function readOptions(address = server.url) {
        const url = parseDatabaseUrl('postgres', 'mysql')(address.href);
        if (!('value' in url)) throw new Error(url.expected);
        return { database: url.value, table };
      }

      /** A source whose deliveries are left as they are, unless they are settled at once. */
      function open({
        isSettled = false,
        clock = systemClock,
        url,
        onFirst,
      }: { isSettled?: boolean; clock?: Clock; url?: URL; onFirst?: () => Promise<void> } = {}) {
        const logged: string[] = [];
        const source = new OutboxSource(
          readOptions(url),
          clock,
          new Logger('info', (_, line) => logged.push(line)),
        );
        sources.push(source);
        const deliveries: Delivery[] = [];
        void source.start((delivery) => {
          deliveries.push(delivery);
          if (isSettled) delivery.settle();
          return deliveries.length === 1 && onFirst !== undefined ? onFirst() : Promise.resolve();
        });
        const records = () => deliveries.flatMap((delivery) => delivery.records);
        const names = () => records().map((record) => ('name' in record ? record.name : record.kind));
        return { source, deliveries, records, names, logged };
      }

      async function close(source: OutboxSource): Promise<void> {
        await source.stop();
        await source.close();
      }

      const count = async () => {
        const [row] = await application.query(`SELECT COUNT(*) AS count FROM ${table}`);
        return Number(row?.['count']);
      };
      /** As time would do, if nobody renewed them. */
      const endLeases = () =>
        application.query(`UPDATE ${table} SET claimed_until = '2001-01-01' WHERE claimed_until IS NOT NULL`);
      const countLeases = async () => {
        const [row] = await application.query(
          `SELECT COUNT(*) AS count FROM ${table} WHERE claimed_until > CURRENT_TIMESTAMP`,
        );
        return Number(row?.['count']);
      };

      it('the setup shows what it would do, does it, and finds it done', async () => {
        await application.query(`DROP TABLE ${table}`);
        const dry = await setUp({ isDryRun: true });
        expect(dry).toMatchObject({ code: 0, output: expect.stringMatching(/to do +CREATE TABLE/) });
        expect(dry.output).toContain('nothing was changed');
        expect((await setUp()).output).toMatch(/does +CREATE TABLE/);
        expect(await setUp()).toMatchObject({ code: 0, output: expect.not.stringContaining('CREATE TABLE') });
      });

      it.each(unfit)('the setup refuses a table after $statement', async ({ statement, lack }) => {
        await application.query(`ALTER TABLE ${table} ${statement}`);
        const { code, output } = await setUp();
        expect(code).toBe(1);
        expect(output).toContain(lack);
      });

      it('the setup says who cannot sign in, without the password', async () => {
        const url = new URL(server.url);
        url.username = 'nobody';
        const { code, output } = await setUp({ url });
        expect(code).toBe(1);
        expect(output).toContain('failed ');
        expect(output).not.toContain(testKeys.secretKey);
      });

      it('names arrive as they are, and a row goes when it is settled, not before', async () => {
        const { deliveries, names, source } = open();
        const batch = fc.array(anyName, { minLength: 20, maxLength: 100, size: 'max' });
        const examples: [string[]][] = [[[...uglyNames]]];
        await fc.assert(
          fc.asyncProperty(batch, async (any) => {
            const inserted = any.filter((name) => takesNul || !name.includes('\0'));
            await application.insert(inserted);
            await expect.poll(() => deliveries.length, waiting).toBe(inserted.length);
            expect(sorted(names())).toEqual(sorted(inserted));
            expect(await count()).toBe(inserted.length);
            for (const delivery of deliveries.splice(0)) delivery.settle();
            await expect.poll(count, waiting).toBe(0);
          }),
          { numRuns: 3, examples },
        );
        expect(source.state.status).toBe('running');
      });

      it('a row has the time of the database, whatever the time zone of the application', async () => {
        await application.insert(['a']);
        const { records, deliveries } = open();
        await expect.poll(records, waiting).toHaveLength(1);
        const [record] = records();
        const age = Date.now() - Date.parse((record?.kind === 'created' && record.eventTime) || '');
        expect(Math.abs(age)).toBeLessThan(60_000);
        expect(deliveries[0]?.source).toBe('outbox');
      });

      it('a row that nobody can read is a bad record, with what is in it, and harms no other', async () => {
        await application.query(
          takesNul
            ? `ALTER TABLE ${table} MODIFY name VARBINARY(4096)`
            : `ALTER TABLE ${table} ALTER name DROP NOT NULL`,
        );
        await application.insert(['before']);
        await application.query(`INSERT INTO ${table} (name) VALUES (NULL), ('')`);
        // A lone surrogate, which utf8mb4 would take too. PostgreSQL refuses what is no UTF-8.
        if (takesNul) await application.query(`INSERT INTO ${table} (name) VALUES (X'61EDA080')`);
        await application.insert(['after']);
        const { records, names } = open({ isSettled: true });
        await expect.poll(names, waiting).toContain('after');
        const found = records().flatMap((record) => (record.kind === 'invalid' ? [record.text] : []));
        expect(sorted(names().filter((name) => name !== 'invalid'))).toEqual(['after', 'before']);
        const inIt = ["name='')", ...(takesNul ? ['name=0x61eda080)'] : []), 'name=NULL)'];
        expect(sorted(found.map((text) => text.replace(/^oms_sync_outbox \(id=\d+, /, '')))).toEqual(inIt);
        await expect.poll(count, waiting).toBe(0);
      });

      it('two replicas share the rows, and none has one of the other', async () => {
        await application.insert(Array.from({ length: 3000 }, (_, index) => `${index}`));
        // Each waits with its first row until the other has one too.
        let begun = 0;
        let goOn: () => void = () => undefined;
        const both = new Promise<void>((resolve) => (goOn = resolve));
        const onFirst = () => {
          if (++begun === 2) goOn();
          return both;
        };
        const [first, second] = [open({ onFirst }), open({ onFirst })];
        await expect.poll(() => first.deliveries.length + second.deliveries.length, waiting).toBe(3000);
        const all = [...first.names(), ...second.names()];
        expect(new Set(all).size).toBe(3000);
        for (const delivery of [...first.deliveries, ...second.deliveries]) delivery.settle();
        await expect.poll(count, waiting).toBe(0);
      });

      it('a row whose id came again under another claim is not removed for the one before', async () => {
        await application.insert(['a', 'b']);
        const session = await openOutbox(readOptions());
        try {
          const before = await session.claim(randomUUID(), 10);
          await endLeases();
          const after = await session.claim(randomUUID(), 10);
          // One is settled as it was, the other as it is now.
          await session.remove([...before.slice(0, 1), ...after.slice(1)]);
          expect(await count()).toBe(1);
          await session.release(before);
          expect(await countLeases()).toBe(1);
        } finally {
          session.close();
        }
      });

      it('rows of a replica that is gone come back when their lease ends', async () => {
        await application.insert(['a', 'b']);
        const gone = await openOutbox(readOptions());
        expect(await gone.claim(randomUUID(), 10)).toHaveLength(2);
        gone.close();
        const { source, names } = open();
        await expect.poll(() => source.state.backlog, waiting).toEqual({ count: 2, unit: 'rows' });
        expect(await countLeases()).toBe(2);
        expect(names()).toEqual([]);
        await endLeases();
        await expect.poll(() => sorted(names()), waiting).toEqual(['a', 'b']);
      });

      it('the lease of a row that is not settled for long is renewed', async () => {
        await application.insert(['a']);
        const { deliveries } = open({ clock: new FakeClock() });
        await expect.poll(() => deliveries.length, waiting).toBe(1);
        // Not yet over: otherwise the row could be taken again, which is no renewal.
        await application.query(
          `UPDATE ${table} SET claimed_until = CURRENT_TIMESTAMP + INTERVAL '5' SECOND`,
        );
        const [before] = await application.query(`SELECT claimed_until AS at FROM ${table}`);
        const readLease = async () =>
          (await application.query(`SELECT claimed_until AS at FROM ${table}`))[0];
        await expect.poll(readLease, waiting).not.toEqual(before);
        expect(deliveries).toHaveLength(1);
      });

      it('a stop hands back what is not settled, and others have it at once', async () => {
        await application.insert(['a', 'b']);
        const first = open();
        await expect.poll(() => first.deliveries.length, waiting).toBe(2);
        await first.source.stop();
        first.deliveries
          .find(({ records }) => records[0]?.kind === 'created' && records[0].name === 'a')
          ?.settle();
        first.deliveries
          .find(({ records }) => records[0]?.kind === 'created' && records[0].name === 'b')
          ?.handBack();
        await first.source.close();
        expect(await countLeases()).toBe(0);
        await expect.poll(open().names, waiting).toEqual(['b']);
      });

      it('of two rows whose ids are one for JavaScript, only the one that is settled goes', async () => {
        await application.query(setNextId(2n ** 53n));
        await application.insert(['a', 'b']);
        const { deliveries, names, source } = open();
        await expect.poll(() => sorted(names()), waiting).toEqual(['a', 'b']);
        deliveries[0]?.settle();
        await expect.poll(count, waiting).toBe(1);
        await close(source);
        expect(await count()).toBe(1);
      });

      it('another row with the id of one that is settled stays', async () => {
        await application.insert(['old']);
        const { deliveries, names } = open();
        await expect.poll(names, waiting).toEqual(['old']);
        await application.query(`UPDATE ${table} SET name = 'new', claimed_until = NULL, claim = NULL`);
        await expect.poll(names, waiting).toEqual(['old', 'new']);
        deliveries[0]?.settle();
        await application.insert(['later']);
        await expect.poll(names, waiting).toEqual(['old', 'new', 'later']);
        deliveries[2]?.settle();
        await expect
          .poll(() => application.query(`SELECT name FROM ${table}`), waiting)
          .toEqual([{ name: 'new' }]);
        deliveries[1]?.settle();
        await expect.poll(count, waiting).toBe(0);
      });

      it('rows that the application has locked, or not committed, block no others', async () => {
        await application.insert(['locked']);
        const other = await connect(server.url);
        others.push(other);
        await other.query('START TRANSACTION');
        await other.query(`SELECT * FROM ${table} WHERE id = 1 FOR UPDATE`);
        await other.insert(['uncommitted']);
        await application.insert(['free']);
        const { names } = open({ isSettled: true });
        await expect.poll(names, waiting).toEqual(['free']);
        await other.query('COMMIT');
        await expect.poll(() => sorted(names()), waiting).toEqual(['free', 'locked', 'uncommitted']);
        await other.end();
      });

      it('a connection that is cut is made again; what was settled meanwhile is removed', async () => {
        await application.insert(['a']);
        const { source, deliveries, names, logged } = open();
        await expect.poll(names, waiting).toEqual(['a']);
        await application.query(killConnections);
        deliveries[0]?.settle();
        await application.insert(['b']);
        await expect.poll(names, waiting).toEqual(['a', 'b']);
        await expect.poll(count, waiting).toBe(1);
        expect(source.state).toMatchObject({ status: 'running', detail: undefined });
        expect(logged.join()).toContain('"status":"connecting"');
        expect(logged.join()).not.toContain(testKeys.secretKey);
      });

      it('a table that is not there: failed, with what to do, until it is there', async () => {
        await application.query(`DROP TABLE ${table}`);
        const { source, names } = open({ isSettled: true });
        await expect
          .poll(() => source.state, waiting)
          .toMatchObject({
            status: 'failed',
            detail: `there is no table ${table}: run setup-outbox`,
          });
        await setUp();
        await application.insert(['a']);
        await expect.poll(names, waiting).toEqual(['a']);
        await application.query(`DROP TABLE ${table}`);
        await expect.poll(() => source.state.status, waiting).toBe('failed');
      });

      it('a role without the rights: failed, with what is missing, until it has them', async () => {
        await application.query(makeReader(testKeys.secretKey));
        await application.query(`GRANT SELECT ON ${table} TO ${reader}`);
        await application.insert(['a']);
        const url = new URL(server.url);
        url.username = 'reader';
        const { source, names, logged } = open({ isSettled: true, url });
        await expect
          .poll(() => source.state, waiting)
          .toMatchObject({
            status: 'failed',
            detail: expect.stringContaining('UPDATE'),
          });
        await application.query(`GRANT UPDATE, DELETE ON ${table} TO ${reader}`);
        await expect.poll(names, waiting).toEqual(['a']);
        await close(source);
        expect(await count()).toBe(0);
        expect(logged.filter((line) => line.includes('failed'))).toHaveLength(1);
        expect(logged.join()).not.toContain(testKeys.secretKey);
      });

      it('an idle one is asked less and less often', async () => {
        const clock = new FakeClock();
        const waits: number[] = [];
        const sleep: Clock['sleep'] = (ms, signal) => {
          waits.push(ms);
          return clock.sleep(ms, signal);
        };
        open({ clock: { now: clock.now, sleep } });
        await expect.poll(() => waits.length, waiting).toBeGreaterThan(6);
        expect(waits.slice(0, 7)).toEqual([200, 400, 800, 1600, 2000, 2000, 2000]);
      });

      // The last one: the application has no connection any more.
      it('a server that was killed is found again; nothing is lost, and what was settled does not come again', async () => {
        await application.insert(['settled', 'held']);
        const { source, deliveries, names } = open();
        await expect.poll(() => sorted(names()), waiting).toEqual(['held', 'settled']);
        await server.kill();
        deliveries.find((_, index) => names()[index] === 'settled')?.settle();
        await expect.poll(() => source.state.status, waiting).toBe('connecting');
        await server.startAgain();
        await application.end();
        application = await connect(server.url);
        await application.insert(['new']);
        await expect.poll(names, waiting).toHaveLength(3);
        expect(names()[2]).toBe('new');
        await expect.poll(count, waiting).toBe(2);
      });
    });
  },
);

describe('the version of a server', () => {
  it.each(['8.0.36', '8.4.0', '9.1.0', '10.6.0-MariaDB', '10.11.19-MariaDB-0+deb12u1', '11.4.2-MariaDB'])(
    '%s is new enough',
    (version) => {
      expect(checkVersion(version)).toEqual([]);
    },
  );

  it.each(['5.7.44-log', '10.5.28-MariaDB', '10.3.39-MariaDB-log'])('%s is not', (version) => {
    expect(checkVersion(version)).toEqual([expect.stringContaining(`SKIP LOCKED`)]);
  });
});
