import { LogBucketError, OmsError, type SyncTask, type SyncTaskStatistics } from '@oms-sync/core';
import type { Finding } from '../doctor/finding.ts';
import { formatFindings } from '../doctor/findings-view.ts';
import { describeSource } from '../doctor/task-checks.ts';
import { formatBytes, formatCount, formatDuration, type Paint } from '../screen.ts';
import { formatMinute, type ListsView, type Overview } from './overview.ts';
import { divideTime, formatTimeAxis, plotBlocks, sumColumns } from './plot.ts';

interface View {
  readonly columns: number;
  readonly paint: Paint;
}

const kinds = [
  ['requested', 'REQUEST', 'cyan', formatCount],
  ['copied', 'SUCCESS', 'green', formatCount],
  ['failed', 'FAILURE', 'red', formatCount],
  ['skipped', 'SKIP', 'dim', formatCount],
  ['bytes', 'SIZE', 'green', formatBytes],
] as const;

/** What surrounds a plot: its name in front, total and peak behind. */
const nameWidth = 11;
const numberWidth = 12;
const widestPlot = 96;

/** All of an overview, as lines. */
export function formatOverview(overview: Overview, findings: readonly Finding[], view: View): string[] {
  const { oms, lists } = overview;
  const { task } = oms.answer;
  return [
    ...(task === undefined ? [] : [...formatTask(task, overview.now, view), '']),
    ...(oms.statistics === undefined || oms.statistics instanceof OmsError
      ? []
      : [...formatStatistics(overview, oms.statistics, view), '']),
    ...(lists instanceof LogBucketError ? [] : [...formatLists(overview, lists, view), '']),
    ...formatFindings(findings, view.columns, view.paint),
  ];
}

function formatTask(task: SyncTask, now: number, { paint }: View): string[] {
  const { destination, month } = task;
  const { requested = 0, succeeded = 0, failed = 0, skipped = 0, bytes = 0 } = month;
  return [
    `${paint('bold', `Task ${task.id}`)}  ${task.status ?? 'of unknown state'}`,
    `from ${describeSource(task)}`,
    `to   the bucket ${destination.bucket ?? 'unknown'} of OBS (${destination.region ?? 'unknown'})`,
    `OMS counts for ${new Date(now).toISOString().slice(0, 7)}: ${formatCount(requested)} requested, ${formatCount(succeeded)} copied,`,
    `${formatCount(failed)} failed, ${formatCount(skipped)} skipped (already there), ${formatBytes(bytes)}`,
  ];
}

function formatStatistics(
  { from, now }: Overview,
  { points, intervalMs }: SyncTaskStatistics,
  { columns, paint }: View,
): string[] {
  const width = Math.max(10, Math.min(widestPlot, columns - nameWidth - 2 * numberWidth - 1));
  const begin = Math.floor(from / intervalMs) * intervalMs;
  const span = divideTime({ from: begin, to: now, intervalMs }, width);
  const plotWidth = span.columns * span.columnWidth;
  const head = `OMS since ${formatMinute(from)}`;
  const row = (name: string, plot: string, total: string, peak: string) =>
    `${name.padEnd(nameWidth)}${plot}${total.padStart(numberWidth)}${peak.padStart(numberWidth)}`;
  return [
    paint('bold', head) +
      'total'.padStart(Math.max(6, nameWidth + plotWidth + numberWidth - head.length)) +
      'peak'.padStart(numberWidth),
    ...kinds.map(([name, kind, color, format]) => {
      const sums = sumColumns(points[kind], span);
      const total = sums.reduce((sum, count) => sum + count, 0);
      // Painted whole: escapes in between would break the columns of the numbers.
      return row(
        name,
        paint(color, plotBlocks(sums, span.columnWidth)),
        format(total),
        format(Math.max(...sums)),
      );
    }),
    paint('dim', `${' '.repeat(nameWidth)}${formatTimeAxis(span)}`),
    paint(
      'dim',
      `${' '.repeat(nameWidth)}times in UTC; a column is ${formatDuration(span.columnMs)}, the peak is the largest one`,
    ),
  ];
}

function formatLists({ now, from }: Overview, lists: ListsView, { paint }: View): string[] {
  const { requested, unrequested, parked } = lists;
  const count = (entries: number, isComplete: boolean) => `${isComplete ? '' : '≥ '}${formatCount(entries)}`;
  const row = (name: string, entries: string, note: string) =>
    `${name.padEnd(nameWidth)}${entries.padStart(numberWidth)}${note === '' ? '' : `  ${note}`}`;
  const oldest = (at: number | undefined) =>
    at === undefined ? '' : `the oldest for ${formatDuration(now - at)}`;
  const isPart = [requested, unrequested, parked].some(({ isComplete }) => !isComplete);
  return [
    paint('bold', 'Our lists'),
    row(
      'requested',
      count(requested.entries, requested.isComplete),
      `${count(requested.inTime, requested.isComplete)} since ${formatMinute(from)}, but for the last 10 min`,
    ),
    row('unrequested', count(unrequested.entries, unrequested.isComplete), oldest(unrequested.oldestAt)),
    row('parked', count(parked.entries, parked.isComplete), oldest(parked.oldestAt)),
    ...(isPart
      ? [
          paint(
            'dim',
            `counting ended after ${formatDuration(lists.tookMs)}, so ≥ is a lower bound; --count-for gives it longer`,
          ),
        ]
      : []),
  ];
}
