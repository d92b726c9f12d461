import { readValues, SettingsError } from '@oms-sync/core';
import pg from 'pg';
import { carryOut, type SetupOptions, type SetupPlan } from './database-setup.ts';
import { getErrorCode } from './database-url.ts';
import { withClient } from './postgres-slot.ts';
import {
  findPostgresContradictions,
  postgresSettings,
  readPostgresOptions,
  type PostgresOptions,
  type PostgresValues,
} from './postgres.ts';
import { findColumns, type TableMapping } from './table-mapping.ts';

/**
 * `setup-postgres`: makes the publication and the slot that the settings name. A second call finds everything there.
 *
 * @returns the exit code: 0 if all is there (or would be), 1 if something is missing.
 * @throws {SettingsError}
 */
export async function runPostgresSetup(
  lookUp: (name: string) => string | undefined,
  setup: SetupOptions,
): Promise<number> {
  const options = readSetupSettings(lookUp);
  const { database } = options;
  const { write } = setup;
  write(`database ${database.place}`);
  try {
    return await withClient(options, async (client) => {
      const plan = await makePlan(client, options);
      return carryOut(plan, (step) => client.query(step), setup);
    });
  } catch (error) {
    write(`failed   ${database.describe(error)}`);
    // query_canceled: by the statement timeout
    if (getErrorCode(error) === '57014')
      write('         a slot waits for all transactions that are open: try again');
    return 1;
  }
}

function readSetupSettings(lookUp: (name: string) => string | undefined): PostgresOptions {
  const { found, problems } = readValues(postgresSettings, lookUp);
  const all = problems.length > 0 ? problems : [...findPostgresContradictions(found)];
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- whatever is missing was a problem
  const options = all.length > 0 ? undefined : readPostgresOptions(found as PostgresValues);
  if (options !== undefined) return options;
  const missing = { setting: 'postgres_url', expected: 'the address of the database', found: 'nothing' };
  throw new SettingsError(all.length > 0 ? all : [missing]);
}

async function makePlan(client: pg.Client, options: PostgresOptions): Promise<SetupPlan> {
  const server = await checkServer(client);
  const tables: SetupPlan[] = [];
  for (const mapping of options.tables) tables.push(await checkTable(client, mapping));
  // The publication first: a slot that is older does not know it.
  const publication = await planPublication(client, options, server.mayCreate);
  const slot = await planSlot(client, options);
  const parts = [{ ...server, steps: [], notes: [] }, ...tables, publication, slot];
  return {
    steps: parts.flatMap(({ steps }) => steps),
    problems: parts.flatMap(({ problems }) => problems),
    notes: parts.flatMap(({ notes }) => notes),
  };
}

/** Managed databases give the right to replicate by membership in a role of this name. */
const serverQuery = `SELECT current_setting('wal_level') AS wal_level, current_user AS "user", current_database() AS database,
    current_setting('server_version_num')::int AS version,
    has_database_privilege(current_database(), 'CREATE') AS may_create,
    rolsuper OR rolreplication OR EXISTS (
      SELECT FROM pg_roles granted WHERE granted.rolname = 'rds_replication' AND pg_has_role(granted.oid, 'MEMBER')
    ) AS may_replicate
  FROM pg_roles WHERE rolname = current_user`;

interface ServerRow {
  readonly wal_level: string;
  readonly user: string;
  readonly database: string;
  readonly version: number;
  readonly may_create: boolean;
  readonly may_replicate: boolean;
}

async function checkServer(
  client: pg.Client,
): Promise<{ readonly problems: readonly string[]; readonly mayCreate: string | undefined }> {
  const { rows } = await client.query<ServerRow>(serverQuery);
  const [row] = rows;
  if (row === undefined) return { problems: ['the role of this connection'], mayCreate: undefined };
  const user = pg.escapeIdentifier(row.user);
  const problems: string[] = [];
  if (row.version < 130_000) problems.push('PostgreSQL 13 or newer');
  if (row.wal_level !== 'logical') {
    problems.push(
      `wal_level is ${row.wal_level}: ALTER SYSTEM SET wal_level = logical, then restart the server (of a managed database: its parameter, such as rds.logical_replication)`,
    );
  }
  if (!row.may_replicate) {
    problems.push(
      `the right to replicate: ALTER ROLE ${user} REPLICATION (of RDS: GRANT rds_replication TO ${user})`,
    );
  }
  const grant = `the right to make a publication: GRANT CREATE ON DATABASE ${pg.escapeIdentifier(row.database)} TO ${user}`;
  return { problems, mayCreate: row.may_create ? undefined : grant };
}

