import { LogBucketError, OmsError, type SyncStatisticKind, type SyncTaskStatistics } from '@oms-sync/core';
import { notChecked, ok, warning, wrong, type Finding } from '../doctor/finding.ts';
import { checkKeys, checkReach, checkTask, checkTaskState } from '../doctor/oms-checks.ts';
import { formatCount, formatDuration, formatNumberOf } from '../screen.ts';
import type { UnrequestedCount } from './list-counts.ts';
import { comparedTime, formatMinute, leadMs, type ListsView, type Overview } from './overview.ts';

/** What is to be thought of an overview, and what to do. */
export function judge(
  overview: Overview,
  { taskId, maxAgeMs }: { readonly taskId: string; readonly maxAgeMs: number },
): Finding[] {
  const { oms, lists } = overview;
  return [
    ...judgeTask(overview, taskId),
    ...(oms.statistics === undefined ? [] : judgeStatistics(overview, oms.statistics)),
    ...(lists instanceof LogBucketError ? [judgeFault(lists)] : judgeLists(overview, lists, maxAgeMs)),
  ];
}

function judgeTask({ oms: { answer } }: Overview, taskId: string): Finding[] {
  if (answer.task !== undefined) return [checkTaskState(answer.task)];
  const findings = [checkReach(answer), checkKeys(answer, false), checkTask(answer, taskId)];
  return findings.filter(({ verdict }) => verdict !== 'ok');
}

function judgeStatistics({ from }: Overview, statistics: SyncTaskStatistics | OmsError): Finding[] {
  if (statistics instanceof OmsError) {
    return [
      notChecked(
        'statistics',
        `${statistics.code}: ${statistics.message}`,
        'they need the permission oms:synctask:statistics',
      ),
    ];
  }
  const time = `since ${formatMinute(from)}`;
  const requested = sumSince(statistics, 'REQUEST', from);
  const failed = sumSince(statistics, 'FAILURE', from);
  return [
    requested > 0
      ? ok('requests', `OMS took ${formatNumberOf(requested, 'request')} ${time}`)
      : warning(
          'requests',
          `OMS took none ${time}`,
          'if objects were added meanwhile, look at the trigger and the log of the function; oms-sync doctor checks the rest',
        ),
    failed === 0
      ? ok('copying', `OMS failed to copy none ${time}`)
      : warning(
          'copying',
          `OMS failed to copy ${formatNumberOf(failed, 'object')} ${time}`,
          'its lists in the destination bucket (oms/…/failed_object_lists) say why; oms-sync reconcile finds what is still missing',
        ),
  ];
}

function judgeFault(fault: LogBucketError): Finding {
  return wrong('lists', fault.message, 'oms-sync doctor says how to mend the log bucket');
}

function judgeLists(overview: Overview, lists: ListsView, maxAgeMs: number): Finding[] {
  const { unrequested, parked } = lists;
  return [
    judgeUnrequested(unrequested, overview.now, maxAgeMs),
    ...(parked.entries === 0
      ? []
      : [
          warning(
            'parked',
            `${describe(parked)}: no replay requests them again`,
            'look at the reasons, then move them to the failed list or request them: docs/lists.md, Replay',
          ),
        ]),
    judgeGap(overview, lists),
  ];
}

function judgeUnrequested(count: UnrequestedCount, now: number, maxAgeMs: number): Finding {
  const check = 'unrequested';
  if (count.entries === 0) {
    return count.isComplete ? ok(check, 'none') : notChecked(check, 'the time for counting was up');
  }
  if (count.oldestAt === undefined) {
    return warning(check, describe(count), 'none is a name that could be requested: oms-sync failed list');
  }
  const ageMs = now - count.oldestAt;
  const least = count.isComplete ? '' : 'at least ';
  const found = `${describe(count)}; the oldest for ${least}${formatDuration(ageMs)}`;
  const mend = 'oms-sync failed list says why; oms-sync failed replay requests them again';
  return ageMs > maxAgeMs
    ? wrong(check, `${found}, longer than ${formatDuration(maxAgeMs)}`, mend)
    : warning(check, found, `${mend}, and so does the function's schedule`);
}

/** `3 entries (passing 2, refused 1)`. */
function describe({ entries, reasons, isComplete }: UnrequestedCount): string {
  const classes = Object.entries(reasons).map(([reason, count]) => `${reason} ${formatCount(count)}`);
  const count = `${formatCount(entries)} ${entries === 1 ? 'entry' : 'entries'}`;
  return `${isComplete ? '' : 'at least '}${count} (${classes.join(', ')})`;
}

/**
 * Compares what we listed as requested with what OMS says it received, of the same time. Only fewer at OMS is a gap:
 * more is usual, since with layout `object` a name that is requested again is listed once, and since a request whose
 * answer got lost is sent again.
 */
function judgeGap(overview: Overview, { requested }: ListsView): Finding {
  const check = 'gap';
  const { oms } = overview;
  const { from, to } = comparedTime(overview);
  if (oms.statistics === undefined || oms.statistics instanceof OmsError) {
    return notChecked(check, "OMS's statistics are not known");
  }
  const theirs = sumSince(oms.statistics, 'REQUEST', from - leadMs);
  const time = `${formatMinute(from)} to ${formatMinute(to)}`;
  const ours = `${requested.isComplete ? '' : 'at least '}${formatNumberOf(requested.inTime, 'request')}`;
  if (theirs >= requested.inTime)
    return ok(check, `none: our lists have ${ours} from ${time}, and OMS no fewer`);
  return wrong(
    check,
    `our lists have ${ours} from ${time}, OMS received ${formatCount(theirs)}: ${formatCount(requested.inTime - theirs)} fewer`,
    'does this log bucket hold the lists of another task too? If not, oms-sync reconcile finds what is missing, and --request sends it',
  );
}

/** The sum of the intervals that end after a time. */
function sumSince({ points, intervalMs }: SyncTaskStatistics, kind: SyncStatisticKind, from: number): number {
  return points[kind].reduce((sum, { time, count }) => (time + intervalMs > from ? sum + count : sum), 0);
}
