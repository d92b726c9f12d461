import type { Report } from '@oms-sync/core';
import type { Screen } from './screen.ts';

const meanings: Readonly<Record<keyof Report, string>> = {
  received: '',
  requested: 'OMS has taken the request',
  unrequested: 'on the failed list, with the reason',
  filtered: 'left out by the settings',
  merged: 'the same name came more than once',
  returned: 'neither requested nor written down',
};

/** Shows the sums of the conservation law: received = requested + unrequested + filtered + merged + returned. */
export function showReport(
  screen: Screen,
  report: Report,
  others: Partial<Record<keyof Report, string>> = {},
): void {
  const words = { ...meanings, ...others };
  const rows = (['received', 'requested', 'unrequested', 'filtered', 'merged', 'returned'] as const)
    .filter((name) => name === 'received' || name === 'requested' || report[name] > 0)
    .map((name) => [name, report[name], words[name]]);
  screen.table(['', 'objects', ''], rows);
}

/** Adds up the reports of the parts of a run. */
export function addReports(a: Report, b: Report): Report {
  return {
    received: a.received + b.received,
    requested: a.requested + b.requested,
    unrequested: a.unrequested + b.unrequested,
    filtered: a.filtered + b.filtered,
    merged: a.merged + b.merged,
    returned: a.returned + b.returned,
  };
}

export const emptyReport: Report = {
  received: 0,
  requested: 0,
  unrequested: 0,
  filtered: 0,
  merged: 0,
  returned: 0,
};
