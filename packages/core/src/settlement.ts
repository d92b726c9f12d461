import type { Clock } from './clock.ts';
import type { ListName } from './list-keys.ts';
import type { LogBucket, LogBucketError } from './log-bucket.ts';
import { ListWriter, type ListEntry, type ReceivedObject } from './log-lists.ts';
import type { Logger } from './logger.ts';
import type { SyncEventSink } from './oms-client.ts';
import type { Settings } from './settings.ts';
import { runSync, type InTurn, type SyncRunStatistics } from './sync-run.ts';
import type { TimePlan } from './time-plan.ts';

/** What an instance works with. */
export interface SyncEnvironment {
  readonly settings: Settings;
  readonly oms: SyncEventSink;
  /** Lets `max_in_flight` requests to OMS be under way at a time. */
  readonly inTurn: InTurn;
  readonly logBucket: LogBucket;
  readonly logger: Logger;
  readonly clock: Clock;
  /** A number from 0 to below 1, as `Math.random` gives it. */
  readonly random: () => number;
}

/** What became of objects, each in `entries`. */
export interface Settlement {
  readonly entries: readonly ListEntry[];
  /** The list that was chosen for each that has one. */
  readonly lists: ReadonlyMap<ListEntry, ListName>;
  /** Those that are on no list, because none was chosen or because it could not be written. */
  readonly unlisted: ReadonlySet<ListEntry>;
  /** Why a list could not be written. */
  readonly fault: LogBucketError | undefined;
  readonly statistics: SyncRunStatistics;
  /** From the first write to the end. */
  readonly writeMs: number;
}

/** A request that takes longer to leave, if it ever does, must not keep the lists waiting. */
const maxPrepareDelayMs = 1000;

/**
 * Asks OMS to synchronize objects and puts each outcome on its list, in the time that the plan leaves.
 *
 * @param names the objects by their names.
 * @param settled what needs no request, for the lists too.
 * @param chooseList the list of an outcome; undefined for one that goes on none.
 */
export async function settleObjects(
  names: ReadonlyMap<string, ReceivedObject>,
  settled: readonly ListEntry[],
  times: TimePlan,
  chooseList: (entry: ListEntry) => ListName | undefined,
  { settings, oms, inTurn, logBucket, clock, random }: Omit<SyncEnvironment, 'logger'>,
): Promise<Settlement> {
  const writer = new ListWriter({ logBucket, settings, clock, random, writeUntil: times.writeUntil });
  const entries: ListEntry[] = [];
  const lists = new Map<ListEntry, ListName>();
  const unlisted = new Set<ListEntry>();
  const settle = (entry: ListEntry) => {
    entries.push(entry);
    const list = chooseList(entry);
    if (list === undefined) {
      unlisted.add(entry);
    } else {
      lists.set(entry, list);
      writer.add(entry, list);
    }
  };
  for (const entry of settled) settle(entry);
  // The SDK of the log bucket loads once a request to OMS has left: both take their time, and only one of them needs the
  // CPU. A failure comes up again, and is handled, when the first list is written.
  const sent = new AbortController();
  const prepare = () => {
    if (!sent.signal.aborted) void logBucket.prepare().catch(() => undefined);
  };
  void clock.sleep(maxPrepareDelayMs, sent.signal).then(prepare);
  const run = runSync([...names.keys()], {
    oms: {
      createSyncEvents: (batch, timeoutMs) => oms.createSyncEvents(batch, timeoutMs, prepare),
    },
    clock,
    random,
    inTurn,
    requestTimeoutMs: settings.requestTimeoutMs,
    maxAttempts: settings.maxAttempts,
    sendUntil: times.sendUntil,
    onSettled: (name, outcome) => {
      const object = names.get(name);
      if (object === undefined) throw new TypeError(`settled a name that was not received: ${name}`);
      settle({ ...object, outcome });
    },
  });
  const statistics = await run;
  sent.abort();
  const { unwritten, writeMs } = await writer.finish();
  for (const entry of unwritten?.entries ?? []) unlisted.add(entry);
  return { entries, lists, unlisted, fault: unwritten?.fault, statistics, writeMs };
}
