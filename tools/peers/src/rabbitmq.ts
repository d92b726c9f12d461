import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findCommand, freePorts, isListening, Server } from './process.ts';

/** A RabbitMQ that runs: one node, its data in a temporary folder. */
export interface Rabbitmq {
  /** `amqp://…` of its default virtual host, with a user that only the loopback address may use. */
  readonly url: string;
  /** Ends it as its operator does. Its data stays. */
  shutDown(): Promise<void>;
  /**
   * Ends it at once, as a crash does. Its data stays, but for quorum queues that are younger than three minutes and than
   * {@link shutDown}: only so often are their names put on the disk (Ra's `names.dets`), and without it they have no leader.
   */
  kill(): Promise<void>;
  /** Starts it again after {@link shutDown} or {@link kill}, on the same port. Resolves when it takes connections. */
  startAgain(): Promise<void>;
  /** Stops it and removes all it held. A second call does no more. */
  stop(): Promise<void>;
}

/** The script that the packages of RabbitMQ put where nobody's path leads; what is on the path wants to be another user. */
const script = '/usr/lib/rabbitmq/bin/rabbitmq-server';

/**
 * Why tests against RabbitMQ are to be skipped: what it takes to run them. Undefined when it is here, and also when
 * OMS_SYNC_PEERS=required asks for all peers: then {@link startRabbitmq} fails.
 */
export function whyNoRabbitmq(): string | undefined {
  return process.env['OMS_SYNC_PEERS'] === 'required' ? undefined : findLack();
}

function findLack(): string | undefined {
  return existsSync(script) && findCommand('epmd') !== undefined
    ? undefined
    : "needs Debian's RabbitMQ: apt-get install rabbitmq-server";
}

/**
 * Starts RabbitMQ on free ports of the loopback address. It takes ten seconds.
 *
 * @throws {Error} when it is not installed, or does not start.
 */
export async function startRabbitmq(): Promise<Rabbitmq> {
  const lack = findLack();
  if (lack !== undefined) throw new Error(lack);
  const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-rabbitmq-'));
  const port = await freePorts(3);
  await writeFile(path.join(folder, 'rabbitmq.conf'), configuration(port));
  await writeFile(path.join(folder, 'enabled_plugins'), '[].\n');
  const env = environment(folder, port);
  // The register of Erlang's nodes. RabbitMQ would start one that outlives it, and everything.
  const register = new Server('epmd', ['-address', '127.0.0.1', '-port', String(port + 1)], {
    logFile: path.join(folder, 'epmd.out'),
    env,
  });
  let broker: Server | undefined;
  const start = async () => {
    broker = new Server(script, [], { logFile: path.join(folder, 'rabbitmq.out'), env });
    await broker.until(() => isListening(port), 120_000);
  };
  const stop = async () => {
    await broker?.kill();
    await register.kill(); // It takes no notice of anything else.
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await register.until(() => isListening(port + 1));
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `amqp://guest:guest@127.0.0.1:${port}/`,
    shutDown: async () => broker?.stop(),
    kill: async () => broker?.kill(),
    startAgain: start,
    stop,
  };
}

function configuration(port: number): string {
  return `listeners.tcp.1 = 127.0.0.1:${port}
distribution.listener.interface = 127.0.0.1
distribution.listener.port_range.min = ${port + 2}
distribution.listener.port_range.max = ${port + 2}
loopback_users.guest = true
log.console = true
log.console.level = warning
disk_free_limit.absolute = 50MB
`;
}

/** Everything that it would otherwise look for, or write, in the folders of the system. */
function environment(folder: string, port: number): Readonly<Record<string, string>> {
  return {
    HOME: folder, // Of the cookie.
    ERL_EPMD_ADDRESS: '127.0.0.1',
    ERL_EPMD_PORT: String(port + 1),
    RABBITMQ_NODENAME: 'test@localhost',
    RABBITMQ_CONFIG_FILE: path.join(folder, 'rabbitmq.conf'),
    RABBITMQ_ENABLED_PLUGINS_FILE: path.join(folder, 'enabled_plugins'),
    RABBITMQ_MNESIA_BASE: path.join(folder, 'data'),
    RABBITMQ_LOG_BASE: path.join(folder, 'log'),
    RABBITMQ_PID_FILE: path.join(folder, 'pid'),
    // So that the broker replaces the script, and a signal reaches it.
    RUNNING_UNDER_SYSTEMD: 'true',
  };
}
