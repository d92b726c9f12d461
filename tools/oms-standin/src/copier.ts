import { readFile } from 'node:fs/promises';
import { isSystemError } from '@oms-sync/log-bucket';
import { listsPrefix, ResultLists, type CopyResult } from './result-lists.ts';
import type { SyncTask } from './sync-tasks.ts';

interface Request {
  readonly task: SyncTask;
  readonly names: readonly string[];
}

export interface CopierOptions {
  /** How long after its request an object is copied; `Infinity`: never. */
  readonly delayMs: number;
  readonly clock: () => number;
  readonly log: (line: string) => void;
}

/** Copies the objects that were asked for, some time later, and counts and lists what became of them. */
export class Copier {
  readonly #options: CopierOptions;
  readonly #lists = new ResultLists();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #idlers: (() => void)[] = [];
  #due: Request[] = [];
  #working: Promise<void> | undefined;
  #failure: Error | undefined;

  constructor(options: CopierOptions) {
    this.#options = options;
  }

  request(task: SyncTask, names: readonly string[]): void {
    task.statistics.add(this.#options.clock(), 'REQUEST', names.length);
    if (this.#options.delayMs === Infinity) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#due.push({ task, names });
      this.#working ??= this.#work();
    }, this.#options.delayMs);
    this.#timers.add(timer);
  }

  /** Resolves once everything asked for so far is copied; rejects when the lists could not be written. */
  async idle(): Promise<void> {
    if (!this.#isIdle()) await new Promise<void>((resolve) => this.#idlers.push(resolve));
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** Forgets what is not due yet and ends what is under way. */
  async close(): Promise<void> {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#due = [];
    await this.#working;
    this.#wakeIdlers();
  }

  #isIdle(): boolean {
    return this.#timers.size === 0 && this.#working === undefined;
  }

  #wakeIdlers(): void {
    if (!this.#isIdle()) return;
    for (const resolve of this.#idlers.splice(0)) resolve();
  }

  async #work(): Promise<void> {
    while (this.#due.length > 0) {
      try {
        await this.#flush(this.#due.splice(0));
      } catch (error) {
        this.#failure = new Error('The result lists could not be written', { cause: error });
        this.#options.log(`writing the lists failed: ${String(error)}`);
      }
    }
    this.#working = undefined;
    this.#wakeIdlers();
  }

  /** Copies what is due; one set of lists for each task. */
  async #flush(requests: readonly Request[]): Promise<void> {
    for (const task of new Set(requests.map((request) => request.task))) {
      const results: CopyResult[] = [];
      for (const request of requests) {
        // Looked at for every request: the task may be stopped between two of them.
        if (request.task === task && task.status === 'SYNCHRONIZING') {
          results.push(...(await this.#copyAll(task, request.names)));
        }
      }
      for (const result of results) count(task, result);
      await this.#lists.write(task.destination, listsPrefix(task.id), this.#options.clock(), results);
    }
  }

  /** The names of one request side by side, but a repeated name after its first copy, which it then finds there. */
  async #copyAll(task: SyncTask, names: readonly string[]): Promise<CopyResult[]> {
    const underWay = new Map<string, Promise<CopyResult>>();
    return Promise.all(
      names.map((name) => {
        const copying = Promise.resolve(underWay.get(name)).then(() => copyObject(task, name, this.#options));
        underWay.set(name, copying);
        return copying;
      }),
    );
  }
}

/** From where to where a task copies. */
export interface CopyRoute extends Pick<SyncTask, 'source' | 'destination'> {
  readonly id: string;
  readonly details: Pick<SyncTask['details'], 'object_overwrite_mode'>;
}

/** Copies one object, unless the destination has it. Says what became of it, and never throws. */
export async function copyObject(
  task: CopyRoute,
  name: string,
  { clock, log }: Pick<CopierOptions, 'clock' | 'log'>,
): Promise<CopyResult> {
  const time = clock();
  try {
    const source = await task.source.find(name);
    if (source === undefined) {
      const message = 'The specified key does not exist.';
      return { name, time, outcome: 'failed', errorCode: 'NoSuchKey', message };
    }
    const body = await readFile(source.path);
    if (await isUnchanged(task, name, source.lastModified, body)) return { name, time, outcome: 'ignored' };
    await task.destination.write(name, body);
    return { name, time, outcome: 'success', size: body.length };
  } catch (error) {
    const errorCode = isSystemError(error) ? error.code : 'InternalError';
    // The code alone: a system error's message names folders of this machine.
    log(`copying an object of task ${task.id} failed: ${String(error)}`);
    return { name, time, outcome: 'failed', errorCode, message: 'The object could not be copied.' };
  }
}

/** Does the task's way to compare leave the destination's object as it is? */
async function isUnchanged(
  task: CopyRoute,
  name: string,
  lastModified: Date,
  body: Buffer,
): Promise<boolean> {
  const there = await task.destination.find(name);
  if (there === undefined) return false;
  switch (task.details.object_overwrite_mode) {
    case 'NO_OVERWRITE':
      return true;
    case 'FULL_OVERWRITE':
      return false;
    case 'CRC64_COMPARISON_OVERWRITE':
      return body.equals(await readFile(there.path));
    case 'SIZE_LAST_MODIFIED_COMPARISON_OVERWRITE':
      return there.size === body.length && there.lastModified >= lastModified;
  }
}

function count(task: SyncTask, result: CopyResult): void {
  const { statistics } = task;
  switch (result.outcome) {
    case 'success':
      statistics.add(result.time, 'SUCCESS');
      statistics.add(result.time, 'SIZE', result.size);
      break;
    case 'ignored':
      statistics.add(result.time, 'SKIP');
      break;
    case 'failed':
      statistics.add(result.time, 'FAILURE');
      break;
  }
}
