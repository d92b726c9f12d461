import type { ListEntry } from './log-lists.ts';
import { sortRecords, type SortedRecords } from './record-sorting.ts';
import type { Settings } from './settings.ts';
import { settleObjects, type Settlement, type SyncEnvironment } from './settlement.ts';
import { countEach, FailureCount, logEachUnrequested, logUnrequested, toFields } from './sync-log.ts';
import type { StorageRecord } from './storage-record.ts';
import type { Outcome, Reason } from './sync-run.ts';
import { planTime } from './time-plan.ts';

export interface SynchronizationOptions extends SyncEnvironment {
  /** When the platform ends the invocation, in milliseconds since 1970; `Infinity` if it never does. */
  readonly deadline: number;
  /** The platform's id of the invocation, for the log. */
  readonly requestId?: string | undefined;
  /**
   * With `on_failure=redeliver`: can the platform deliver this record (from 0) again, and will it? No when it cannot
   * single it out, or is about to give up.
   */
  readonly canRedeliver?: (index: number) => boolean;
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

/** What became of one record. */
export type Fate =
  | { readonly kind: 'requested' | 'returned' }
  | { readonly kind: 'unrequested'; readonly reason: Reason }
  | { readonly kind: 'filtered'; readonly reason: string }
  /** It has the name of an earlier record, and shares its fate. */
  | { readonly kind: 'merged'; readonly into: number };

/** What an app needs to know to answer its platform. */
export interface Synchronization {
  readonly report: Report;
  /** One for each record. */
  readonly fates: readonly Fate[];
  /** There if anything is returned: what to throw where the platform takes back all or nothing. */
  readonly problem: UnsettledError | undefined;
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
 * Never throws but for a defect. What is returned must not be acknowledged.
 */
export async function synchronize(
  records: readonly StorageRecord[],
  options: SynchronizationOptions,
): Promise<Synchronization> {
  const { settings, clock } = options;
  const startedAt = clock.now();
  const sorted = sortRecords(records, settings);
  const times = planTime(startedAt, options.deadline, sorted.names.size, settings.logLayout);
  const mayRedeliver = ({ index, outcome }: ListEntry) =>
    settings.onFailure === 'redeliver' && isPassing(outcome) && options.canRedeliver?.(index) === true;
  const settlement = await settleObjects(
    sorted.names,
    sorted.invalid,
    times,
    (entry) => {
      if (entry.outcome.kind === 'requested') return 'success_object';
      return mayRedeliver(entry) ? undefined : 'failed_object';
    },
    options,
  );
  const { entries, unlisted, fault } = settlement;
  const fates: Fate[] = Array.from({ length: records.length }, () => ({ kind: 'returned' }));
  for (const [index, reason] of sorted.filtered) fates[index] = { kind: 'filtered', reason };
  for (const [index, into] of sorted.merged) fates[index] = { kind: 'merged', into };
  for (const entry of entries) {
    const { index, outcome } = entry;
    if (!unlisted.has(entry)) fates[index] = outcome;
  }
  const report = countFates(fates);
  const unrequested = entries.filter(({ outcome }) => outcome.kind === 'unrequested');
  const failures = new FailureCount();
  failures.add(unrequested);
  const codes = [...failures.codes.keys()];
  const problem =
    report.returned === 0
      ? undefined
      : new UnsettledError(
          report,
          [
            ...sorted.unknown.slice(0, 3).map(({ reason }) => reason),
            ...(fault === undefined ? [] : [fault.message]),
            ...(codes.length === 0 ? [] : [`not requested: ${codes.slice(0, 5).join(', ')}`]),
          ],
          fault,
        );
  writeLog(options, { report, sorted, settlement, unrequested, failures, startedAt, problem });
  return { report, fates, problem };
}

/** The conservation law of these records. */
export function countFates(fates: readonly Fate[]): Report {
  const report = {
    received: fates.length,
    requested: 0,
    unrequested: 0,
    filtered: 0,
    merged: 0,
    returned: 0,
  };
  for (const { kind } of fates) report[kind]++;
  return report;
}

function isPassing(outcome: Outcome): boolean {
  return outcome.kind === 'unrequested' && outcome.reason.class === 'passing';
}

function writeLog(
  { settings, logger, clock, requestId }: SynchronizationOptions,
  summary: {
    report: Report;
    sorted: SortedRecords;
    settlement: Settlement;
    /** Everything that was not requested, listed or not. */
    unrequested: readonly ListEntry[];
    failures: FailureCount;
    startedAt: number;
    problem: UnsettledError | undefined;
  },
): void {
  const { report, sorted, unrequested, failures, problem, startedAt } = summary;
  const { statistics, writeMs } = summary.settlement;
  logger.log(problem ? 'error' : 'info', 'sync', {
    ...report,
    requests: statistics.requests,
    retries: statistics.retries,
    ms: clock.now() - startedAt,
    oms_ms: statistics.omsMs,
    log_bucket_ms: writeMs,
    oldest_event_age_ms: sorted.oldest === undefined ? undefined : Math.max(0, startedAt - sorted.oldest),
    filtered_reasons: toFields(countEach(sorted.filtered.values())),
    request_id: requestId,
    error: problem?.message,
  });
  logUnrequested(failures, report.unrequested, { logger, requestId });
  logEachUnrequested(unrequested, logger);
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
