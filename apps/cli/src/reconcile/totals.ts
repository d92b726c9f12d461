import { formatCount } from '../screen.ts';

/** Why objects are not compared. */
export type LeftOutReason = 'filtered' | 'older' | 'fresh' | 'own';

export const leftOutMeanings: Readonly<Record<LeftOutReason, string>> = {
  filtered: 'filtered by the settings',
  older: 'changed before --since',
  fresh: 'too fresh to judge',
  own: 'lists of OMS and oms-sync',
};

/** What became of the gaps that were to be requested. */
export interface RequestTotals {
  readonly isDryRun: boolean;
  readonly wanted: number;
  readonly requested: number;
  /** On the failed list, or nowhere: see `problem`. */
  readonly unrequested: number;
  /** Why some are neither requested nor on the failed list. */
  readonly problem: string | undefined;
}

/** What a reconciliation found. */
export interface Totals {
  readonly source: string;
  readonly destination: string;
  readonly prefix: string | undefined;
  /** In milliseconds since 1970. */
  readonly startedAt: number;
  readonly seconds: number;
  readonly sourceObjects: number;
  readonly destinationObjects: number;
  readonly counts: {
    readonly same: number;
    readonly missing: number;
    readonly stale: number;
    readonly extra: number;
  };
  readonly leftOut: ReadonlyMap<LeftOutReason, number>;
  readonly isEqual: boolean;
  /** Whether the failed lists were looked at. */
  readonly hasReasons: boolean;
  readonly requests: RequestTotals | undefined;
}

export function countLeftOut(leftOut: Totals['leftOut']): number {
  return [...leftOut.values()].reduce((sum, count) => sum + count, 0);
}

/** What people want to know first, in a line. */
export function describeDifference({ isEqual, counts: { missing, stale, extra } }: Totals): string {
  if (isEqual) return extra === 0 ? 'Source and destination are equal' : 'Nothing is missing or stale';
  const parts = [
    missing > 0 ? `${formatCount(missing)} missing` : '',
    stale > 0 ? `${formatCount(stale)} stale` : '',
    extra > 0 ? `${formatCount(extra)} extra` : '',
  ];
  return `${parts.filter((part) => part !== '').join(', ')} at the destination`;
}
