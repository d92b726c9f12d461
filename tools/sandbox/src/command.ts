/** The command was called with something that it cannot take. */
export class UsageError extends Error {}

/** Was the command called wrongly? */
function isUsageError(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS_');
}

/** Runs a command; its result is the exit code, 2 if it was called wrongly. */
export function runCommand(main: () => Promise<number>, help: string): void {
  main().then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      console.error(isUsageError(error) ? `${error.message}\n\n${help}` : error);
      // At once: what was started before the failure would go on listening.
      process.exit(isUsageError(error) ? 2 : 1);
    },
  );
}
