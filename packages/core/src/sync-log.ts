import type { ListEntry } from './log-lists.ts';
import type { Logger } from './logger.ts';

/** Counts what could not be requested, listed or not, however much it is. */
export class FailureCount {
  /** How often each error code is the reason. */
  readonly codes = new Map<string, number>();
  /** The names of some. */
  readonly examples: string[] = [];

  add(entries: readonly ListEntry[]): void {
    for (const { name, outcome } of entries) {
      if (outcome.kind !== 'unrequested') continue;
      const { code } = outcome.reason;
      this.codes.set(code, (this.codes.get(code) ?? 0) + 1);
      if (this.examples.length < 3) this.examples.push(name);
    }
  }
}

/** At level `debug`: each object that was not requested, and why. */
export function logEachUnrequested(entries: readonly ListEntry[], logger: Logger): void {
  for (const { name, outcome } of entries) {
    if (outcome.kind === 'unrequested') logger.log('debug', 'not requested', { name, ...outcome.reason });
  }
}

/** Says what could not be requested, and why. */
export function logUnrequested(
  { codes, examples }: FailureCount,
  /** How many of them are on the failed list. */
  unrequested: number,
  { logger, requestId }: { readonly logger: Logger; readonly requestId?: string | undefined },
): void {
  if (unrequested > 0) {
    logger.log('warn', 'unrequested', {
      unrequested,
      codes: toFields(codes),
      examples,
      request_id: requestId,
    });
  }
}

/** How often each text occurs. */
export function countEach(texts: Iterable<string>): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** For the log: the most frequent ones, undefined when there are none. */
export function toFields(counts: ReadonlyMap<string, number>): Record<string, number> | undefined {
  if (counts.size === 0) return undefined;
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a).slice(0, 20));
}
