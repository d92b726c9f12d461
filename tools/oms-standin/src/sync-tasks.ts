import { randomUUID } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { ObjectFolder } from '@oms-sync/log-bucket';
import { invalid, Refusal } from './answers.ts';
import { TaskStatistics } from './statistics.ts';

export const overwriteModes = [
  'SIZE_LAST_MODIFIED_COMPARISON_OVERWRITE',
  'NO_OVERWRITE',
  'CRC64_COMPARISON_OVERWRITE',
  'FULL_OVERWRITE',
] as const;

/** What decides over an object whose name the destination has already. */
export type OverwriteMode = (typeof overwriteModes)[number];

/** What a task is created from, without the keys of the buckets: nothing here needs them. */
export interface SyncTaskDetails {
  readonly src_cloud_type: string;
  readonly src_region: string;
  readonly src_bucket: string;
  readonly dst_region: string;
  readonly dst_bucket: string;
  readonly description: string;
  readonly enable_kms: boolean;
  readonly enable_metadata_migration: boolean;
  readonly enable_restore: boolean;
  readonly app_id: string;
  readonly object_overwrite_mode: OverwriteMode;
  readonly dst_storage_policy: string;
  readonly consistency_check: string;
}

export interface SyncTask {
  readonly id: string;
  readonly details: SyncTaskDetails;
  readonly createTime: number;
  lastStartTime: number;
  status: 'SYNCHRONIZING' | 'STOPPED';
  readonly source: ObjectFolder;
  readonly destination: ObjectFolder;
  readonly statistics: TaskStatistics;
}

/** The limit of a tenant. */
const maxTasks = 5;

/** The synchronization tasks of the one project there is. */
export class SyncTasks {
  readonly #tasks = new Map<string, SyncTask>();
  readonly #buckets: string;
  readonly #clock: () => number;

  constructor(buckets: string, clock: () => number) {
    this.#buckets = buckets;
    this.#clock = clock;
  }

  /** Makes a task and starts it, as OMS does. */
  create(details: SyncTaskDetails, id: string = randomUUID()): SyncTask {
    if (this.#tasks.has(id)) throw invalid(`a synchronization task ${id} exists already`);
    if (this.#tasks.size >= maxTasks) {
      throw new Refusal(400, 'OMS.0077', `At most ${maxTasks} synchronization tasks can exist`);
    }
    const now = this.#clock();
    const task: SyncTask = {
      id,
      details,
      createTime: now,
      lastStartTime: now,
      status: 'SYNCHRONIZING',
      source: openBucket(this.#buckets, details.src_bucket),
      destination: openBucket(this.#buckets, details.dst_bucket),
      statistics: new TaskStatistics(),
    };
    this.#tasks.set(id, task);
    return task;
  }

  get(id: string): SyncTask {
    const task = this.#tasks.get(id);
    if (task === undefined) throw new Refusal(404, 'OMS.0054', 'Invalid synchronization task ID');
    return task;
  }

  list(status?: string): SyncTask[] {
    return [...this.#tasks.values()].filter((task) => status === undefined || task.status === status);
  }

  start(id: string): void {
    const task = this.get(id);
    if (task.status === 'SYNCHRONIZING') throw invalid('the synchronization task is running already');
    task.status = 'SYNCHRONIZING';
    task.lastStartTime = this.#clock();
  }

  stop(id: string): void {
    const task = this.get(id);
    if (task.status === 'STOPPED') throw invalid('the synchronization task is stopped already');
    task.status = 'STOPPED';
  }

  delete(id: string): void {
    if (this.get(id).status !== 'STOPPED') {
      throw invalid('a synchronization task that is running cannot be deleted, stop it first');
    }
    this.#tasks.delete(id);
  }
}

/** The folder of a bucket, made if it is not there. */
export function openBucket(buckets: string, name: string): ObjectFolder {
  const folder = path.join(buckets, name);
  mkdirSync(folder, { recursive: true });
  return new ObjectFolder(folder);
}

/** The fields that ListSyncTasks and ShowSyncTask have in common. */
export function describeTask(task: SyncTask): Record<string, unknown> {
  return {
    sync_task_id: task.id,
    ...task.details,
    create_time: task.createTime,
    last_start_time: task.lastStartTime,
    status: task.status,
  };
}
