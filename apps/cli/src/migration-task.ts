import { readFileSync } from 'node:fs';
import {
  isFinal,
  OmsError,
  OmsMigrationTasks,
  OmsSyncTasks,
  Secret,
  secretsOf,
  systemClock,
  type Credentials,
  type MigratedObjects,
  type MigrationTask,
  type NewMigrationTask,
  type SourceAccess,
} from '@oms-sync/core';
import { isSystemError } from '@oms-sync/log-bucket';
import { UsageError } from './exit-code.ts';
import { abortOnInterrupt } from './interrupt.ts';
import { readBucketKeys } from './bucket-keys.ts';
import { formatBytes, formatCount, formatNumberOf, type Screen } from './screen.ts';
import type { Tool } from './tool.ts';

const firstWatchMs = 1000;
const maxWatchMs = 15_000;
/** A question about a task that fails in passing is asked again so often in a row. */
const maxFailedQuestions = 10;

export const migrationKeysHelp = `
A migration task needs the keys of both buckets, in the environment or --env-file; OMS gets them, nobody else:
  source_ak, source_sk        the source bucket; with source_security_token, if they are temporary
  source_connection_string    in their place, for Azure
  source_json_auth_file       in their place, for Google: the path of the JSON file of a service account
  destination_ak, …_sk        the destination bucket and that of the list files; with destination_security_token, if they
                              are temporary; hw_ak and hw_sk, if they are not set
  destination_obs_endpoint    the OBS domain name of the destination's region, unless it is
                              obs.REGION.myhuaweicloud.com
Which buckets, regions and cloud these are OMS says of the synchronization task; source_cloud, source_region and
source_bucket say otherwise.`;

/** Creates migration tasks between the buckets of the synchronization task, and follows them. */
export class Migration {
  readonly source: NewMigrationTask['source'];
  readonly destination: NewMigrationTask['destination'];
  readonly #tasks: OmsMigrationTasks;
  readonly #timeoutMs: number;

  private constructor(tool: Tool, ends: Pick<NewMigrationTask, 'source' | 'destination'>) {
    this.source = ends.source;
    this.destination = ends.destination;
    this.#timeoutMs = tool.settings.requestTimeoutMs;
    const secrets = [...secretsOf(ends.source.access), ...secretsOf(ends.destination.credentials)];
    this.#tasks = new OmsMigrationTasks({ ...tool.settings, secrets });
  }

  /**
   * Asks OMS for the buckets of the synchronization task, and gets their keys from the environment.
   *
   * @throws {UsageError} naming what is missing.
   * @throws {OmsError}
   */
  static async open(tool: Tool): Promise<Migration> {
    const syncTasks = new OmsSyncTasks(tool.settings);
    const task = await syncTasks.showSyncTask(Date.now(), tool.settings.requestTimeoutMs);
    syncTasks.close();
    const known = (what: string, value: string | undefined): string => {
      if (value !== undefined && value !== '') return value;
      throw new UsageError(`${what}: OMS does not say it of the synchronization task, and it is not set`);
    };
    const cloud = known('source_cloud', getText(tool, 'source_cloud') ?? task.source.cloud);
    return new Migration(tool, {
      source: {
        cloud,
        region: known('source_region', getText(tool, 'source_region') ?? task.source.region),
        bucket: known('source_bucket', getText(tool, 'source_bucket') ?? task.source.bucket),
        access: readSourceAccess(tool, cloud),
      },
      destination: {
        region: known("the destination's region", task.destination.region),
        bucket: known('the destination bucket', task.destination.bucket),
        credentials: readDestinationKeys(tool),
      },
    });
  }

  /**
   * Creates a task, which OMS starts by itself. Not tried again: if the answer is lost, there may be a task nobody knows of.
   *
   * @returns its id.
   * @throws {OmsError}
   */
  create(objects: MigratedObjects, since?: number): Promise<string> {
    const { source, destination } = this;
    const description = `oms-sync, ${objects.type}`;
    return this.#tasks.createTask({ source, destination, objects, description, since }, this.#timeoutMs);
  }

  /**
   * Follows a task to its end, on the screen.
   *
   * @throws {OmsError} if OMS does not say how far it is, however often it is asked.
   */
  async watch(id: string, screen: Screen, signal: AbortSignal): Promise<MigrationTask> {
    let waitMs = firstWatchMs;
    let total: number | undefined;
    let progress = screen.progress(`task ${id}`, 'objects');
    try {
      for (;;) {
        const task = await this.#ask(id);
        if (isFinal(task) || signal.aborted) return task;
        if (task.total !== undefined && task.total > 0 && task.total !== total) {
          progress.stop();
          ({ total } = task);
          progress = screen.progress(`task ${id}`, 'objects', total);
        }
        progress.update((task.succeeded ?? 0) + (task.failed ?? 0) + (task.skipped ?? 0));
        await systemClock.sleep(waitMs, signal);
        waitMs = Math.min(waitMs * 1.5, maxWatchMs);
      }
    } finally {
      progress.stop();
    }
  }

  close(): void {
    this.#tasks.close();
  }

