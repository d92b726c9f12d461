import { formatBytes, formatCount, formatNumberOf, type Screen } from '../screen.ts';
import type { Halt } from './run.ts';
import type { Totals } from './state.ts';

/** How a backfill ended. */
export interface Outcome {
  readonly source: string;
  readonly isDryRun: boolean;
  readonly totals: Totals;
  /** Undefined if it got to the end. */
  readonly halt: Halt | undefined;
  /** What to go on from, if there is something left. */
  readonly checkpointFile: string | undefined;
}

/** Above so many objects a migration task is the better way: events name ten objects a request. */
export const manyObjects = 1_000_000;

/** Shows what became of everything, and what to do about it. */
export function showOutcome(screen: Screen, outcome: Outcome): void {
  const { source, isDryRun, totals, halt, checkpointFile } = outcome;
  screen.json({
    source,
    dry_run: isDryRun,
    complete: halt === undefined,
    ...(halt && { halt: halt.kind, ...('message' in halt && { message: halt.message }) }),
    listed: totals.listed,
    left_out: totals.leftOut,
    bytes: totals.bytes,
    received: totals.received,
    requested: totals.requested,
    unrequested: totals.unrequested,
    filtered: totals.filtered,
    merged: totals.merged,
    returned: totals.returned,
    ...(checkpointFile !== undefined && { checkpoint: checkpointFile }),
  });
  screen.line(`${source}: ${formatNumberOf(totals.listed, 'object')} listed`);
  screen.table([], rowsOf(outcome));
  for (const line of adviceFor(outcome)) screen.line(`\n${line}`);
}

function rowsOf({ isDryRun, totals }: Outcome): (string | number)[][] {
  const rows: [string, number, string][] = [
    ['left out', totals.leftOut, 'by --since, --until, --min-size or --max-size'],
    isDryRun
      ? ['to be requested', totals.received - totals.filtered, formatBytes(totals.bytes)]
      : ['requested', totals.requested, 'on the success list'],
    ['unrequested', totals.unrequested, 'on the failed list'],
    ['filtered', totals.filtered, 'by include_… and exclude_… of the settings, or lists of ours'],
    ['merged', totals.merged, 'the same name once more'],
  ];
  // What is wanted is shown in any case, what is out of the ordinary only if there is any.
  return rows.filter(([, count], index) => index === 1 || count > 0);
}

function adviceFor({ isDryRun, totals, halt, checkpointFile }: Outcome): string[] {
  const lines: string[] = [];
  if (isDryRun) lines.push('A dry run: nothing was sent.');
  if (isDryRun && totals.received > manyObjects) lines.push(recommendation);
  if (totals.unrequested > 0) {
    lines.push(
      `${formatNumberOf(totals.unrequested, 'object')} could not be requested and ${totals.unrequested === 1 ? 'is' : 'are'} on the failed list:\noms-sync failed list shows why, oms-sync failed replay requests them again.`,
    );
  }
  if (halt?.kind === 'stopped') lines.push('Stopped before the end.');
  if (halt?.kind === 'returned') lines.push(`Stopped: ${halt.message}`);
  if (halt?.kind === 'refused') lines.push(`Stopped, since OMS takes nothing: ${halt.message}`);
  if (checkpointFile !== undefined) {
    lines.push(`The same command goes on from where it was (${checkpointFile}).`);
  }
  return lines;
}

/** For whoever is about to send very many events. */
export const recommendation = `More than ${formatCount(manyObjects)} objects: a migration task of OMS copies so many faster, and needs no requests from here:\noms-sync backfill --via migration-task. See docs/guides/backfill.md.`;
