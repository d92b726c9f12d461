/** How the process ends. */
export const exitCode = {
  allWell: 0,
  /** It ran to its end, and something is not as it should be: objects failed, buckets differ. */
  foundWrong: 1,
  /** Called wrongly or misconfigured: nothing was done. */
  calledWrongly: 2,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];

/** The command was called with something that it cannot take. The message says what was expected. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
