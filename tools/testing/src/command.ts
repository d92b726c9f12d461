/** A command was called with something that it cannot take. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads a whole number.
 *
 * @param option its name, for the message: `--seed`.
 * @throws {UsageError}
 */
export function readCount(option: string, text: string, least = 0): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (count >= least) return count;
  throw new UsageError(`${option}: expected a whole number from ${least}, found '${text}'`);
}

/** A seed that is as good as any. */
export function chooseSeed(): string {
  return String(Math.floor(Math.random() * 1_000_000_000));
}

/** Runs a command, and ends the process with its exit code; 2, and the help, if it was called wrongly. */
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

function isUsageError(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS_');
}
