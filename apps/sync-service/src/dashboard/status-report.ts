import type { Failure, Totals } from '../history.ts';

/** What `GET /status` answers; times are milliseconds since 1970. */
export interface StatusReport {
  readonly now: number;
  readonly started_at: number;
  /** What `/readyz` says. */
  readonly problems: readonly string[];
  readonly paused: boolean;
  /** OMS or the log bucket takes nothing. */
  readonly resting: boolean;
  /** Why something of the last run has to be tried again. */
  readonly problem?: string | undefined;
  /** Objects a second at most; undefined without a limit. */
  readonly rate_limit: number | undefined;
  /** Records that were received and are not settled. */
  readonly held: number;
  /** Notifications in the queue. */
  readonly backlog: number;
  /** Age of the oldest that is not settled. */
  readonly oldest_seconds: number;
  readonly totals: Readonly<Totals>;
  readonly sources: readonly SourceReport[];
  /** The latest first. */
  readonly failures: readonly Failure[];
  readonly replay: ReplayReport;
  readonly timeline: TimelineReport;
}

export interface SourceReport {
  readonly name: string;
  readonly status: string;
  readonly place: string;
  readonly detail?: string | undefined;
  readonly backlog?: { readonly count: number; readonly unit: 'messages' | 'rows' | 'bytes' } | undefined;
}

/** The last replay, if there was one. */
export interface ReplayReport {
  readonly running: boolean;
  readonly requested?: number | undefined;
  readonly unrequested?: number | undefined;
  readonly leftKeys?: number | undefined;
  readonly problem?: string | undefined;
}

/** The last hour, a column for each value, the oldest first. */
export interface TimelineReport {
  readonly time: readonly number[];
  /** Records a second. */
  readonly received: readonly number[];
  readonly requested: readonly number[];
  readonly unrequested: readonly number[];
  readonly lag_seconds: readonly number[];
  /** Mean of the requests to OMS in that time; null if there was none. */
  readonly oms_ms: readonly (number | null)[];
}
