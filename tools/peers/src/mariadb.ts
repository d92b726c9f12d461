import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findCommand, freePorts, run, Server } from './process.ts';

/** A MariaDB that runs. */
export interface Mariadb {
  /** Of a user that may do everything, with the password, and of an empty database. */
  readonly url: URL;
  /** Ends it at once, as a crash does. Its data stays. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}, on the same port. Resolves when it takes connections. */
  startAgain(): Promise<void>;
  /** Stops it and removes all it held. A second call does no more. */
  stop(): Promise<void>;
}

export interface MariadbOptions {
  readonly password: string;
}

/**
 * Why tests against MariaDB are to be skipped: what it takes to run them. Undefined when it is here, and also when
 * OMS_SYNC_PEERS=required asks for all peers: then {@link startMariadb} fails.
 */
export function whyNoMariadb(): string | undefined {
  return process.env['OMS_SYNC_PEERS'] === 'required' ? undefined : findLack();
}

/** Debian's folder of servers is on the path of root only. */
function find(program: string): string | undefined {
  return findCommand(program) ?? findCommand(program, '/usr/sbin');
}

function findLack(): string | undefined {
  return ['mariadbd', 'mariadb-install-db', 'my_print_defaults'].every(find)
    ? undefined
    : "needs Debian's MariaDB: apt-get install mariadb-server-core mariadb-client-core";
}

/**
 * Starts MariaDB with a new database on a free port of the loopback address. It is not for keeping anything: it does not
 * sync.
 *
 * @throws {Error} when it is not installed, or does not start.
 */
export async function startMariadb({ password }: MariadbOptions): Promise<Mariadb> {
  const lack = findLack();
  if (lack !== undefined) throw new Error(lack);
  const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-mariadb-'));
  const port = await freePorts(1);
  const output = path.join(folder, 'output');
  const statements = path.join(folder, 'statements.sql');
  const common = [
    '--no-defaults',
    `--datadir=${path.join(folder, 'data')}`,
    '--skip-name-resolve',
    '--innodb-log-file-size=4M',
    // It does not run as root unless it is told to.
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
  ];
  let server: Server | undefined;
  const start = async () => {
    const here = [`--port=${port}`, '--bind-address=127.0.0.1', `--socket=${path.join(folder, 'socket')}`];
    // Written at each commit, which is enough for a kill, and synced when it likes.
    const quick = ['--innodb-flush-log-at-trx-commit=2', '--innodb-buffer-pool-size=32M'];
    const files = [`--pid-file=${path.join(folder, 'pid')}`, `--init-file=${statements}`];
    server = new Server(find('mariadbd') ?? '', [...common, ...here, ...quick, ...files], {
      logFile: output,
    });
    // It listens before, and takes no notice of a signal then.
    await server.until(async () => (await readFile(output, 'utf8')).includes('ready for connections'));
  };
  const stop = async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await writeFile(statements, makeUser(password));
    const install = ['--auth-root-authentication-method=normal', '--skip-test-db'];
    await run(find('mariadb-install-db') ?? '', [...common, ...install]);
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: new URL(`mysql://test:${encodeURIComponent(password)}@127.0.0.1:${port}/test`),
    kill: async () => server?.kill(),
    startAgain: start,
    stop,
  };
}

/** One statement a line, each time it starts. */
function makeUser(password: string): string {
  const literal = `'${password.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
  return `CREATE DATABASE IF NOT EXISTS test;
CREATE USER IF NOT EXISTS 'test'@'127.0.0.1' IDENTIFIED BY ${literal};
GRANT ALL ON *.* TO 'test'@'127.0.0.1' WITH GRANT OPTION;
`;
}