  async #ask(id: string): Promise<MigrationTask> {
    for (let failures = 0; ; failures++) {
      try {
        return await this.#tasks.showTask(id, this.#timeoutMs);
      } catch (error) {
        const isPassing = error instanceof OmsError && error.faultClass === 'passing';
        if (!isPassing || failures >= maxFailedQuestions) throw error;
        await systemClock.sleep(firstWatchMs * failures);
      }
    }
  }
}

/** The tasks that were started; of those that were followed, how they ended. */
export interface StartedTasks {
  readonly tasks: readonly (Pick<MigrationTask, 'id'> & Partial<MigrationTask>)[];
  /** False if one that was followed did not succeed. */
  readonly isWell: boolean;
}

/**
 * Starts a list migration for each list file, and follows them if that is wanted.
 *
 * @param lists.keys of the list files in the bucket.
 * @throws {OmsError} after saying which files have no task.
 */
export async function startListTasks(
  screen: Screen,
  migration: Migration,
  lists: { readonly bucket: string; readonly keys: readonly string[]; readonly isWatched: boolean },
): Promise<StartedTasks> {
  const ids: string[] = [];
  try {
    for (const key of lists.keys) {
      const id = await migration.create({ type: 'list', bucket: lists.bucket, key });
      ids.push(id);
      screen.line(`migration task ${id} for ${key}`);
    }
  } catch (error) {
    screen.note(`without a task: ${lists.keys.slice(ids.length).join(', ')}`);
    throw error;
  }
  return lists.isWatched ? watchTasks(screen, migration, ids) : startedOnly(ids);
}

/** Starts a migration of all that begins with a prefix, and follows it if that is wanted. @throws {OmsError} */
export async function startPrefixTask(
  screen: Screen,
  migration: Migration,
  objects: { readonly prefix: string; readonly since: number | undefined; readonly isWatched: boolean },
): Promise<StartedTasks> {
  const id = await migration.create({ type: 'prefix', prefixes: [objects.prefix] }, objects.since);
  screen.line(`migration task ${id}`);
  return objects.isWatched ? watchTasks(screen, migration, [id]) : startedOnly([id]);
}

function startedOnly(ids: readonly string[]): StartedTasks {
  return { tasks: ids.map((id) => ({ id })), isWell: true };
}

async function watchTasks(
  screen: Screen,
  migration: Migration,
  ids: readonly string[],
): Promise<StartedTasks> {
  const tasks: MigrationTask[] = [];
  const interrupt = abortOnInterrupt(screen, 'The tasks go on in OMS; see its console.');
  try {
    for (const id of ids) {
      const task = await migration.watch(id, screen, interrupt.signal);
      screen.line(describeTask(task));
      tasks.push(task);
    }
  } finally {
    interrupt.stop();
  }
  return { tasks, isWell: tasks.every(({ state }) => state === 'succeeded') };
}

/** `task 170…: succeeded, 1,234 objects copied, 2 there already, 1.5 GB`. */
function describeTask(task: MigrationTask): string {
  const { id, state, succeeded = 0, skipped = 0, failed = 0, bytes, error } = task;
  const parts = [
    `task ${id}: ${state}`,
    `${formatNumberOf(succeeded, 'object')} copied`,
    ...(skipped > 0 ? [`${formatCount(skipped)} there already`] : []),
    ...(failed > 0 ? [`${formatCount(failed)} failed`] : []),
    ...(bytes === undefined ? [] : [formatBytes(bytes)]),
  ];
  const reason = error === undefined ? '' : `: ${[error.code, error.message].filter(Boolean).join(': ')}`;
  const list =
    task.failedListKey === undefined
      ? ''
      : `; the failed ones are in ${task.failedListKey} of the destination bucket`;
  return `${parts.join(', ')}${reason}${list}`;
}

/** With which keys OMS, and whoever lists the destination, gets at the destination bucket. */
export function readDestinationKeys(tool: Tool): Credentials {
  return readBucketKeys(tool, 'destination') ?? tool.settings.credentials;
}

function readSourceAccess(tool: Tool, cloud: string): SourceAccess {
  if (cloud === 'Azure') {
    return { connectionString: needSecret(tool, 'source_connection_string', 'of the storage account') };
  }
  if (cloud === 'Google') {
    const file = needSecret(tool, 'source_json_auth_file', 'the path of the JSON file of a service account');
    return { jsonAuth: readSecretFile('source_json_auth_file', file.reveal()) };
  }
  const keys = readBucketKeys(tool, 'source');
  if (keys === undefined) {
    throw new UsageError('source_ak, source_sk: expected the keys of the source bucket, found nothing');
  }
  return keys;
}

function needSecret(tool: Tool, name: string, what: string): Secret {
  const text = getText(tool, name);
  if (text === undefined) throw new UsageError(`${name}: expected ${what}, found nothing`);
  return new Secret(text);
}

function readSecretFile(name: string, file: string): Secret {
  try {
    return new Secret(readFileSync(file, 'utf8'));
  } catch (error) {
    if (!isSystemError(error)) throw error;
    // Without what was found: it may be the key itself.
    throw new UsageError(
      `${name}: expected the path of the JSON file of a service account, and it cannot be read: ${error.code}`,
    );
  }
}

function getText({ lookUp }: Tool, name: string): string | undefined {
  return lookUp(name)?.trim() || undefined;
}
