import type { ListEntry } from './log-lists.ts';
import type { Logger } from './logger.ts';

/** Says what could not be requested, and why: a line for all of it, and at level `debug` one for each. */
export function logUnrequested(
  /** Everything that was not requested, listed or not. */
  entries: readonly ListEntry[],
  /** How many of them are on the failed list. */
  unrequested: number,
  { logger, requestId }: { readonly logger: Logger; readonly requestId?: string | undefined },
): void {
  if (unrequested > 0) {
    logger.log('warn', 'unrequested', {
      unrequested,
      codes: toFields(countCodes(entries)),
      examples: entries.slice(0, 3).map(({ name }) => name),
      request_id: requestId,
    });
  }
  for (const { name, outcome } of entries) {
    if (outcome.kind === 'unrequested') logger.log('debug', 'not requested', { name, ...outcome.reason });
  }
}

/** How often each error code is the reason. */
export function countCodes(entries: readonly ListEntry[]): Map<string, number> {
  return countEach(
    entries.flatMap(({ outcome }) => (outcome.kind === 'unrequested' ? [outcome.reason.code] : [])),
  );
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
