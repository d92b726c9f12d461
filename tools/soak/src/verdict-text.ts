import type { Verdict } from './ledger.ts';

/** With commas. */
export function number(value: number): string {
  return value.toLocaleString('en');
}

/** How many names are wrong, however. */
export function countWrong({ lost, unfounded, strangers }: Verdict): number {
  return lost.length + unfounded.length + strangers.length;
}

/** What is wrong with the names, in three lines. */
export function describeWrong({ lost, unfounded, strangers }: Verdict): string {
  return `lost       ${lost.length}${list(lost)}
unfounded  ${unfounded.length} on the success list, and unknown to OMS${list(unfounded)}
changed    ${strangers.length} names that were never sent${list(strangers)}`;
}

function list(examples: readonly (string | number)[]): string {
  return examples.length === 0 ? '' : `: ${examples.slice(0, 5).join(', ')}`;
}
