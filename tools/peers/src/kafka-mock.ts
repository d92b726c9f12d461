import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { findCommand, run, Server } from './process.ts';

/** Brokers of Kafka that run in memory, as librdkafka has them for its own tests. */
export interface KafkaMock {
  /** `host:port` of the first of them. */
  readonly broker: string;
  /** Puts one message into a topic, which is made if it is not there. */
  produce(topic: string, value: string): Promise<void>;
  /** Stops it; all it held is gone. A second call does no more. */
  stop(): Promise<void>;
}

/**
 * Why tests against the mock are to be skipped: what it takes to run them. Undefined when it is here, and also when
 * OMS_SYNC_PEERS=required asks for all peers: then {@link startKafkaMock} fails.
 */
export function whyNoKafkaMock(): string | undefined {
  return process.env['OMS_SYNC_PEERS'] === 'required' ? undefined : findLack();
}

function findLack(): string | undefined {
  return findCommand('kcat') === undefined ? "needs librdkafka's mock: apt-get install kcat" : undefined;
}

/**
 * Starts brokers on free ports of the loopback address. They make topics that are asked for, with four partitions each.
 *
 * @throws {Error} when kcat is not installed, or does not start.
 */
export async function startKafkaMock(): Promise<KafkaMock> {
  const lack = findLack();
  if (lack !== undefined) throw new Error(lack);
  const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-kafka-'));
  const logFile = path.join(folder, 'kcat.out');
  // A consumer that waits at the end of a topic of its own, so that its brokers stay.
  const args = ['-C', '-q', '-t', 'warm', '-o', 'end', '-b', 'mock'];
  const mock = ['-X', 'test.mock.num.brokers=3', '-X', 'debug=mock'];
  const server = new Server('kcat', [...args, ...mock], { logFile });
  let broker = '';
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.until(async () => {
      broker = /bootstrap\.servers=([\d.]+:\d+)/.exec(await readFile(logFile, 'utf8'))?.[1] ?? '';
      return broker !== '';
    });
  } catch (error) {
    await stop();
    throw error;
  }
  const produce = async (topic: string, value: string) => {
    const file = path.join(folder, 'message');
    await writeFile(file, value);
    await run('kcat', ['-P', '-b', broker, '-t', topic, file]);
  };
  return { broker, produce, stop };
}
