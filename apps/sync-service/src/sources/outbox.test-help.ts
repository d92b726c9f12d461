import { startMariadb, startPostgres, whyNoMariadb, whyNoPostgres } from '@oms-sync/peers';
import mysql from 'mysql2/promise';
import pg from 'pg';

/** The application that writes into the outbox. */
export interface Application {
  /** Runs one statement. Gives the rows that it selects. */
  query(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** In one statement. */
  insert(names: readonly string[]): Promise<void>;
  end(): Promise<void>;
}

const dropped = { statement: 'DROP COLUMN claim', lack: 'has no column "claim"' };

/** The databases that the tests of the outbox run against. */
export const outboxDatabases = [
  {
    name: 'PostgreSQL',
    needs: whyNoPostgres(),
    start: startPostgres,
    connect: connectPostgres,
    killConnections:
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'oms-sync'",
    setNextId: (id: bigint) => `ALTER TABLE oms_sync_outbox ALTER id RESTART WITH ${id}`,
    makeReader: (password: string) => `CREATE ROLE reader LOGIN PASSWORD '${password}'`,
    reader: 'reader',
    unfit: [dropped],
    takesNul: false,
  },
  {
    name: 'MariaDB',
    needs: whyNoMariadb(),
    start: startMariadb,
    connect: connectMysql,
    killConnections:
      "BEGIN NOT ATOMIC FOR other IN (SELECT id FROM information_schema.processlist WHERE user = 'test' AND id <> CONNECTION_ID()) DO KILL other.id; END FOR; END",
    setNextId: (id: bigint) => `ALTER TABLE oms_sync_outbox AUTO_INCREMENT = ${id}`,
    makeReader: (password: string) => `CREATE USER reader@'127.0.0.1' IDENTIFIED BY '${password}'`,
    reader: "reader@'127.0.0.1'",
    unfit: [
      dropped,
      { statement: 'MODIFY name VARCHAR(99) CHARACTER SET latin1', lack: 'whose column name is of latin1' },
      { statement: 'ENGINE = MyISAM', lack: 'which is of MyISAM' },
    ],
    takesNul: true,
  },
] as const;

async function connectPostgres(url: URL): Promise<Application> {
  const client = new pg.Client(url.href);
  client.on('error', () => undefined);
  await client.connect();
  return {
    query: async (sql) => (await client.query<Record<string, unknown>>(sql)).rows,
    insert: async (names) => {
      await client.query('INSERT INTO oms_sync_outbox (name) SELECT unnest($1::text[])', [names]);
    },
    end: () => client.end(),
  };
}

async function connectMysql(url: URL): Promise<Application> {
  const connection = await mysql.createConnection({ uri: url.href, charset: 'utf8mb4' });
  connection.on('error', () => undefined);
  return {
    query: async (sql) => {
      const [rows] = await connection.query<mysql.RowDataPacket[]>(sql);
      return rows;
    },
    insert: async (names) => {
      await connection.query('INSERT INTO oms_sync_outbox (name) VALUES ?', [names.map((name) => [name])]);
    },
    end: async () => connection.destroy(),
  };
}
