import type { StorageRecord } from '@oms-sync/core';

/** Events are delivered for 24 hours, with up to 10 minutes in between: in the last hour there may be no next time. */
const longestAgeMs = 23 * 60 * 60 * 1000;

/**
 * Will the platform deliver what came in this request again? It takes back all of a request or nothing, so only what
 * came alone; and it gives up when an event is 24 hours old. How old one without a time is, nobody knows.
 * Source: Eventarc, "Retry events".
 */
export function willComeAgain(records: readonly StorageRecord[], now: number): boolean {
  const [record] = records;
  if (records.length !== 1 || record === undefined || record.kind === 'unknown') return false;
  return now - Date.parse(record.eventTime ?? '') < longestAgeMs;
}
