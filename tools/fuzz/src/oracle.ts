import { isDeepStrictEqual } from 'node:util';
import { testKeys } from '@oms-sync/testing';
import type { Answer } from './entry-point.ts';
import { findRecords, type Input } from './inputs.ts';
import { findNames } from './names.ts';

/** Everything that could be seen of one input. */
export interface Observation {
  readonly input: Input;
  readonly answer: Answer | { readonly kind: 'hung' };
  readonly ms: number;
  /** What was logged or printed. */
  readonly lines: readonly string[];
  /** The names that OMS took. */
  readonly accepted: readonly string[];
  /** What was sent to OMS and is no request. */
  readonly violations: readonly string[];
  readonly lists: Lists;
  /** What was thrown where nobody catches it. */
  readonly uncaught: readonly string[];
  /** The names of the members that all objects have. */
  readonly prototypeKeys: readonly string[];
}

/** What lies in the log bucket after one input. */
export interface Lists {
  readonly requested: readonly string[];
  readonly unrequested: readonly string[];
  /** What is no name at all. */
  readonly invalid: readonly string[];
  readonly text: string;
}

/** Errors that say what is wrong. Anything else is a defect that came through. */
const clearErrors = new Set(['UnsettledError', 'UnknownEventError']);
/** The most that one input may take: 10,000 records, each written by itself, on a busy machine. */
const maxMs = 30_000;
/** The longest that a log service takes in one line. Source: CloudWatch Logs and Cloud Logging, 256 KB. */
const maxLineCharacters = 256 * 1024;

/** Says what is wrong with what happened; nothing, if it is right. */
export function judge(observation: Observation): string[] {
  return [
    ...judgeProcess(observation),
    ...judgeAnswer(observation),
    ...judgeSum(observation),
    ...judgeLists(observation),
    ...judgeNames(observation),
  ];
}

/** The line of the log that has the conservation law, if there is one. */
export function readSyncLines(lines: readonly string[]): Readonly<Record<string, unknown>>[] {
  return lines.flatMap((line) => {
    if (!line.startsWith('{')) return [];
    const value: unknown = tryToParse(line);
    return isRecord(value) && value['event'] === 'sync' ? [value] : [];
  });
}

/** What is right of every process. */
export function judgeProcess({
  answer,
  ms,
  lines,
  lists,
  uncaught,
  prototypeKeys,
}: Omit<Observation, 'input' | 'accepted' | 'violations'>): string[] {
  const problems: string[] = [];
  if (answer.kind === 'hung' || ms > maxMs) problems.push(`took ${Math.round(ms)} ms`);
  if (uncaught.length > 0) problems.push(`uncaught: ${uncaught.join('; ')}`);
  if (prototypeKeys.length > 0) problems.push(`Object.prototype has ${prototypeKeys.join(', ')}`);
  const long = lines.find((line) => line.length > maxLineCharacters);
  if (long !== undefined) problems.push(`a log line of ${long.length} characters: ${long.slice(0, 200)}`);
  const output = `${lines.join('\n')}\n${lists.text}\n${JSON.stringify(answer)}`;
  for (const [name, key] of Object.entries(testKeys)) {
    if (output.includes(key)) problems.push(`the ${name} in the output`);
  }
  return problems;
}

function judgeAnswer({ input, answer, lines }: Observation): string[] {
  if (answer.kind !== 'failed') return [];
  const problems: string[] = [];
  // Google's framework refuses without a word what it cannot read; the function never saw it.
  const isOfFramework = answer.errorType.startsWith('HTTP 4') && lines.length === 0;
  if (answer.text.trim() === '' && !isOfFramework)
    problems.push(`an error without a message: ${answer.errorType}`);
  if (answer.text.length > maxLineCharacters) {
    problems.push(`an error of ${answer.text.length} characters`);
  }
  const types = answer.errorType.startsWith('HTTP ') ? readErrorTypes(lines) : [answer.errorType];
  // The library of Azure reads the text before the function gets it.
  const isNoJson = tryToParse(Buffer.from(input.bytes ?? '', 'latin1').toString('utf8')) === undefined;
  for (const type of types) {
    if (clearErrors.has(type) || (type === 'SyntaxError' && isNoJson)) continue;
    // It goes through the event by recursion, and ends at some ten thousand levels.
    if (type === 'RangeError' && answer.text.includes('at toCamelCaseValue')) continue;
    problems.push(`an unclear error: ${type}: ${answer.text.slice(0, 600)}`);
  }
  return problems;
}

/** What the functions on Google Cloud log of an error, as their answer does not tell its type. */
function readErrorTypes(lines: readonly string[]): string[] {
  return lines.flatMap((line) => {
    const value = line.startsWith('{') ? tryToParse(line) : undefined;
    return isRecord(value) && value['event'] === 'failed' ? [String(value['error_type'])] : [];
  });
}

