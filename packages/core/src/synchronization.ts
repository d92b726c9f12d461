import type { Clock } from './clock.ts';
import type { LogBucket } from './log-bucket.ts';
import { ListWriter, type ListEntry } from './log-lists.ts';
import type { Logger } from './logger.ts';
import type { SyncEventSink } from './oms-client.ts';
import { sortRecords, toListEntry, type SortedRecords } from './record-sorting.ts';
import type { Settings } from './settings.ts';
import type { StorageRecord } from './storage-record.ts';
import { runSync, type SyncRunStatistics } from './sync-run.ts';
import { planTime } from './time-plan.ts';

export interface SynchronizationOptions {
  readonly settings: Settings;
  readonly oms: SyncEventSink;
  readonly logBucket: LogBucket;
  readonly logger: Logger;
  readonly clock: Clock;
  /** A number from 0 to below 1, as `Math.random` gives it. */
  readonly random: () => number;
  /** When the platform ends the invocation, in milliseconds since 1970; `Infinity` if it never does. */
  readonly deadline: number;
  /** The platform's id of the invocation, for the log. */
  readonly requestId?: string | undefined;
}

/**
 * What became of the records of one invocation. The conservation law holds:
 * `received = requested + unrequested + filtered + merged + returned`.
 */
export interface Report {
  readonly received: number;
  /** OMS answered 2xx, and it is on the success list. */
  readonly requested: number;
  /** On the failed list, with the reason. */
  readonly unrequested: number;
  /** Nothing to synchronize: no creation, a list of ours, or a name that the settings leave out. */
  readonly filtered: number;
  /** The same name was received in the same invocation already. */
  readonly merged: number;
  /** Neither requested nor written down: the platform has to deliver it again. */
  readonly returned: number;
}

/** Some of what was received could not be settled; the platform has to deliver it again. */
export class UnsettledError extends Error {
  override readonly name = 'UnsettledError';
  readonly report: Report;

  constructor(report: Report, reasons: readonly string[], cause: unknown) {
    super(
      `${report.returned} of ${report.received} records are neither requested nor written down and must be delivered again: ${reasons.join('; ')}`,
      { cause },
    );
    this.report = report;
  }
}

/**
 * Settles everything that one invocation received: leaves out what is not to be synchronized, merges equal names,
 * asks OMS to synchronize the rest and puts each outcome on its list. Ends before the deadline.
 *
 * @throws {UnsettledError} if anything must be delivered again; then the invocation must fail.
 */
export async function synchronize(
  records: readonly StorageRecord[],
  options: SynchronizationOptions,
): Promise<Report> {
  const { settings, oms, logBucket, clock, random } = options;
  const startedAt = clock.now();
  const sorted = sortRecords(records, settings);
  const { sendUntil, writeUntil } = planTime(
    startedAt,
    options.deadline,
    sorted.names.size,
    settings.logLayout,
  );

  const writer = new ListWriter({ logBucket, settings, clock, random, writeUntil });
  const entries: ListEntry[] = [];
  const settle = (entry: ListEntry) => {
    entries.push(entry);
    writer.add(entry);
    if (entry.outcome.kind === 'unrequested') {
      options.logger.log('debug', 'unrequested', { name: entry.name, ...entry.outcome.reason });
    }
  };
  for (const entry of sorted.invalid) settle(entry);
  const run = runSync([...sorted.names.keys()], {
    oms,
    clock,
    random,
    maxInFlight: settings.maxInFlight,
    requestTimeoutMs: settings.requestTimeoutMs,
    maxAttempts: settings.maxAttempts,
    sendUntil,
    onSettled: (name, outcome) => {
      const record = sorted.names.get(name);
      if (record === undefined) throw new TypeError(`settled a name that was not received: ${name}`);
      settle(toListEntry(record, name, outcome));
    },
  });
  if (sorted.names.size > 0) prepareWhileWaiting(logBucket);
  const statistics = await run;
  const { unwritten, writeMs } = await writer.finish();

  const written = entries.filter((entry) => unwritten?.entries.has(entry) !== true);
  const requested = written.filter(({ outcome }) => outcome.kind === 'requested').length;
  const report: Report = {
    received: records.length,
    requested,
    unrequested: written.length - requested,
    filtered: [...sorted.filtered.values()].reduce((sum, count) => sum + count, 0),
    merged: sorted.merged,
    returned: sorted.unknown.length + entries.length - written.length,
  };
  const codes = countCodes(entries);
  const problem =
    report.returned === 0
      ? undefined
      : new UnsettledError(
          report,
          [
            ...sorted.unknown.slice(0, 3),
            ...(unwritten === undefined ? [] : [unwritten.fault.message]),
            ...(codes.size === 0 ? [] : [`not requested: ${[...codes.keys()].slice(0, 5).join(', ')}`]),
          ],
          unwritten?.fault,
        );
  writeLog(options, { report, sorted, statistics, codes, writeMs, startedAt, problem });
  if (problem) throw problem;
  return report;
}

/**
 * Loads the log bucket's SDK once the first request to OMS is on its way: both take their time, and only one of them
 * needs the CPU. A failure comes up again, and is handled, when the first list is written.
 */
function prepareWhileWaiting(logBucket: LogBucket): void {
  setImmediate(() => void logBucket.prepare().catch(() => undefined));
}

function writeLog(
  { settings, logger, clock, requestId }: SynchronizationOptions,
  summary: {
    report: Report;
    sorted: SortedRecords;
    statistics: SyncRunStatistics;
    codes: ReadonlyMap<string, number>;
    writeMs: number;
    startedAt: number;
    problem: UnsettledError | undefined;
  },
): void {
  const { report, sorted, statistics, codes, problem, startedAt } = summary;
  const level = problem ? 'error' : report.unrequested > 0 ? 'warn' : 'info';
  logger.log(level, 'sync', {
    ...report,
    requests: statistics.requests,
    retries: statistics.retries,
    ms: clock.now() - startedAt,
    oms_ms: statistics.omsMs,
    log_bucket_ms: summary.writeMs,
    oldest_event_age_ms: sorted.oldest === undefined ? undefined : Math.max(0, startedAt - sorted.oldest),
    filtered_reasons: toFields(sorted.filtered),
    unrequested_codes: toFields(codes),
    request_id: requestId,
    error: problem?.message,
  });
  if (sorted.ofLogBucket > 0) {
    logger.log('error', 'misconfigured', {
      setting: 'log_bucket',
      events_of_log_bucket: sorted.ofLogBucket,
      message: `log_bucket is the source bucket (${describe(settings)}): every list written there triggers the function again. Nothing loops and nothing is lost, but it costs an invocation each; choose another bucket.`,
      request_id: requestId,
    });
  }
}

function describe({ logBucket }: Settings): string {
  return 'bucket' in logBucket ? `${logBucket.store}://${logBucket.bucket}` : logBucket.store;
}

function countCodes(entries: readonly ListEntry[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { outcome } of entries) {
    if (outcome.kind === 'requested') continue;
    counts.set(outcome.reason.code, (counts.get(outcome.reason.code) ?? 0) + 1);
  }
  return counts;
}

/** For the log: the most frequent ones, undefined when there are none. */
function toFields(counts: ReadonlyMap<string, number>): Record<string, number> | undefined {
  if (counts.size === 0) return undefined;
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, 20));
}
