import { readdirSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findCommand, freePorts, run, Server } from './process.ts';

/** A PostgreSQL that runs, ready for logical replication. */
export interface Postgres {
  /** Of its superuser, with the password. */
  readonly url: URL;
  /** Ends it at once, as a crash does. Its data stays. */
  kill(): Promise<void>;
  /** Starts it again after {@link kill}, on the same port. Resolves when it takes connections. */
  startAgain(): Promise<void>;
  /** Stops it and removes all it held. A second call does no more. */
  stop(): Promise<void>;
}

export interface PostgresOptions {
  readonly password: string;
}

/**
 * Why tests against PostgreSQL are to be skipped: what it takes to run them. Undefined when it is here, and also when
 * OMS_SYNC_PEERS=required asks for all peers: then {@link startPostgres} fails.
 */
export function whyNoPostgres(): string | undefined {
  return process.env['OMS_SYNC_PEERS'] === 'required' || findProgram('postgres') !== undefined
    ? undefined
    : "needs Debian's postgresql: apt-get install postgresql";
}

/** Debian has several versions side by side, none of them on the path: the newest is taken. */
function findProgram(name: string): string | undefined {
  return debianFolders()
    .map((folder) => findCommand(name, folder))
    .concat(findCommand(name))
    .find((file) => file !== undefined);
}

function debianFolders(): string[] {
  const root = '/usr/lib/postgresql';
  try {
    return readdirSync(root)
      .sort((a, b) => Number(b) - Number(a))
      .map((version) => path.join(root, version, 'bin'));
  } catch {
    return []; // Not of Debian, or not installed: the path is left.
  }
}

/**
 * Starts PostgreSQL with a new database on a free port of the loopback address. It is not for keeping anything: it does not
 * sync.
 *
 * @throws {Error} when it is not installed, or does not start.
 */
export async function startPostgres({ password }: PostgresOptions): Promise<Postgres> {
  const [postgres, initdb] = [findProgram('postgres'), findProgram('initdb')];
  if (postgres === undefined || initdb === undefined) {
    throw new Error("needs Debian's postgresql: apt-get install postgresql");
  }
  const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-postgres-'));
  await chmod(folder, 0o777);
  const data = path.join(folder, 'data');
  const passwordFile = path.join(folder, 'password');
  const port = await freePorts(1);
  let server: Server | undefined;
  const start = async () => {
    const settings = ['listen_addresses=127.0.0.1', 'wal_level=logical', 'fsync=off'];
    const options = settings.flatMap((setting) => ['-c', setting]);
    server = new Server(...asPostgres(postgres, ['-D', data, '-p', String(port), '-k', folder, ...options]), {
      logFile: path.join(folder, 'output'),
      stopSignal: 'SIGINT', // SIGTERM waits for the clients.
    });
    await server.until(() => isReady(data));
  };
  const stop = async () => {
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await writeFile(passwordFile, password);
    const authentication = ['-U', 'test', '-A', 'scram-sha-256', '--pwfile', passwordFile];
    const encoding = ['-E', 'UTF8', '--locale=C.UTF-8'];
    await run(...asPostgres(initdb, ['-D', data, '-N', ...authentication, ...encoding]));
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: new URL(`postgres://test:${encodeURIComponent(password)}@127.0.0.1:${port}/postgres`),
    // All its processes, without a checkpoint. SIGKILL would leave those of the connections.
    kill: async () => server?.kill('SIGQUIT'),
    startAgain: start,
    stop,
  };
}

/** It listens before it takes connections. Source: src/include/utils/pidfile.h, `PM_STATUS_READY` */
async function isReady(data: string): Promise<boolean> {
  const lines = await readFile(path.join(data, 'postmaster.pid'), 'utf8').catch(() => '');
  return lines.split('\n')[7]?.trim() === 'ready';
}

/** It does not run as root. setpriv becomes the program, so that signals meet that. */
function asPostgres(program: string, args: readonly string[]): [string, readonly string[]] {
  if (process.getuid?.() !== 0) return [program, args];
  return ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', program, ...args]];
}
