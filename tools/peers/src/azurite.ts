import { createRequire } from 'node:module';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePorts, isListening, Server } from './process.ts';

/** An Azurite that runs: Microsoft's own emulator of Blob Storage. */
export interface Azurite {
  /** Where the blobs are, with the account in its path. */
  readonly endpoint: URL;
  readonly account: string;
  /** Base64. */
  readonly accountKey: string;
  /** With the key of the account. */
  readonly connectionString: string;
  /** Stops it and removes all it held. A second call does no more. */
  stop(): Promise<void>;
}

export interface AzuriteOptions {
  readonly account: string;
  /** Base64. */
  readonly accountKey: string;
}

/** The blob part of Azurite only: those of queues and tables would want ports as well. */
const program = createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');

/** Starts Azurite with its data in memory, on a free port of the loopback address. */
export async function startAzurite({ account, accountKey }: AzuriteOptions): Promise<Azurite> {
  const folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-azurite-'));
  const port = await freePorts(1);
  const server = new Server(
    process.execPath,
    [
      program,
      '--inMemoryPersistence',
      '--silent',
      // 3.35.0 knows fewer versions of the protocol than @azure/storage-blob 12.32.0.
      '--skipApiVersionCheck',
      '--disableTelemetry',
      '--blobHost',
      '127.0.0.1',
      '--blobPort',
      String(port),
    ],
    { logFile: path.join(folder, 'output'), env: { AZURITE_ACCOUNTS: `${account}:${accountKey}` } },
  );
  const stop = async () => {
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await server.until(() => isListening(port));
  } catch (error) {
    await stop();
    throw error;
  }
  const endpoint = new URL(`http://127.0.0.1:${port}/${account}`);
  const connectionString = [
    'DefaultEndpointsProtocol=http',
    `AccountName=${account}`,
    `AccountKey=${accountKey}`,
    `BlobEndpoint=${endpoint.href}`,
  ].join(';');
  return { endpoint, account, accountKey, connectionString, stop };
}
