import {
  LogBucketError,
  OmsError,
  type LogBucket,
  type OmsSyncTasks,
  type Settings,
  type SyncTaskStatistics,
} from '@oms-sync/core';
import { askForTask, type OmsAnswer } from '../doctor/oms-checks.ts';
import {
  countRequested,
  countUnrequested,
  type CountOptions,
  type RequestedCount,
  type UnrequestedCount,
} from './list-counts.ts';

/** What OMS says. */
export interface OmsView {
  readonly answer: OmsAnswer;
  /** The error says why there are none. */
  readonly statistics: SyncTaskStatistics | OmsError | undefined;
}

/** What our own lists say. */
export interface ListsView {
  readonly requested: RequestedCount;
  readonly unrequested: UnrequestedCount;
  readonly parked: UnrequestedCount;
  /** How long counting took. */
  readonly tookMs: number;
}

/** All that `status` shows. Times in milliseconds since 1970. */
export interface Overview {
  readonly now: number;
  /** What is shown of the past begins here. */
  readonly from: number;
  readonly oms: OmsView;
  /** The error says why there are none. */
  readonly lists: ListsView | LogBucketError;
}

/** OMS's counts are of five minutes at least, and nobody says how late they come: what is newer is not compared. */
const settleMs = 10 * 60_000;
/**
 * A list is written after its request, with layout `list` at the end of an invocation. So what the lists say of a time
 * can be in OMS's counts of a little earlier, in an interval that began up to an hour before that.
 */
export const leadMs = 2 * 3_600_000;

/** The part of the past in which our lists are compared with what OMS received. */
export function comparedTime({ from, now }: Pick<Overview, 'from' | 'now'>) {
  return { from, to: now - settleMs };
}

/** Asks OMS for the task and its counts. */
export async function askOms(
  tasks: OmsSyncTasks,
  settings: Pick<Settings, 'syncUrl' | 'requestTimeoutMs'>,
  { from, now }: { readonly from: number; readonly now: number },
): Promise<OmsView> {
  const timeoutMs = settings.requestTimeoutMs;
  const answer = await askForTask(tasks, { host: settings.syncUrl.host, now, timeoutMs });
  if (answer.task === undefined) return { answer, statistics: undefined };
  try {
    const time = { from: from - leadMs, to: now };
    return { answer, statistics: await tasks.listSyncTaskStatistics(time, timeoutMs) };
  } catch (error) {
    if (error instanceof OmsError) return { answer, statistics: error };
    throw error;
  }
}

/**
 * Counts our own lists.
 *
 * @param options.countForMs counting ends after that, and what was counted by then counts as a part.
 */
export async function countLists(
  logBucket: LogBucket,
  settings: Pick<Settings, 'logBucket'>,
  options: {
    readonly from: number;
    readonly now: number;
    readonly countForMs: number;
    readonly onCounted: (entries: number) => void;
  },
): Promise<ListsView | LogBucketError> {
  const { from, now, countForMs, onCounted } = options;
  const startedAt = Date.now();
  const count: CountOptions = { logBucket, settings, until: startedAt + countForMs, onCounted };
  try {
    const [requested, unrequested, parked] = await Promise.all([
      countRequested(count, comparedTime({ from, now })),
      countUnrequested(count, 'failed_object'),
      countUnrequested(count, 'parked_object'),
    ]);
    return { requested, unrequested, parked, tookMs: Date.now() - startedAt };
  } catch (error) {
    if (error instanceof LogBucketError) return error;
    throw error;
  }
}

/** `11-25 21:00`, in UTC. */
export function formatMinute(time: number): string {
  return new Date(time).toISOString().slice(5, 16).replace('T', ' ');
}
