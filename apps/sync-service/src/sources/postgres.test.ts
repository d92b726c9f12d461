import { Logger, systemClock } from '@oms-sync/core';
import { startPostgres, whyNoPostgres, type Postgres } from '@oms-sync/peers';
import { testKeys, uglyNames } from '@oms-sync/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Delivery } from '../delivery.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { runPostgresSetup } from './postgres-setup.ts';
import { PostgresSource } from './postgres.ts';
import { parseTableMappings } from './table-mapping.ts';

const needs = whyNoPostgres();
const tables = 'public.files: s3://{bucket}/{name}';

describe.skipIf(needs !== undefined)(`changes of a PostgreSQL database${needs ? ` (${needs})` : ''}`, () => {
  let postgres: Postgres;
  let client: pg.Client;
  const sources: PostgresSource[] = [];

  beforeAll(async () => {
    postgres = await startPostgres({ password: testKeys.secretKey });
    client = new pg.Client(postgres.url.href);
    await client.connect();
  });

  beforeEach(async () => {
    await client.query(
      'CREATE TABLE files (id serial PRIMARY KEY, bucket text, name text, body text); ALTER TABLE files ALTER body SET STORAGE EXTERNAL',
    );
  });

  afterEach(async () => {
    for (const source of sources.splice(0)) await close(source);
    await client.query('DROP PUBLICATION IF EXISTS oms_sync; DROP TABLE IF EXISTS files');
    await expect.poll(dropSlot).toBe(true);
  });

  afterAll(async () => {
    await client.end();
    await postgres.stop();
  });

  /** False while its connection is not gone yet. */
  async function dropSlot(): Promise<boolean> {
    const { rows } = await client.query<{ active: boolean }>('SELECT active FROM pg_replication_slots');
    if (rows.some(({ active }) => active)) return false;
    await client.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots');
    return true;
  }

  async function setUp(args: { readonly isDryRun?: boolean; readonly user?: string } = {}) {
    const url = new URL(postgres.url);
    if (args.user !== undefined) url.username = args.user;
    const settings: Record<string, string> = { postgres_url: url.href, postgres_tables: tables };
    const lines: string[] = [];
    const code = await runPostgresSetup((name) => settings[name], {
      isDryRun: args.isDryRun ?? false,
      write: (line) => lines.push(line),
    });
    return { code, output: lines.join('\n') };
  }

  function open({ submit }: { submit?: (delivery: Delivery) => Promise<void> } = {}) {
    const url = parseDatabaseUrl('postgres')(postgres.url.href);
    const mappings = parseTableMappings(tables);
    if (!('value' in url && 'value' in mappings)) throw new Error('wrong settings');
    const options = {
      database: url.value,
      tables: mappings.value,
      slot: 'oms_sync',
      publication: 'oms_sync',
      maxRetainedBytes: 1,
    };
    const source = new PostgresSource(options, systemClock, new Logger('error', () => undefined));
    sources.push(source);
    const deliveries: Delivery[] = [];
    const take = (delivery: Delivery) => {
      deliveries.push(delivery);
      return Promise.resolve();
    };
    const records = () => deliveries.flatMap((delivery) => delivery.records);
    const names = () => records().flatMap((record) => (record.kind === 'created' ? [record.name] : []));
    void source.start(submit ?? take);
    return { source, deliveries, records, names };
  }

  async function close(source: PostgresSource): Promise<void> {
    await source.stop();
    await source.close();
  }

  const insert = (...names: readonly (string | null)[]) =>
    client.query("INSERT INTO files (bucket, name) SELECT 'b', unnest($1::text[])", [names]);

  const readConfirmed = async () => {
    const { rows } = await client.query<{ lsn: string; isCurrent: boolean }>(
      'SELECT confirmed_flush_lsn::text AS lsn, confirmed_flush_lsn >= pg_current_wal_lsn() AS "isCurrent" FROM pg_replication_slots',
    );
    return rows[0];
  };

  it('the setup shows what it would do, does it, and finds it done', async () => {
    const dry = await setUp({ isDryRun: true });
    expect(dry).toMatchObject({ code: 0, output: expect.stringMatching(/to do +CREATE PUBLICATION/) });
    const first = await setUp();
    expect(first.code).toBe(0);
    expect(first.output).toMatch(/does +CREATE PUBLICATION .*\n.*does +SELECT pg_create_logical/);
    expect(first.output).toContain('REPLICA IDENTITY FULL');
    const second = await setUp();
    expect(second).toMatchObject({ code: 0, output: expect.not.stringContaining('does') });
  });

  it('the setup names every right that is missing', async () => {
    await client.query(`CREATE ROLE weak LOGIN PASSWORD ${pg.escapeLiteral(testKeys.secretKey)}`);
    await client.query('ALTER TABLE files DROP CONSTRAINT files_pkey');
    const { code, output } = await setUp({ user: 'weak' });
    expect(code).toBe(1);
    for (const missing of [
      'ALTER ROLE "weak" REPLICATION',
      'GRANT CREATE',
      'ownership',
      'replica identity',
    ]) {
      expect(output).toContain(missing);
    }
    expect(output).not.toContain(testKeys.secretKey);
    await client.query('DROP ROLE weak');
  });

  it('names of inserts and updates arrive as they are, and the slot moves when they are settled', async () => {
    await setUp();
    const names = uglyNames.filter((name) => !name.includes('\0'));
    await insert(...names);
    await client.query("UPDATE files SET name = 'updated' WHERE id = (SELECT min(id) FROM files)");
    await insert(null);
    await client.query('DELETE FROM files');
    const { source, records, deliveries, names: seen } = open();
    await expect.poll(() => records().length).toBe(names.length + 2);
    expect(seen()).toEqual([...names, 'updated']);
    expect(records().at(-1)).toMatchObject({ kind: 'invalid', reason: expect.stringContaining('is NULL') });
    expect(records()[0]).toMatchObject({ store: 's3', bucket: 'b' });
    const before = await readConfirmed();
    [...deliveries].reverse().forEach((delivery) => delivery.settle());
    await expect.poll(readConfirmed).toMatchObject({ isCurrent: true });
    expect(before?.isCurrent).toBe(false);
    expect(source.state).toMatchObject({ status: 'running', backlog: { unit: 'bytes' } });
    expect(JSON.stringify(source.state)).not.toContain(testKeys.secretKey);
  });

  it('what is not settled comes again, also from behind something that is', async () => {
    await setUp();
    await insert('a');
    await insert('b');
    await insert('c');
    const first = open();
    await expect.poll(first.names).toEqual(['a', 'b', 'c']);
    first.deliveries[0]?.settle();
    first.deliveries[2]?.settle();
    await close(first.source);
    await expect.poll(open().names).toEqual(['b', 'c']);
  });

  it('a second service waits, and takes over', async () => {
    await setUp();
    const first = open();
    await expect.poll(() => first.source.state.status).toBe('running');
    const second = open();
    await expect.poll(() => second.source.state.detail).toContain('another process reads the slot');
    await close(first.source);
    await insert('a');
    await expect.poll(second.names, { timeout: 10_000 }).toEqual(['a']);
  });

  it('a connection that is cut is made again', async () => {
    await setUp();
    const { source, names } = open();
    await expect.poll(() => source.state.status).toBe('running');
    await client.query('SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots');
    await insert('a');
    await expect.poll(names, { timeout: 10_000 }).toEqual(['a']);
    expect(source.state.status).toBe('running');
  });

  it('an update without the name is on the failed list, and has it with REPLICA IDENTITY FULL', async () => {
    await setUp();
    const long = 'x'.repeat(5000);
    await client.query('ALTER TABLE files ALTER name SET STORAGE EXTERNAL');
    await insert(long);
    await client.query("UPDATE files SET body = 'new'");
    await client.query('ALTER TABLE files REPLICA IDENTITY FULL');
    await client.query("UPDATE files SET body = 'newer'");
    const { records } = open();
    await expect.poll(() => records().length).toBe(3);
    expect(records().map(({ kind }) => kind)).toEqual(['created', 'invalid', 'created']);
    expect(records()[1]).toMatchObject({ reason: expect.stringContaining('REPLICA IDENTITY FULL') });
    expect(records()[2]).toMatchObject({ name: long });
  });

  it('a new column changes nothing; a renamed one is told, and its rows are bad ones', async () => {
    await setUp();
    const { source, names, records } = open();
    await client.query('ALTER TABLE files ADD COLUMN more text');
    await insert('a');
    await client.query('ALTER TABLE files RENAME name TO title');
    await client.query("INSERT INTO files (bucket, title) VALUES ('b', 'lost?')");
    await client.query('ALTER TABLE files RENAME title TO name');
    await expect.poll(() => source.state.detail).toContain('public.files has no column "name"');
    await insert('c');
    await expect.poll(names).toEqual(['a', 'c']);
    expect(records()[1]).toMatchObject({ kind: 'invalid', text: 'public.files (id=2)' });
    expect(source.state.detail ?? '').not.toContain('has no column');
  });

  it('a slot that is not there, or a publication: failed, with what to do, until it is there', async () => {
    const { source, names } = open();
    await expect.poll(() => source.state).toMatchObject({ status: 'failed' });
    expect(source.state.detail).toContain('there is no slot oms_sync: run setup-postgres');
    await setUp();
    await insert('a');
    await expect.poll(names, { timeout: 10_000 }).toEqual(['a']);
    await client.query('DROP PUBLICATION oms_sync');
    await insert('b');
    await expect.poll(() => source.state.detail).toContain('the publication oms_sync is gone');
  });

  it('a transaction of many rows waits in the database while nothing is taken', async () => {
    await setUp();
    let submitted = 0;
    const { source } = open({
      submit: () => {
        submitted++;
        return new Promise(() => undefined);
      },
    });
    await client.query(
      "INSERT INTO files (bucket, name, body) SELECT 'b', n::text, repeat('x', 1000) FROM generate_series(1, 50000) n",
    );
    const readSent = async () => {
      const { rows } = await client.query<{ waits: boolean }>(
        "SELECT wait_event = 'WalSenderWriteData' AS waits FROM pg_stat_activity WHERE backend_type = 'walsender'",
      );
      return rows[0]?.waits;
    };
    await expect.poll(readSent, { timeout: 10_000 }).toBe(true);
    expect(submitted).toBe(1);
    expect(source.state.status).toBe('running');
  });
});
