import { testKeys } from '@oms-sync/testing';

/** What could be seen of one call of the tool. */
export interface ToolObservation {
  /** Undefined if it did not end by itself. */
  readonly code: number | undefined;
  readonly ms: number;
  readonly output: string;
  /** The names that OMS took, and those of the success list. */
  readonly accepted: readonly string[];
  readonly listed: readonly string[];
  /** What was sent to OMS as names, and is no list of them. */
  readonly violations: readonly string[];
}

/** All well, something found, called wrongly: what the help says. */
const exitCodes = new Set<number | undefined>([0, 1, 2]);
const stackLine = /^\s+at .+(:\d+:\d+\)?|\(native\))$/m;

/** Says what is wrong with what the tool did; nothing, if it is right. */
export function judgeTool(observation: ToolObservation): string[] {
  const { code, ms, output, accepted, listed, violations } = observation;
  const problems: string[] = [];
  if (code === undefined) problems.push(`it did not end in ${Math.round(ms / 1000)} s`);
  else if (!exitCodes.has(code)) problems.push(`exit code ${code}`);
  const stack = stackLine.exec(output);
  if (stack !== null)
    problems.push(`a stack trace: ${output.slice(Math.max(0, stack.index - 300), stack.index + 200)}`);
  if (code !== 0 && output.trim() === '') problems.push(`exit code ${code}, and not a word`);
  for (const [name, key] of Object.entries(testKeys)) {
    if (output.includes(key)) problems.push(`the ${name} in the output`);
  }
  const known = new Set(listed);
  const unlisted = accepted.filter((name) => !known.has(name));
  if (unlisted.length > 0)
    problems.push(`OMS took, and the success list has not: ${JSON.stringify(unlisted.slice(0, 5))}`);
  return [...problems, ...violations.map((violation) => `no request for OMS: ${violation}`)];
}
