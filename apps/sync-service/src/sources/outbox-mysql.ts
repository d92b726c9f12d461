import mysql from 'mysql2/promise';
import type { SetupPlan } from './database-setup.ts';
import {
  connectTimeoutMs,
  findMissingColumns,
  leaseSeconds,
  maxCount,
  statementTimeoutMs,
  type ChangeRows,
  type OutboxOptions,
  type OutboxSession,
} from './outbox-table.ts';

/** A row of a result; every value is the text that the server has sent. */
type TextRow = Readonly<Record<string, Buffer | null>>;
type Query = (sql: string, values?: readonly unknown[]) => Promise<readonly TextRow[]>;

/** Connects to an outbox in MySQL 8.0 or MariaDB 10.6, or newer: those have SKIP LOCKED. */
export async function openMysqlOutbox({ database, table }: OutboxOptions): Promise<OutboxSession> {
  const connection = await mysql.createConnection({
    uri: database.url.reveal().replace(/^mariadb:/, 'mysql:'),
    connectTimeout: connectTimeoutMs,
    charset: 'utf8mb4_bin',
    // The bytes: what is no UTF-8, which utf8mb4 has room for, must not become another name.
    typeCast: (field) => field.buffer(),
  });
  connection.on('error', () => undefined); // The statement that is under way fails with it, or the next one.
  const query: Query = async (sql, values = []) => {
    const [rows] = await connection.query<mysql.RowDataPacket[]>({
      sql,
      values: [...values],
      timeout: 1.5 * statementTimeoutMs,
    });
    return rows;
  };
  try {
    for (const statement of sessionStatements) await query(statement);
  } catch (error) {
    connection.destroy();
    throw error;
  }
  const name = table
    .split('.')
    .map((part) => mysql.escapeId(part, true))
    .join('.');
  const lease = `NOW(3) + INTERVAL ${leaseSeconds} SECOND`;
  const change =
    (statement: string): ChangeRows =>
    async (rows) => {
      // Numbers: as texts they are compared as floating-point numbers. By id alone first, for which there is an index.
      const pairs = rows.map(({ id, claim }) => [BigInt(id), claim] as const);
      await query(`${statement} WHERE id IN (?) AND (id, claim) IN (?)`, [pairs.map(([id]) => id), pairs]);
    };
  return {
    plan: () => makePlan(query, table, name),
    async run(step) {
      await query(step);
    },
    async claim(claim, count) {
      // There is no UPDATE … RETURNING, and no UPDATE … SKIP LOCKED.
      await query('START TRANSACTION');
      const rows = await query(
        `SELECT id, name, DATE_FORMAT(created_at, '%Y-%m-%dT%H:%i:%s.%fZ') AS created_at FROM ${name}
         WHERE claimed_until IS NULL OR claimed_until < NOW(3) ORDER BY id LIMIT ? FOR UPDATE SKIP LOCKED`,
        [count],
      );
      const claimed = rows.map((row) => ({
        id: String(row['id']),
        claim,
        name: row['name'] ?? null,
        createdAt: row['created_at']?.toString(),
      }));
      if (claimed.length > 0) {
        await query(`UPDATE ${name} SET claimed_until = ${lease}, claim = ? WHERE id IN (?)`, [
          claim,
          claimed.map(({ id }) => BigInt(id)),
        ]);
      }
      await query('COMMIT');
      return claimed;
    },
    renew: change(`UPDATE ${name} SET claimed_until = ${lease}`),
    remove: change(`DELETE FROM ${name}`),
    release: change(`UPDATE ${name} SET claimed_until = NULL, claim = NULL`),
    async count() {
      const [row] = await query(
        `SELECT COUNT(*) AS count FROM (SELECT 1 FROM ${name} LIMIT ${maxCount}) AS counted`,
      );
      return Number(row?.['count']);
    },
    close: () => connection.destroy(),
  };
}

/**
 * With REPEATABLE READ InnoDB would lock the gaps between rows too, and inserts of the application would wait. What waits
 * for a lock ends before the connection does.
 */
const sessionStatements = [
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION autocommit = 1, time_zone = '+00:00', innodb_lock_wait_timeout = ${statementTimeoutMs / 1000}, lock_wait_timeout = ${statementTimeoutMs / 1000}`,
];

function makeDdl(name: string): string {
  return `CREATE TABLE IF NOT EXISTS ${name} (
  id            BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
  name          VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
  created_at    TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  claimed_until TIMESTAMP(3) NULL DEFAULT NULL,
  claim         CHAR(36) CHARACTER SET ascii COLLATE ascii_bin NULL DEFAULT NULL
) ENGINE = InnoDB`;
}

const columnsQuery = `SELECT t.ENGINE AS engine, c.COLUMN_NAME AS column_name, c.CHARACTER_SET_NAME AS charset
  FROM information_schema.TABLES t
    JOIN information_schema.COLUMNS c ON c.TABLE_SCHEMA = t.TABLE_SCHEMA AND c.TABLE_NAME = t.TABLE_NAME
  WHERE t.TABLE_SCHEMA = COALESCE(?, DATABASE()) AND t.TABLE_NAME = ?`;

async function makePlan(query: Query, table: string, name: string): Promise<SetupPlan> {
  const [server] = await query('SELECT VERSION() AS version');
  const problems = checkVersion(String(server?.['version']));
  const [own, schema] = table.split('.').reverse();
  const rows = await query(columnsQuery, [schema ?? null, own]);
  const columns = rows.map((row) => ({ column: String(row['column_name']), charset: row['charset'] }));
  const [first] = rows;
  if (first === undefined) return { steps: [makeDdl(name)], problems, notes: [] };
  const engine = String(first['engine']);
  if (engine !== 'InnoDB') {
    problems.push(`transactions for ${name}, which is of ${engine}: ALTER TABLE ${name} ENGINE = InnoDB`);
  }
  const charset = columns.find(({ column }) => column === 'name')?.charset?.toString();
  if (charset !== undefined && charset !== 'utf8mb4') {
    problems.push(
      `room for every name in ${name}, whose column name is of ${charset}: ALTER TABLE ${name} MODIFY name VARCHAR(1024) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL`,
    );
  }
  problems.push(
    ...findMissingColumns(
      name,
      columns.map(({ column }) => column.toLowerCase()),
    ),
  );
  return { steps: [], problems, notes: [] };
}

/** MariaDB counts its own way, and says who it is. */
export function checkVersion(version: string): string[] {
  const [major = 0, minor = 0] = version.split(/[.-]/).map(Number);
  const isMariadb = /mariadb/i.test(version);
  const isNewEnough = isMariadb ? major > 10 || (major === 10 && minor >= 6) : major >= 8;
  return isNewEnough
    ? []
    : [`SELECT … FOR UPDATE SKIP LOCKED: MySQL 8.0 or MariaDB 10.6, or newer (this is ${version})`];
}
