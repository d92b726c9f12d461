import type { LogObject } from '@oms-sync/core';
import type { brokenAnswersOf } from './faults.ts';

// What the listings of all stores have in common.

/** One page of a listing. */
export interface Page {
  readonly objects: readonly LogObject[];
  /** Where the next page begins, a key or a token; undefined or empty if there is none. */
  readonly next: string | undefined;
}

type BrokenAnswer = ReturnType<typeof brokenAnswersOf>;

/**
 * All objects of a listing whose key begins with the prefix: names that stand for other keys bring more, and some
 * stores may not know prefixes.
 *
 * @throws {LogBucketError} when a page would come a second time, as then there is no end.
 */
export async function* listPages(
  prefix: string,
  brokenAnswer: BrokenAnswer,
  fetchPage: (start: string) => Promise<Page>,
): AsyncGenerator<LogObject> {
  const starts = new Set<string>();
  for (let start = ''; ;) {
    const { objects, next } = await fetchPage(start);
    for (const object of objects) if (object.key.startsWith(prefix)) yield object;
    if (!next) return;
    if (starts.has(next)) throw brokenAnswer('list', prefix, 'a page again');
    starts.add(next);
    start = next;
  }
}

/** An entry of a listing, as far as it is right. A size may be a number or its digits. */
export function checkObject(
  prefix: string,
  brokenAnswer: BrokenAnswer,
  key: unknown,
  size: unknown,
  lastModified: unknown,
): LogObject {
  const bytes = typeof size === 'string' && /^\d+$/.test(size) ? Number(size) : size;
  const time = lastModified instanceof Date ? lastModified : new Date(String(lastModified));
  if (
    typeof key !== 'string' ||
    !key ||
    typeof bytes !== 'number' ||
    !(bytes >= 0) ||
    Number.isNaN(time.getTime())
  ) {
    throw brokenAnswer('list', prefix, 'an entry without key, size or time');
  }
  return { key, size: bytes, lastModified: time };
}
