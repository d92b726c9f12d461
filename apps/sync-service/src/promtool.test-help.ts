import { spawnSync } from 'node:child_process';

/** Runs Prometheus's own tool; what it says, and its exit code. */
export function runPromtool(...args: readonly string[]): { output: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync('promtool', args, { encoding: 'utf8' });
  return { output: `${stdout}${stderr}`, status };
}

/** Why tests with promtool do not run here; undefined if they do. */
export const whyNoPromtool =
  process.env['OMS_SYNC_PEERS'] === 'required' || runPromtool('--version').status === 0
    ? undefined
    : 'needs promtool, see tools/peers/install.sh';

const keywords = new Set(['and', 'or', 'unless', 'bool', 'offset']);

/** The metrics that a PromQL expression asks for. */
export function findMetrics(expression: string): readonly string[] {
  const bare = expression
    .replace(/\{[^}]*\}/g, ' ') // labels and their values
    .replace(/\[[^\]]*\]/g, ' ') // ranges
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, ' ');
  const names = [...bare.matchAll(/(?<![\w:.])[a-z_:][\w:]*(?!\w*\s*\()/gi)].map(([name]) => name);
  return [...new Set(names.filter((name) => !keywords.has(name)))];
}
