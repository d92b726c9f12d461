/** How one check ended. `not checked`: something that it needs is wrong, or it was not asked for, or nothing can prove it. */
export const verdicts = ['ok', 'warning', 'wrong', 'not checked'] as const;
export type Verdict = (typeof verdicts)[number];

/** The result of one check. */
export interface Finding {
  /** What was looked at, in a word or three. */
  readonly check: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What to do about it. */
  readonly mend?: string | undefined;
}

export function ok(check: string, found: string): Finding {
  return { check, verdict: 'ok', found };
}

export function warning(check: string, found: string, mend: string): Finding {
  return { check, verdict: 'warning', found, mend };
}

export function wrong(check: string, found: string, mend: string): Finding {
  return { check, verdict: 'wrong', found, mend };
}

export function notChecked(check: string, why: string, mend?: string): Finding {
  return { check, verdict: 'not checked', found: why, mend };
}
