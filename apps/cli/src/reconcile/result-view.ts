import { formatBytes, formatCount, formatNumberOf, showName, type Screen } from '../screen.ts';
import type { FolderCount } from './folder-counts.ts';
import type { GapSummary } from './gap-summary.ts';
import {
  countLeftOut,
  describeDifference,
  leftOutMeanings,
  type RequestTotals,
  type Totals,
} from './totals.ts';

const maxFolders = 8;

/** Shows people what was found. */
export function showResult(
  screen: Screen,
  { totals, summary, folders }: { totals: Totals; summary: GapSummary; folders: readonly FolderCount[] },
): void {
  const { counts, leftOut, source, destination, isEqual, requests } = totals;
  screen.line(`${showName(source)} → ${showName(destination)}`);
  screen.line();
  const row = (name: string, count: number, bytes: number, color: 'red' | 'yellow' | 'cyan') => [
    count > 0 ? { color, text: name } : name,
    count,
    count > 0 ? formatBytes(bytes) : '',
  ];
  screen.table(
    ['', 'objects', ''],
    [
      ['in step', counts.same, ''],
      row('missing', counts.missing, summary.bytes.missing, 'red'),
      row('stale', counts.stale, summary.bytes.stale, 'yellow'),
      row('extra', counts.extra, summary.bytes.extra, 'cyan'),
      ...[...leftOut].map(([reason, count]) => ['left out', count, leftOutMeanings[reason]]),
    ],
  );
  if (summary.reasons.length > 0) {
    screen.line();
    screen.table(
      ['why', 'objects'],
      summary.reasons.map(({ reason, objects }) => [reason, objects]),
    );
  }
  if (folders.length > 0) {
    screen.line();
    screen.table(
      ['folder', 'missing', 'stale'],
      [...folders]
        .sort((a, b) => b.missing + b.stale - a.missing - a.stale)
        .slice(0, maxFolders)
        .map(({ folder, missing, stale }) => [folder, missing, stale]),
    );
  }
  screen.line();
  if (requests !== undefined) screen.line(describeRequests(requests));
  const verdict = describeDifference(totals);
  screen.line(isEqual ? screen.paint('green', `${verdict}.`) : screen.paint('red', `${verdict}.`));
  const fresh = leftOut.get('fresh') ?? 0;
  if (fresh > 0)
    screen.line(`${formatNumberOf(fresh, 'object')} changed too lately to judge: run it again for those.`);
  if (countLeftOut(leftOut) === 0 && counts.same + counts.missing + counts.stale === 0) {
    screen.line('The source holds no object.');
  }
}

/** The result in a line. */
export function describeResult(totals: Totals): string {
  const verdict = `${describeDifference(totals)}.`;
  return totals.requests === undefined ? verdict : `${verdict} ${describeRequests(totals.requests)}`;
}

function describeRequests(requests: RequestTotals): string {
  const { isDryRun, wanted, requested, unrequested, problem } = requests;
  if (isDryRun) return `Would request ${formatNumberOf(wanted, 'object')} from OMS (--dry-run).`;
  const refused =
    unrequested === 0 ? '' : ` ${formatCount(unrequested)} could not be requested: see oms-sync failed list.`;
  const why = problem === undefined ? '' : ` ${problem}.`;
  return `Requested ${formatNumberOf(requested, 'object')} from OMS.${refused}${why}`;
}

/** The result for machines. */
export function toJson({
  totals,
  summary,
  folders,
}: {
  totals: Totals;
  summary: GapSummary;
  folders: readonly FolderCount[];
}): unknown {
  const { counts, leftOut, requests, startedAt, seconds } = totals;
  return {
    equal: totals.isEqual,
    source: totals.source,
    destination: totals.destination,
    prefix: totals.prefix,
    started_at: new Date(startedAt).toISOString(),
    seconds: Number(seconds.toFixed(3)),
    source_objects: totals.sourceObjects,
    destination_objects: totals.destinationObjects,
    same: { objects: counts.same },
    missing: { objects: counts.missing, bytes: summary.bytes.missing },
    stale: { objects: counts.stale, bytes: summary.bytes.stale },
    extra: { objects: counts.extra, bytes: summary.bytes.extra },
    left_out: {
      filtered: leftOut.get('filtered') ?? 0,
      before_since: leftOut.get('older') ?? 0,
      after_until: leftOut.get('fresh') ?? 0,
      lists: leftOut.get('own') ?? 0,
    },
    reasons: summary.reasons,
    folders,
    ...(requests && {
      request: {
        dry_run: requests.isDryRun,
        wanted: requests.wanted,
        requested: requests.requested,
        unrequested: requests.unrequested,
        problem: requests.problem,
      },
    }),
  };
}
