import type { Settings } from './settings.ts';

/** How an invocation spends its time; all in milliseconds since 1970, `Infinity` where there is no deadline. */
export interface TimePlan {
  /** No request to OMS is under way after this. */
  readonly sendUntil: number;
  /** No list is written after this: the answer to the platform has to go out. */
  readonly writeUntil: number;
}

/** The answer itself, what the platform's clock and ours differ, and a CPU that is not there for a moment. */
const answerMs = 500;
const firstWriteMs = 1500;
/** What the writes of 32 log objects take, on a slow day. */
const writeRoundMs = 100;
const writesARound = 32;

/**
 * Divides the time until the deadline, so that whatever can't be sent in time can still be written down. Short
 * deadlines (FunctionGraph's default is 3 s) are divided in proportion: at least 38 % for OMS, up to 45 % for the lists.
 */
export function planTime(
  now: number,
  deadline: number,
  names: number,
  layout: Settings['logLayout'],
): TimePlan {
  const leftMs = Math.max(0, deadline - now);
  const writeUntil = deadline - Math.min(answerMs, leftMs / 6);
  const rounds = layout === 'object' ? Math.ceil(names / writesARound) : 1;
  const writeMs = Math.min(firstWriteMs + rounds * writeRoundMs, leftMs * 0.45);
  return { sendUntil: writeUntil - writeMs, writeUntil };
}
