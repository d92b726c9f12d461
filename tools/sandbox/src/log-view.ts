import type { Screen } from './screen.ts';

const parts = ['requested', 'unrequested', 'filtered', 'merged', 'returned'] as const;

/**
 * Shows what the function has logged. Where each object is an invocation of its own, all looks the same: then one line of
 * it, every line that is no `info`, and the sums.
 */
export function showLog(screen: Screen, lines: readonly string[]): void {
  const isPlain = (line: string) => /"event":"sync","level":"info"/.test(line);
  const plain = lines.filter(isPlain);
  const [example] = plain;
  for (const line of lines) {
    if (!isPlain(line) || line === example) screen.item(screen.paint('dim', line));
  }
  if (plain.length < 2) return;
  screen.item(`... and ${plain.length - 1} more such lines, one for each invocation; in all:`);
  const sum = (field: string) =>
    plain.reduce((total, line) => total + Number(new RegExp(`"${field}":(\\d+)`).exec(line)?.[1] ?? 0), 0);
  screen.item(`received ${sum('received')} = ${parts.map((part) => `${part} ${sum(part)}`).join(' + ')}`);
}