function judgeSum({ input, answer, lines, accepted, lists }: Observation): string[] {
  const sums = readSyncLines(lines);
  if (sums.length > 1) return [`${sums.length} sync lines for one input`];
  const [sum] = sums;
  if (sum === undefined) {
    const problems = answer.kind === 'done' ? ['acknowledged without a sync line'] : [];
    if (accepted.length > 0) problems.push(`requested ${accepted.length} names without a sync line`);
    return problems;
  }
  const problems: string[] = [];
  const [received, requested, unrequested, filtered, merged, returned] = [
    'received',
    'requested',
    'unrequested',
    'filtered',
    'merged',
    'returned',
  ].map((name) => Number(sum[name]));
  if (received !== sumUp([requested, unrequested, filtered, merged, returned])) {
    problems.push(`the conservation law is broken: ${JSON.stringify(sum)}`);
  }
  if (requested !== accepted.length) {
    problems.push(`requested is ${requested}, OMS took ${accepted.length} names`);
  }
  const written = lists.unrequested.length + lists.invalid.length;
  // What is no name is written down once for each text, and counted for each record.
  if (written > (unrequested ?? 0) || (written === 0 && unrequested !== 0)) {
    problems.push(`unrequested is ${unrequested}, the failed list has ${written}`);
  }
  if (returned !== 0 && answer.kind === 'done' && !takesSomethingBack(answer.value)) {
    problems.push(`${returned} records are returned, but the answer acknowledges all`);
  }
  if (returned === 0 && answer.kind === 'failed' && answer.errorType !== 'HTTP 405') {
    problems.push(`nothing is returned, but the answer is ${answer.errorType}: ${answer.text.slice(0, 300)}`);
  }
  return [...problems, ...judgeCanary(input, answer, accepted, lists)];
}

/** A flawless record is requested, written down or handed back, whatever came with it. */
function judgeCanary(
  { canary, event }: Input,
  answer: Observation['answer'],
  accepted: readonly string[],
  lists: Lists,
): string[] {
  if (canary === undefined || answer.kind !== 'done') return [];
  if (accepted.includes(canary) || lists.unrequested.includes(canary)) return [];
  const holder = findRecords(event)?.list.find((record) => mentions(record, canary));
  const ids = [readMember(holder, 'messageId'), readMember(holder, 'taskId')];
  return ids.some((id) => typeof id === 'string' && isTakenBack(answer.value, id))
    ? []
    : [`${canary} is acknowledged, but neither requested nor written down`];
}

function judgeLists({ input, accepted, violations, lists }: Observation): string[] {
  const problems = violations.map((violation) => `no request for OMS: ${violation}`);
  const sorted = [...accepted].sort();
  if (new Set(accepted).size !== accepted.length) problems.push('OMS took a name twice');
  if (!isDeepStrictEqual(sorted, [...lists.requested].sort())) {
    problems.push(`OMS took ${show(sorted)}, the success list has ${show(lists.requested)}`);
  }
  const both = lists.unrequested.filter((name) => accepted.includes(name));
  if (both.length > 0) problems.push(`requested and on the failed list: ${show(both)}`);
  if (input.mood === 'takes all' && lists.unrequested.length > 0) {
    problems.push(`OMS takes all, the failed list has ${show(lists.unrequested)}`);
  }
  return problems;
}

/** No name comes from nowhere. */
function judgeNames({ input, accepted, lists }: Observation): string[] {
  const names = [...accepted, ...lists.unrequested];
  if (names.length === 0) return [];
  const known = findNames(input);
  const invented = names.filter((name) => !known.has(name));
  return invented.length === 0 ? [] : [`names that were not in the input: ${show(invented)}`];
}

function takesSomethingBack(value: unknown): boolean {
  const failures = readMember(value, 'batchItemFailures');
  if (Array.isArray(failures)) return failures.length > 0;
  const results = readMember(value, 'results');
  return (
    Array.isArray(results) &&
    results.some((result) => readMember(result, 'resultCode') === 'TemporaryFailure')
  );
}

function isTakenBack(value: unknown, id: string): boolean {
  const failures = readMember(value, 'batchItemFailures');
  if (Array.isArray(failures))
    return failures.some((failure) => readMember(failure, 'itemIdentifier') === id);
  const results = readMember(value, 'results');
  return (
    Array.isArray(results) &&
    results.some(
      (result) => readMember(result, 'taskId') === id && readMember(result, 'resultCode') !== 'Succeeded',
    )
  );
}

function mentions(record: unknown, text: string): boolean {
  try {
    return JSON.stringify(record).includes(text);
  } catch {
    return false; // Too deep, cyclic or nothing: not the flawless one.
  }
}

function readMember(value: unknown, name: string): unknown {
  return isRecord(value) ? Object.getOwnPropertyDescriptor(value, name)?.value : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function sumUp(numbers: readonly (number | undefined)[]): number {
  return numbers.reduce<number>((sum, number) => sum + (number ?? Number.NaN), 0);
}

function tryToParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // The callers ask whether it is JSON.
  }
}

export function show(names: readonly string[]): string {
  const shown = names.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 100)));
  return `${names.length} (${shown.join(', ')}${names.length > 5 ? ', …' : ''})`;
}
