import type { Verdict } from './ledger.ts';

/** A command was called wrongly: its help is printed, and the exit code is 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Runs a command to its end, and leaves its exit code. */
export function runCommand(main: () => Promise<number>, help: string): void {
  main().then(
    (code) => {
      process.exitCode = code;
    },
    (error: unknown) => {
      console.error(isUsageError(error) ? `${error.message}\n\n${help}` : error);
      process.exit(isUsageError(error) ? 2 : 1);
    },
  );
}

function isUsageError(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS_');
}

/** @throws {UsageError} when it is no whole number, or too small. */
export function readCount(option: string, text: string, least = 0): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw new UsageError(`--${option}: expected a whole number from ${least}, got '${text}'`);
}

/** A new one where none is given. */
export function readSeed(text: string | undefined): number {
  return readCount('seed', text ?? String(Math.floor(Math.random() * 1_000_000_000)));
}

export function number(value: number): string {
  return value.toLocaleString('en');
}

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