const tableQuery = `SELECT c.relreplident AS identity, pg_has_role(c.relowner, 'USAGE') AS is_owner, a.attname AS column,
    a.attstorage <> 'p' AS is_long,
    EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND a.attnum = ANY (i.indkey)
      AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident ELSE false END) AS is_key
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p')`;

interface ColumnRow {
  readonly identity: string;
  readonly is_owner: boolean;
  readonly column: string;
  readonly is_long: boolean;
  readonly is_key: boolean;
}

async function checkTable(client: pg.Client, mapping: TableMapping): Promise<SetupPlan> {
  const { schema, table } = mapping;
  const { rows } = await client.query<ColumnRow>(tableQuery, [schema, table]);
  const path = `${schema}.${table}`;
  const [first] = rows;
  if (first === undefined) return { steps: [], problems: [`there is no table ${path}`], notes: [] };
  const needed = findColumns(mapping);
  const problems = needed
    .filter((name) => !rows.some(({ column }) => column === name))
    .map((name) => `${path} has no column "${name}"`);
  const full = `ALTER TABLE ${quote(mapping)} REPLICA IDENTITY FULL`;
  if (!first.is_owner) problems.push(`ownership of ${path}: only its owner may publish it`);
  if (first.identity !== 'f' && !rows.some((row) => row.is_key)) {
    problems.push(
      `${path} has no replica identity, so that all updates of it would fail: a primary key, or ${full}`,
    );
  }
  const long = rows.filter((row) => needed.includes(row.column) && row.is_long && !row.is_key);
  const names = long.map(({ column }) => `"${column}"`).join(', ');
  const note = `an update of ${path} that leaves ${names} unchanged may not carry it in rows of 2 kB and more, and goes on the failed list then: ${full}`;
  return { steps: [], problems, notes: first.identity === 'f' || long.length === 0 ? [] : [note] };
}

async function planPublication(
  client: pg.Client,
  { publication, tables }: PostgresOptions,
  lack: string | undefined,
): Promise<SetupPlan> {
  const { rows } = await client.query<{ pubinsert: boolean; pubupdate: boolean }>(
    'SELECT pubinsert, pubupdate FROM pg_publication WHERE pubname = $1',
    [publication],
  );
  const name = pg.escapeIdentifier(publication);
  const [found] = rows;
  if (found === undefined) {
    const list = tables.map(quote).join(', ');
    // Without deletes: those of a table would need a replica identity. By the root: mappings do not name partitions.
    const options = "publish = 'insert, update', publish_via_partition_root = true";
    const step = `CREATE PUBLICATION ${name} FOR TABLE ${list} WITH (${options})`;
    return { steps: [step], problems: lack === undefined ? [] : [lack], notes: [] };
  }
  const { rows: published } = await client.query<{ schemaname: string; tablename: string }>(
    'SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = $1',
    [publication],
  );
  const missing = tables.filter(
    ({ schema, table }) => !published.some((row) => row.schemaname === schema && row.tablename === table),
  );
  const isWhole = found.pubinsert && found.pubupdate;
  return {
    steps:
      missing.length === 0 ? [] : [`ALTER PUBLICATION ${name} ADD TABLE ${missing.map(quote).join(', ')}`],
    problems: isWhole
      ? []
      : [
          `inserts and updates in the publication: ALTER PUBLICATION ${name} SET (publish = 'insert, update')`,
        ],
    notes: [],
  };
}

interface SlotRow {
  readonly plugin: string | null;
  readonly database: string | null;
  readonly current: string;
  readonly wal_status: string | null;
}

async function planSlot(client: pg.Client, { slot }: PostgresOptions): Promise<SetupPlan> {
  const { rows } = await client.query<SlotRow>(
    'SELECT plugin, database, current_database() AS current, wal_status FROM pg_replication_slots WHERE slot_name = $1',
    [slot],
  );
  const [found] = rows;
  const literal = pg.escapeLiteral(slot);
  if (found === undefined) {
    return {
      steps: [`SELECT pg_create_logical_replication_slot(${literal}, 'pgoutput')`],
      problems: [],
      notes: [],
    };
  }
  const problems: string[] = [];
  if (found.plugin !== 'pgoutput' || found.database !== found.current) {
    problems.push(`the slot ${slot} is of another plugin or database: choose another name in postgres_slot`);
  } else if (found.wal_status === 'lost') {
    problems.push(
      `the slot ${slot} has lost changes: SELECT pg_drop_replication_slot(${literal}), come again, then compare the buckets (oms-sync reconcile)`,
    );
  }
  return { steps: [], problems, notes: [] };
}

function quote({ schema, table }: TableMapping): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}
