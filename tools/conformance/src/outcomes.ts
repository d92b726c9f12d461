import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** How a behaviour was found; `explained` is one that a platform cannot have. */
export type Outcome =
  { readonly kind: 'passed' | 'failed' } | { readonly kind: 'explained'; readonly reason: string };

/** A column of the table, as tools/workspace/src/conformance-table.mjs reads it. */
export interface Column {
  readonly platform: string;
  readonly version: string;
  /** Columns of other files stand before it if theirs is less. */
  readonly order: number;
  /** All behaviours in their order, also those that were not looked at. */
  readonly rows: readonly string[];
  readonly outcomes: Readonly<Record<string, Outcome>>;
}

/**
 * Writes a column for whoever prints the table at the end of the run: each platform has a test file of its own, in a
 * process of its own.
 */
export function writeColumn(column: Column): void {
  const folder = process.env['OMS_SYNC_CONFORMANCE_OUTCOMES'];
  if (folder === undefined) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, `${column.platform} ${column.version}.json`), JSON.stringify(column));
}
