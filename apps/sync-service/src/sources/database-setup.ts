/** How a setup is carried out. */
export interface SetupOptions {
  /** Says what would be done, and does nothing. */
  readonly isDryRun: boolean;
  /** A line for people. */
  readonly write: (line: string) => void;
}

/** What a look at a database has found. */
export interface SetupPlan {
  /** SQL that is to be run, in this order. */
  readonly steps: readonly string[];
  /** What somebody has to mend before. */
  readonly problems: readonly string[];
  /** What is allowed, and may surprise. */
  readonly notes: readonly string[];
}

/**
 * Says what is to be done, and does it if nothing is missing.
 *
 * @returns the exit code: 0 if all is there (or would be), 1 if something is missing.
 */
export async function carryOut(
  { steps, problems, notes }: SetupPlan,
  run: (step: string) => Promise<unknown>,
  { isDryRun, write }: SetupOptions,
): Promise<number> {
  for (const note of notes) write(`note     ${note}`);
  for (const problem of problems) write(`missing  ${problem}`);
  for (const step of steps) write(`${isDryRun || problems.length > 0 ? 'to do   ' : 'does    '} ${step}`);
  if (problems.length > 0) return 1;
  if (!isDryRun) for (const step of steps) await run(step);
  write(isDryRun ? 'nothing was changed' : 'ready    the service can be started');
  return 0;
}
