import type { ListOptions, LogObject } from '@oms-sync/core';
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
 * All objects of a listing whose key begins with the prefix, and stands behind `after`: names that stand for other keys
 * bring more, and some stores may not know prefixes, or where to begin.
 *
 * @param start where the first page begins.
 * @throws {LogBucketError} when a page would come a second time, as then there is no end; with `inOrder`, when a key
 *   stands before the one in front of it, or before `after`.
 */
export async function* listPages(
  prefix: string,
  brokenAnswer: BrokenAnswer,
  fetchPage: (start: string) => Promise<Page>,
  { after, inOrder = false, attempt = (ask) => ask() }: ListOptions = {},
  start = '',
): AsyncGenerator<LogObject> {
  const isBehind = behind(after);
  const starts = new Set<string>();
  let last = Buffer.from(after ?? '');
  for (let from = start; ;) {
    const { objects, next } = await attempt(() => fetchPage(from));
    if (inOrder) {
      for (const { key } of objects) {
        const bytes = Buffer.from(key);
        if (Buffer.compare(last, bytes) > 0) throw brokenAnswer('list', prefix, outOfOrder(key));
        last = bytes;
      }
    }
    for (const object of objects) if (object.key.startsWith(prefix) && isBehind(object.key)) yield object;
    if (!next) return;
    if (starts.has(next)) throw brokenAnswer('list', prefix, 'a page again');
    starts.add(next);
    from = next;
  }
}

function outOfOrder(key: string): string {
  return `names that are not in the order of their UTF-8 bytes, such as ${JSON.stringify(key)}`;
}

/** Tells whether a key stands behind another one, in the order of their UTF-8 bytes. */
export function behind(after: string | undefined): (key: string) => boolean {
  if (after === undefined) return () => true;
  const bytes = Buffer.from(after);
  return (key) => Buffer.compare(Buffer.from(key), bytes) > 0;
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
