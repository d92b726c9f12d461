import pg from 'pg';
import type { SetupPlan } from './database-setup.ts';
import {
  connectTimeoutMs,
  findMissingColumns,
  leaseSeconds,
  maxCount,
  statementTimeoutMs,
  type ChangeRows,
  type OutboxOptions,
  type OutboxRow,
  type OutboxSession,
} from './outbox-table.ts';

/** Connects to an outbox in PostgreSQL 10 or newer. */
export async function openPostgresOutbox({ database, table }: OutboxOptions): Promise<OutboxSession> {
  const client = new pg.Client({
    connectionString: database.url.reveal(),
    application_name: 'oms-sync',
    client_encoding: 'UTF8',
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: 1.5 * statementTimeoutMs,
  });
  client.on('error', () => undefined); // The statement that is under way fails with it, or the next one.
  await client.connect();
  const name = table.split('.').map(pg.escapeIdentifier).join('.');
  const lease = `now() + interval '${leaseSeconds} seconds'`;
  const change =
    (statement: string): ChangeRows =>
    async (rows) => {
      await client.query(
        `${statement} WHERE id = ANY($1::bigint[]) AND (id, claim) IN (SELECT * FROM unnest($1::bigint[], $2::uuid[]))`,
        [rows.map(({ id }) => id), rows.map(({ claim }) => claim)],
      );
    };
  return {
    plan: () => makePlan(client, name),
    async run(step) {
      await client.query(step);
    },
    async claim(claim, count) {
      // The bytes of the name: what is no UTF-8, in a database that does not care, must not become another name.
      const { rows } = await client.query<OutboxRow>(
        `WITH free AS (
           SELECT id FROM ${name} WHERE claimed_until IS NULL OR claimed_until < now()
           ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED)
         UPDATE ${name} AS outbox SET claimed_until = ${lease}, claim = $2 FROM free WHERE outbox.id = free.id
         RETURNING outbox.id::text, claim::text, textsend(name::text) AS name,
           to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') AS "createdAt"`,
        [count, claim],
      );
      return rows;
    },
    renew: change(`UPDATE ${name} SET claimed_until = ${lease}`),
    remove: change(`DELETE FROM ${name}`),
    release: change(`UPDATE ${name} SET claimed_until = NULL, claim = NULL`),
    async count() {
      const { rows } = await client.query<{ count: number }>(
        `SELECT count(*)::int AS count FROM (SELECT FROM ${name} LIMIT ${maxCount}) AS counted`,
      );
      return rows[0]?.count ?? 0;
    },
    close() {
      // Not waited for: the other end may be gone without a word.
      client.end().catch(() => undefined);
    },
  };
}

function makeDdl(name: string): string {
  return `CREATE TABLE IF NOT EXISTS ${name} (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name          varchar(1024) NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  claimed_until timestamptz,
  claim         uuid
)`;
}

const planQuery = `SELECT current_setting('server_version_num')::int AS version,
    current_setting('server_encoding') AS encoding, current_user AS "user", to_regclass($1) IS NOT NULL AS is_there,
    has_table_privilege(to_regclass($1), 'SELECT') AND has_table_privilege(to_regclass($1), 'UPDATE')
      AND has_table_privilege(to_regclass($1), 'DELETE') AS may_use,
    ARRAY(SELECT attname::text FROM pg_attribute
      WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped) AS columns`;

interface PlanRow {
  readonly version: number;
  readonly encoding: string;
  readonly user: string;
  readonly is_there: boolean;
  readonly may_use: boolean | null;
  readonly columns: readonly string[];
}

async function makePlan(client: pg.Client, name: string): Promise<SetupPlan> {
  const { rows } = await client.query<PlanRow>(planQuery, [name]);
  const [row] = rows;
  if (row === undefined) throw new TypeError('a query without a table gives one row');
  const problems: string[] = [];
  if (row.version < 100_000) problems.push('PostgreSQL 10 or newer');
  const notes =
    row.encoding === 'UTF8' ? [] : [`the database is encoded in ${row.encoding}: it takes no other names`];
  if (!row.is_there) return { steps: [makeDdl(name)], problems, notes };
  if (row.may_use === false) {
    const user = pg.escapeIdentifier(row.user);
    problems.push(`the rights to work with ${name}: GRANT SELECT, UPDATE, DELETE ON ${name} TO ${user}`);
  }
  problems.push(...findMissingColumns(name, row.columns));
  return { steps: [], problems, notes };
}
