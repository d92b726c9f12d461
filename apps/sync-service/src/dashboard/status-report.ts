/** What `GET /api/status` answers; times are milliseconds since 1970. Without imports: the page shares it. */
export interface StatusReport {
  readonly time: number;
  readonly started_at: number;
  /** `resting`: OMS or the log bucket takes nothing. */
  readonly state: 'running' | 'paused' | 'resting';
  /** What `/readyz` says. */
  readonly hindrances: readonly string[];
  /** Why the last run could not settle everything. */
  readonly problem?: string | undefined;
  readonly totals: Totals;
  /** Records that were received and are not settled. */
  readonly held: number;
  /** Age of the oldest record or notification that is not settled. */
  readonly lag_seconds: number;
  /** Keys of the failed list after the last replay; undefined before the first one. */
  readonly failed_list_keys?: number | undefined;
  readonly sources: readonly SourceReport[];
  readonly history: HistoryReport;
  /** The latest first. */
  readonly failures: readonly Failure[];
}

/** What was counted since the start. */
export interface Totals {
  readonly received: number;
  readonly requested: number;
  /** On the failed list. */
  readonly unrequested: number;
  readonly filtered: number;
  readonly merged: number;
  readonly delayed: number;
  readonly notifications_refused: number;
  readonly oms_requests: number;
  readonly oms_failures: number;
  readonly oms_seconds: number;
}

export interface SourceReport {
  readonly name: string;
  readonly status: 'connecting' | 'running' | 'failed' | 'stopped';
  readonly place: string;
  readonly detail?: string | undefined;
  readonly backlog?: { readonly count: number; readonly unit: 'messages' | 'rows' | 'bytes' } | undefined;
}

/** The last hour, a column for each value, the oldest first. */
export interface HistoryReport {
  readonly time: readonly number[];
  /** Records a second. */
  readonly received: readonly number[];
  readonly requested: readonly number[];
  readonly unrequested: readonly number[];
  readonly lag_seconds: readonly number[];
  readonly held: readonly number[];
  /** Mean of the requests to OMS in that time; null if there was none. */
  readonly oms_ms: readonly (number | null)[];
}

/** An object that went on the failed list. */
export interface Failure {
  readonly time: number;
  readonly source: string;
  readonly name: string;
  readonly code: string;
  readonly message: string;
}
