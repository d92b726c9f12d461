import type { ObjectFolder } from '@oms-sync/log-bucket';
import { Refusal } from './answers.ts';
import { copyObject, type CopyRoute } from './copier.ts';
import { readListFile, TaskFailure } from './list-file.ts';
import type { MigratedObjects, MigrationTaskDetails } from './migration-task-bodies.ts';
import { ResultLists, type CopyResult } from './result-lists.ts';
import { openBucket } from './sync-tasks.ts';

/** Waiting, migrating, failed, succeeded. Source: OMS API Reference, ShowTask. */
type Status = 1 | 2 | 4 | 5;

/** A migration task and how far it is. */
export interface MigrationTask {
  readonly id: number;
  readonly name: string;
  readonly details: MigrationTaskDetails;
  readonly status: Status;
  readonly startTime: number;
  readonly total: number;
  readonly counts: {
    readonly successful: number;
    readonly failed: number;
    readonly skipped: number;
    readonly bytes: number;
  };
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** OMS's list of what it could not copy. */
  readonly failedListKey: string | undefined;
}

type Writable<Type> = { -readonly [Key in keyof Type]: Type[Key] };

export interface MigrationTasksOptions {
  readonly buckets: string;
  /** How long a task waits before it begins; `Infinity`: for ever. */
  readonly delayMs: number;
  readonly contentTypeOf: ((bucket: string, key: string) => string | undefined) | undefined;
  readonly clock: () => number;
  readonly log: (line: string) => void;
}

/** The limit of a tenant: none is created while so many are waiting. */
const maxWaiting = 1500;

/** The migration tasks of the one project there is. They run one after the other. */
export class MigrationTasks {
  readonly all: Writable<MigrationTask>[] = [];
  readonly #options: MigrationTasksOptions;
  readonly #lists = new ResultLists();
  readonly #timers = new Set<NodeJS.Timeout>();
  #working: Promise<void> = Promise.resolve();
  #begun: Promise<void>[] = [];
  #isClosed = false;

  constructor(options: MigrationTasksOptions) {
    this.#options = options;
  }

  /** Makes a task, which begins by itself. */
  create(details: MigrationTaskDetails): MigrationTask {
    if (this.all.filter(({ status }) => status === 1).length >= maxWaiting) {
      throw new Refusal(400, 'OMS.0077', `No task can be created while ${maxWaiting} are waiting`);
    }
    const now = this.#options.clock();
    const id = now + this.all.length;
    const task: Writable<MigrationTask> = {
      id,
      name: `task_${id}`,
      details,
      status: 1,
      startTime: now,
      total: 0,
      counts: { successful: 0, failed: 0, skipped: 0, bytes: 0 },
      error: undefined,
      failedListKey: undefined,
    };
    this.all.push(task);
    if (this.#options.delayMs !== Infinity) this.#begin(task);
    return task;
  }

  /** Resolves once all tasks so far have come to their end. */
  async idle(): Promise<void> {
    await Promise.all(this.#begun);
  }

  /** Forgets what has not begun, and ends what has after the object at hand. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    await this.#working;
  }

  #begin(task: Writable<MigrationTask>): void {
    const due = new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, this.#options.delayMs);
      this.#timers.add(timer);
    });
    this.#begun.push(
      due.then(() => {
        this.#working = this.#working.then(() => this.#run(task));
        return this.#working;
      }),
    );
  }

  async #run(task: Writable<MigrationTask>): Promise<void> {
    task.status = 2;
    try {
      await this.#copyAll(task);
      task.status = task.counts.failed === 0 ? 5 : 4;
      if (task.status === 4) task.error = { code: 'TRF.0901', message: 'Some objects failed to be migrated' };
    } catch (error) {
      task.status = 4;
      const code = error instanceof TaskFailure ? error.code : 'TRF.0000';
      task.error = { code, message: error instanceof TaskFailure ? error.message : 'The task failed' };
      if (!(error instanceof TaskFailure)) this.#options.log(`task ${task.id} failed: ${String(error)}`);
    }
  }

  async #copyAll(task: Writable<MigrationTask>): Promise<void> {
    const { buckets, clock } = this.#options;
    const { details } = task;
    const route: CopyRoute = {
      id: String(task.id),
      details,
      source: openBucket(buckets, details.sourceBucket),
      destination: openBucket(buckets, details.destinationBucket),
    };
    const names = await this.#findNames(details.objects, route.source, details.migrateSince * 1000);
    task.total = names.length;
    // The first object of a list must be there. Source: OMS User Guide, object list migration.
    if (details.objects.type === 'list' && (await route.source.find(names[0] ?? '')) === undefined) {
      throw new TaskFailure('TRF.0015', 'The first object of the list does not exist');
    }
    const results: CopyResult[] = [];
    for (const name of names) {
      if (this.#isClosed) return;
      const result = await copyObject(route, name, this.#options);
      results.push(result);
      task.counts = count(task.counts, result);
    }
    const prefix = `oms/task/${task.name}/`;
    task.failedListKey = await this.#lists.write(route.destination, prefix, clock(), results);
  }

  async #findNames(
    objects: MigratedObjects,
    source: ObjectFolder,
    since: number,
  ): Promise<readonly string[]> {
    if (objects.type === 'list') {
      const { listBucket, listKey } = objects;
      const bucket = openBucket(this.#options.buckets, listBucket);
      return readListFile(bucket, listKey, this.#options.contentTypeOf?.(listBucket, listKey));
    }
    const isMeant = (name: string) =>
      objects.keys.some(
        (key) =>
          key === name ||
          ((objects.type === 'prefix' || key === '' || key.endsWith('/')) && name.startsWith(key)),
      );
    const all = await source.list();
    return all
      .filter(({ key, lastModified }) => isMeant(key) && lastModified.getTime() > since)
      .map(({ key }) => key);
  }
}

function count(counts: MigrationTask['counts'], result: CopyResult): MigrationTask['counts'] {
  switch (result.outcome) {
    case 'success':
      return { ...counts, successful: counts.successful + 1, bytes: counts.bytes + result.size };
    case 'ignored':
      return { ...counts, skipped: counts.skipped + 1 };
    case 'failed':
      return { ...counts, failed: counts.failed + 1 };
  }
}
