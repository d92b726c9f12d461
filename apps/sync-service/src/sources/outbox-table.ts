import type { DatabaseUrl } from './database-url.ts';
import type { SetupPlan } from './database-setup.ts';

/** Where the outbox is. */
export interface OutboxOptions {
  readonly database: DatabaseUrl;
  /** With its schema in front and a dot between, if need be. */
  readonly table: string;
}

/** A row that this process has, until its lease ends. */
export interface ClaimedRow {
  /** A whole number, as a text: it may be larger than those of JavaScript. */
  readonly id: string;
  /**
   * What was claimed together (a UUID). Another row may have the same id after a failover to a replica of the database that
   * lagged behind, or a TRUNCATE: it has another claim, and is not taken for this one.
   */
  readonly claim: string;
}

/** An object that was added or changed. */
export interface OutboxRow extends ClaimedRow {
  /** UTF-8, unless something is wrong; null is NULL. */
  readonly name: Buffer | null;
  /** ISO 8601. */
  readonly createdAt: string | undefined;
}

/** Changes rows; those that this process does not have any more are left alone. */
export type ChangeRows = (rows: readonly ClaimedRow[]) => Promise<void>;

/**
 * A connection to a database with an outbox. Times are those of the database: the clocks of replicas may differ. After an
 * error it is good for nothing but {@link close}.
 */
export interface OutboxSession {
  /** What the database lacks. */
  plan(): Promise<SetupPlan>;
  /** Carries out a step of the plan. */
  readonly run: (step: string) => Promise<void>;
  /** Takes rows that nobody has, the first ones, and waits for nobody. */
  claim(claim: string, count: number): Promise<readonly OutboxRow[]>;
  /** Begins their lease anew. */
  readonly renew: ChangeRows;
  /** They are settled. */
  readonly remove: ChangeRows;
  /** Others may have them. */
  readonly release: ChangeRows;
  /** How many rows there are, whoever has them, up to {@link maxCount}. */
  count(): Promise<number>;
  close(): void;
}

/** The columns that the service reads and writes. */
export const outboxColumns = ['id', 'name', 'created_at', 'claimed_until', 'claim'];
/** A replica that is gone has its rows for so long. */
export const leaseSeconds = 60;
/** More rows are not counted. */
export const maxCount = 100_000;
export const connectTimeoutMs = 15_000;
/** No statement takes longer, unless something is wrong. */
export const statementTimeoutMs = 20_000;

/** What a table that is there lacks; for people. */
export function findMissingColumns(table: string, columns: readonly string[]): readonly string[] {
  return outboxColumns
    .filter((column) => !columns.includes(column))
    .map((column) => `${table} has no column "${column}": choose another name in outbox_table, or add it`);
}
