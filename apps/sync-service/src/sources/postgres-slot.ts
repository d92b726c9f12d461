import pg from 'pg';
import type { PostgresOptions } from './postgres.ts';

/** How the replication slot is. */
export interface SlotHealth {
  /** How much of the write-ahead log the server keeps for it. */
  readonly retainedBytes: number | undefined;
  /** For people. */
  readonly warnings: readonly string[];
}

const slotQuery = `SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::float8 AS retained, wal_status
  FROM pg_replication_slots WHERE slot_name = $1`;
const tablesQuery = 'SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = $1';

/** Looks at the slot and the publication by a connection of its own. */
export async function checkSlot(options: PostgresOptions): Promise<SlotHealth> {
  const { slot, publication, tables, maxRetainedBytes } = options;
  return withClient(options, async (client) => {
    const { rows: slots } = await client.query<{ retained: number | null; wal_status: string | null }>(
      slotQuery,
      [slot],
    );
    const { rows: published } = await client.query<{ schemaname: string; tablename: string }>(tablesQuery, [
      publication,
    ]);
    const warnings = tables
      .filter(
        ({ schema, table }) =>
          !published.some(({ schemaname, tablename }) => schemaname === schema && tablename === table),
      )
      .map(
        ({ schema, table }) => `the publication ${publication} does not have the table ${schema}.${table}`,
      );
    const [found] = slots;
    if (found === undefined) return { retainedBytes: undefined, warnings };
    const retainedBytes = found.retained ?? undefined;
    if (retainedBytes !== undefined && retainedBytes > maxRetainedBytes) {
      const megabytes = Math.round(maxRetainedBytes / 1024 / 1024);
      warnings.push(
        `the slot ${slot} keeps more than ${megabytes} MB of the write-ahead log on the database's disk`,
      );
    }
    if (found.wal_status === 'unreserved' || found.wal_status === 'lost') {
      warnings.push(
        `the slot ${slot} exceeds max_slot_wal_keep_size of the database: it is ${found.wal_status}`,
      );
    }
    return { retainedBytes, warnings };
  });
}

/** Runs something on a connection that is closed afterwards. */
export async function withClient<Result>(
  { database }: Pick<PostgresOptions, 'database'>,
  work: (client: pg.Client) => Promise<Result>,
): Promise<Result> {
  const client = new pg.Client({
    connectionString: database.url.reveal(),
    application_name: 'oms-sync',
    connectionTimeoutMillis: 15_000,
    statement_timeout: 30_000,
    query_timeout: 60_000,
  });
  client.on('error', () => undefined); // The query that is under way fails with it, and whoever waits for that sees it.
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
