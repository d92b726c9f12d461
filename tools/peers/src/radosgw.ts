import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findCommand, freePorts, isListening, run, Server } from './process.ts';

/** A radosgw that runs: Ceph's gateway for the protocol of S3. */
export interface Radosgw {
  /** Where it listens, on the loopback address. */
  readonly endpoint: URL;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Stops it and removes all it held. A second call does no more. */
  stop(): Promise<void>;
}

export interface RadosgwOptions {
  /** The keys of its one user. */
  readonly accessKey: string;
  readonly secretKey: string;
}

const packages = ['radosgw', 'ceph-mon', 'ceph-osd', 'ceph-mgr', 'ceph-common'];
const commands = ['radosgw', 'radosgw-admin', 'ceph-mon', 'ceph-osd', 'monmaptool', 'ceph'];

/**
 * Why tests against radosgw are to be skipped: what it takes to run them. Undefined when it is here, and also when
 * OMS_SYNC_PEERS=required asks for all peers: then {@link startRadosgw} fails.
 */
export function whyNoRadosgw(): string | undefined {
  return process.env['OMS_SYNC_PEERS'] === 'required' ? undefined : findLack();
}

function findLack(): string | undefined {
  return commands.every((command) => findCommand(command) !== undefined)
    ? undefined
    : `needs Debian's radosgw: apt-get install ${packages.join(' ')}`;
}

/**
 * Starts Ceph's radosgw with one monitor and one store in memory, on free ports of the loopback address.
 *
 * @throws {Error} when it is not installed, or does not start.
 */
export async function startRadosgw(options: RadosgwOptions, tries = 3): Promise<Radosgw> {
  try {
    return await startOnce(options);
  } catch (error) {
    // On a busy machine one of its three servers now and then does not come up in time.
    if (tries <= 1 || whyNoRadosgw() !== undefined) throw error;
    return startRadosgw(options, tries - 1);
  }
}

async function startOnce({ accessKey, secretKey }: RadosgwOptions): Promise<Radosgw> {
  const lack = findLack();
  if (lack !== undefined) throw new Error(lack);
  const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-radosgw-'));
  const servers: Server[] = [];
  const stop = async () => {
    // The gateway first: it would wait for the others.
    for (const server of servers.splice(0).reverse()) await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const port = await startAll(folder, servers);
    const env = { CEPH_CONF: path.join(folder, 'ceph.conf') };
    const user = ['--uid=test', '--display-name=test', '--access-key', accessKey, '--secret-key', secretKey];
    await run('radosgw-admin', ['user', 'create', '--max-buckets=0', ...user], env);
    return { endpoint: new URL(`http://127.0.0.1:${port}`), accessKey, secretKey, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Gives the port of the gateway. */
async function startAll(folder: string, servers: Server[]): Promise<number> {
  const firstPort = await freePorts(11);
  const gatewayPort = firstPort + 10;
  const [clusterId, storeId] = [randomUUID(), randomUUID()];
  for (const name of ['mon', 'osd', 'run', 'log', 'rgw']) await mkdir(path.join(folder, name));
  const conf = path.join(folder, 'ceph.conf');
  await writeFile(conf, configuration(folder, clusterId, firstPort, gatewayPort));
  await writeFile(path.join(folder, 'keyring'), '');

  const env = { CEPH_CONF: conf };
  const start = (command: string, args: readonly string[]) => {
    const server = new Server(command, args, { logFile: path.join(folder, 'log', `${command}.out`), env });
    servers.push(server);
    return server;
  };
  const monmap = path.join(folder, 'monmap');
  const monitorAddress = `v1:127.0.0.1:${firstPort}`;
  await run('monmaptool', ['--create', '--fsid', clusterId, '--addv', 'a', monitorAddress, monmap], env);
  await run('ceph-mon', ['--mkfs', '-i', 'a', '--monmap', monmap], env);
  const monitor = start('ceph-mon', ['-f', '-i', 'a']);
  await monitor.until(() => isListening(firstPort));

  await run('ceph', ['--connect-timeout', '30', 'osd', 'new', storeId], env);
  await run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', storeId], env);
  await patiently(() =>
    start('ceph-osd', ['-f', '-i', '0']).until(async () =>
      (await run('ceph', ['osd', 'stat'], env)).includes('1 up'),
    ),
  );

  const gateway = start('radosgw', ['-f', '-n', 'client.rgw']);
  await gateway.until(() => isListening(gatewayPort));
  return gatewayPort;
}

/** A ceph-osd (16.2.15) that asks before it knows whom is sent away ("wrong fsid"), and ends: about one in ten. */
async function patiently(start: () => Promise<void>, attempts = 5): Promise<void> {
  try {
    await start();
  } catch (error) {
    if (attempts <= 1) throw error;
    await patiently(start, attempts - 1);
  }
}

/** One of everything, no keys among them, all in memory, and no waiting for more to send or to change together. */
function configuration(folder: string, clusterId: string, firstPort: number, gatewayPort: number): string {
  return `[global]
fsid = ${clusterId}
mon initial members = a
mon host = v1:127.0.0.1:${firstPort}
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
mon allow pool size one = true
mon max pg per osd = 1000
mon data avail crit = 1
mon data avail warn = 1
paxos propose interval = 0.02
paxos min wait = 0
run dir = ${folder}/run
admin socket = ${folder}/run/$name.asok
log file = ${folder}/log/$name.log
keyring = ${folder}/keyring
ms bind msgr2 = false
ms bind ipv6 = false
ms bind port min = ${firstPort + 1}
ms bind port max = ${firstPort + 9}
[mon.a]
mon data = ${folder}/mon
[osd.0]
osd data = ${folder}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
osd class load list = *
osd class default list = *
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort} tcp_nodelay=1
rgw data = ${folder}/rgw
rgw dns name = localhost
`;
}
