import { once } from 'node:events';
import { isIP, type AddressInfo } from 'node:net';
import { Copier } from './copier.ts';
import { Faults, type FaultSwitch } from './faults.ts';
import { MigrationTasks, type MigrationTask } from './migration-tasks.ts';
import type { ReceivedEvents } from './routes.ts';
import { ApiServer } from './server.ts';
import { SyncTasks, type OverwriteMode } from './sync-tasks.ts';
import { taskDetails } from './task-bodies.ts';

/** How the stand-in is to be. */
export interface OmsStandinOptions {
  /** The folder of the buckets: bucket `photos` is the folder `<buckets>/photos`. */
  readonly buckets: string;
  /** Requests must be signed with these keys. */
  readonly accessKey: string;
  readonly secretKey: string;
  /** For temporary keys: requests must then carry it, signed, in `X-Security-Token`. */
  readonly securityToken?: string | undefined;
  /** The only project there is. Default `project`. */
  readonly projectId?: string | undefined;
  /** A loopback address or `localhost`; nothing else is taken. Default `127.0.0.1`. */
  readonly host?: string | undefined;
  /** Default 0: any that is free. */
  readonly port?: number | undefined;
  /** How long after a request its objects are copied; `Infinity`: never. Default 300. */
  readonly copyDelayMs?: number | undefined;
  /**
   * The content type of an object of a bucket, for list files: a folder holds none. Undefined where it is not known, and
   * then not checked.
   */
  readonly contentTypeOf?: ((bucket: string, key: string) => string | undefined) | undefined;
  /** The time in milliseconds, for the signature check, the counters and the names of the lists. */
  readonly clock?: (() => number) | undefined;
  /** Decides over faults with a `share`: a number from 0 up to, but not, 1. */
  readonly random?: (() => number) | undefined;
  /** Gets one line a request, and one for whatever fails here. Never a key, nor a query. */
  readonly log?: ((line: string) => void) | undefined;
}

/** A synchronization task to make, without the detour over HTTP. */
export interface NewSyncTask {
  readonly srcBucket: string;
  readonly dstBucket: string;
  /** Default: a new UUID. */
  readonly taskId?: string;
  /** Default `Aliyun`, as in OMS. */
  readonly srcCloudType?: string;
  readonly srcRegion?: string;
  readonly dstRegion?: string;
  readonly description?: string;
  readonly objectOverwriteMode?: OverwriteMode;
}

/** A stand-in that listens. */
export interface OmsStandin {
  /** `http://127.0.0.1:<port>`. */
  readonly url: string;
  /** Makes a task, makes its buckets if they are not there, and returns its id. */
  createTask(task: NewSyncTask): string;
  /** Stops a task, as somebody in the console might. */
  stopTask(taskId: string): void;
  /** The whole address that takes the events of a task. */
  syncUrl(taskId: string): string;
  /** The events that were accepted, oldest first. */
  readonly received: readonly ReceivedEvents[];
  /** The migration tasks, oldest first. */
  readonly migrationTasks: readonly MigrationTask[];
  /** The requests to the API so far: accepted, refused, and those that met a fault. */
  readonly requestCount: number;
  readonly faults: FaultSwitch;
  /** Gives {@link received} and forgets it: for runs whose events do not fit into memory. */
  takeReceived(): ReceivedEvents[];
  /** Resolves once all that was accepted so far is copied, delay included. Rejects when a list could not be written. */
  idle(): Promise<void>;
  /** Closes all connections, forgets what is not yet due, and ends the copying that is under way. */
  close(): Promise<void>;
}

/** Starts a stand-in for the synchronization API of Huawei Cloud OMS. */
export async function startOmsStandin(options: OmsStandinOptions): Promise<OmsStandin> {
  const { projectId = 'project', host = '127.0.0.1', port = 0, copyDelayMs = 300 } = options;
  const { clock = Date.now, random = Math.random, log = () => {} } = options;
  checkOptions(options, host, projectId);
  const tasks = new SyncTasks(options.buckets, clock);
  const copier = new Copier({ delayMs: copyDelayMs, clock, log });
  const migrations = new MigrationTasks({
    buckets: options.buckets,
    delayMs: copyDelayMs,
    contentTypeOf: options.contentTypeOf,
    clock,
    log,
  });
  const service = { tasks, migrations, copier, received: [] as ReceivedEvents[], clock };
  const server = new ApiServer({ keys: options, projectId, service, faults: new Faults(random), log });
  server.http.listen(port, host);
  await once(server.http, 'listening'); // Rejects when it cannot listen.
  const url = urlOf(server.http.address());
  return {
    url,
    createTask: (task) => tasks.create(detailsOf(task), task.taskId).id,
    stopTask: (taskId) => tasks.stop(taskId),
    syncUrl: (taskId) => `${url}/v2/${projectId}/sync-tasks/${taskId}/events`,
    received: service.received,
    migrationTasks: migrations.all,
    get requestCount() {
      return server.requestCount;
    },
    faults: server.faults,
    takeReceived: () => service.received.splice(0),
    async idle() {
      await Promise.all([copier.idle(), migrations.idle()]);
    },
    async close() {
      await server.close();
      await Promise.all([copier.close(), migrations.close()]);
    },
  };
}

function checkOptions(options: OmsStandinOptions, host: string, projectId: string): void {
  // Its keys are test keys and its controls unsigned: it has no place on a network.
  if (host !== 'localhost' && host !== '::1' && !(isIP(host) === 4 && host.startsWith('127.'))) {
    throw new TypeError(`host: expected localhost or a loopback address, got ${host}`);
  }
  if (!/^[\w-]+$/.test(projectId)) {
    throw new TypeError('projectId: expected letters, digits, hyphens and underscores');
  }
  if (options.accessKey === '' || /[,\s]/.test(options.accessKey)) {
    throw new TypeError('accessKey: expected a text without spaces and commas');
  }
  if (options.secretKey === '') throw new TypeError('secretKey: expected a text');
  const delay = options.copyDelayMs ?? 0;
  const isTimer = Number.isSafeInteger(delay) && delay >= 0 && delay <= 2_147_483_647;
  if (!isTimer && delay !== Infinity) {
    throw new TypeError('copyDelayMs: expected a whole number of milliseconds from 0');
  }
}

function urlOf(listening: AddressInfo | string | null): string {
  if (listening === null || typeof listening === 'string') throw new Error('not listening on a port');
  const { address, family, port } = listening;
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
}

function detailsOf(task: NewSyncTask) {
  return taskDetails({
    src_cloud_type: task.srcCloudType,
    src_region: task.srcRegion ?? 'standin',
    src_bucket: task.srcBucket,
    dst_region: task.dstRegion ?? 'standin',
    dst_bucket: task.dstBucket,
    description: task.description,
    object_overwrite_mode: task.objectOverwriteMode,
  });
}
