// The outcome of a conformance run: behaviours × platforms × versions of Node.js. Its test files (tools/conformance, one
// for each platform) leave a column each.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/**
 * A column, as tools/conformance/src/outcomes.ts writes it.
 * @typedef {{ platform: string, version: string, order: number, rows: string[], outcomes: Record<string, { kind: string, reason?: string }> }} Column
 */

/**
 * Makes one table of the columns in a folder; nothing if there are none.
 * *
 * @param {string} folder
 * @returns {string | undefined}
 */
export function formatTable(folder) {
  const columns = readColumns(folder);
  const [first] = columns;
  if (first === undefined) return undefined;
  /** @type {string[]} */
  const reasons = [];
  const cells = columns.map(({ platform, rows, outcomes }) =>
    rows.map((row) => {
      const outcome = outcomes[row];
      if (outcome?.kind !== 'explained') return outcome?.kind ?? 'not run';
      const reason = `${platform}: ${outcome.reason}`;
      if (!reasons.includes(reason)) reasons.push(reason);
      return `(${reasons.indexOf(reason) + 1})`;
    }),
  );
  const table = [
    ['', 'Node.js', ...first.rows],
    ...columns.map(({ platform, version }, index) => [platform, version, ...(cells[index] ?? [])]),
  ];
  const widths = table.map((column) => Math.max(...column.map((cell) => cell.length)));
  const lines = ['', 'Node.js', ...first.rows].map((_, line) =>
    table
      .map((column, index) => (column[line] ?? '').padEnd(widths[index] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return [...lines, ...reasons.map((reason, index) => `(${index + 1}) ${reason}`)].join('\n');
}

/**
 * @param {string} folder
 * @returns {Column[]}
 */
function readColumns(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .sort()
    .map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')))
    .sort((a, b) => a.order - b.order);
}
