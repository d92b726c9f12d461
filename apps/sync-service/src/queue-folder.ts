import { mkdir, statfs } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';

/** Why the folder of the embedded queue cannot be used; `message` says what to do, for people. */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly reason: 'locked' | 'damaged' | 'unwritable' | 'full' | 'unknown-format' | 'closed';
  readonly folder: string;

  constructor(reason: QueueError['reason'], folder: string, message: string, cause?: unknown) {
    super(`queue_folder ${folder} ${message}`, { cause });
    this.reason = reason;
    this.folder = folder;
  }
}

/** What the store knows of itself. Written with each batch, so it is always that of what is there. */
export interface QueueState {
  readonly format: 1;
  /** Grows with each batch. */
  readonly batch: number;
  /** Everything before this number is settled. */
  readonly head: number;
  /** The number of the next notification. */
  readonly next: number;
  /** How many notifications are there. */
  readonly count: number;
}

export interface QueueFolder {
  readonly store: ClassicLevel;
  readonly state: QueueState;
}

export const stateKey = 'state';
/** More than the default: what is settled soon never reaches a table file. It is also what a start reads at most. */
const writeBufferBytes = 16 * 1024 * 1024;
/** Settling needs disk space too, so some of it is kept free of new notifications. */
const reservedBytes = 64 * 1024 * 1024;

/**
 * Opens the folder, or makes it.
 *
 * @throws {QueueError}
 */
export async function openQueueFolder(folder: string): Promise<QueueFolder> {
  const store = new ClassicLevel(folder, { writeBufferSize: writeBufferBytes });
  try {
    // Only who runs the service reads it: names of objects are nobody else's business.
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await store.open();
    return { store, state: await readState(folder, store) };
  } catch (error) {
    await store.close();
    throw asQueueError(folder, error);
  }
}

/** Fails if the disk is almost full. Cheap, but not for each notification. */
export async function checkSpace(folder: string, leastBytes = reservedBytes): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= leastBytes) return;
  const megabytes = (bytes: number) => Math.floor(bytes / 1024 / 1024);
  throw new QueueError(
    'full',
    folder,
    `takes nothing new: its disk has ${megabytes(bavail * bsize)} MB left, and ${megabytes(leastBytes)} MB are needed to settle what is there. Make room; senders are told to try again.`,
  );
}

async function readState(folder: string, store: ClassicLevel): Promise<QueueState> {
  const text = await store.get(stateKey);
  if (text === undefined) {
    const [someKey] = await store.keys({ limit: 1 }).all();
    if (someKey !== undefined) throw unknownFormat(folder);
    return { format: 1, batch: 0, head: 0, next: 0, count: 0 };
  }
  const state: unknown = JSON.parse(text);
  if (!isQueueState(state)) throw unknownFormat(folder);
  return state;
}

function isQueueState(value: unknown): value is QueueState {
  if (typeof value !== 'object' || value === null || !('format' in value) || value.format !== 1) return false;
  const fields = new Map(Object.entries(value));
  return ['batch', 'head', 'next', 'count'].every((name) => Number.isSafeInteger(fields.get(name)));
}

function unknownFormat(folder: string): QueueError {
  const message =
    'was written by something else, or by another version. Use the version that wrote it until the queue is empty, or choose another folder.';
  return new QueueError('unknown-format', folder, message);
}

/** Says in words why the folder could not be used. */
export function asQueueError(folder: string, error: unknown): QueueError {
  if (error instanceof QueueError) return error;
  const codes = new Set([getCode(error), error instanceof Error ? getCode(error.cause) : undefined]);
  if (codes.has('LEVEL_LOCKED')) {
    const message = 'is in use by another process: stop that one, or give each a folder of its own.';
    return new QueueError('locked', folder, message, error);
  }
  const reason = describe(error);
  if (codes.has('LEVEL_CORRUPTION') || error instanceof SyntaxError) {
    const message = `is damaged (${reason}). Move it away and start anew; what was in it is found by comparing the buckets (\`oms-sync reconcile\`).`;
    return new QueueError('damaged', folder, message, error);
  }
  const message = `cannot be written (${reason}): check that it is a folder, whose it is, and its disk.`;
  return new QueueError('unwritable', folder, message, error);
}

function describe(error: unknown): string {
  const { cause } = error instanceof Error ? error : {};
  return cause instanceof Error ? cause.message : String(error instanceof Error ? error.message : error);
}

function getCode(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
