import type { InvocationContext } from '@azure/functions';
import type { Report } from '@oms-sync/core';
import { translateAzure, translateOrUnknown } from '@oms-sync/storage-events';
import { readFunctionTimeoutMs } from './host-options.ts';
import { settle } from './settle.ts';

/** How long Event Grid waits for an answer. Source: "Event Grid message delivery and retry". */
const eventGridWaitMs = 30_000;

/**
 * Up to this age of an event, `on_failure=redeliver` gives it back. Event Grid drops it at 24 h, and waits longer and
 * longer: it delivers for the last times after about 4.8 h, 10.8 h and 22.8 h. From 10 h on the object is recorded, so
 * that one delivery is left should the list not be writable.
 * Source: "Event Grid message delivery and retry", retry schedule, default retry policy.
 */
const redeliverUntilAgeMs = 10 * 3_600_000;

/**
 * Takes an event of Blob Storage, in Event Grid's schema or as a CloudEvent. The host calls this once for each event of
 * a delivery and answers 500 if one of them fails, which Event Grid tries again; 400 it would not.
 */
export async function handleEventGrid(event: unknown, context: InvocationContext): Promise<Report> {
  const startedAt = Date.now();
  const records = translateOrUnknown('event', () => translateAzure(event));
  return settle(records, context, {
    deadline: startedAt + Math.min(eventGridWaitMs, readFunctionTimeoutMs()),
    canRedeliver: (index) => {
      const record = records[index];
      const time = record && 'eventTime' in record ? record.eventTime : undefined;
      // An event without a time has an age that is not a number: it is recorded.
      return startedAt - Date.parse(time ?? '') < redeliverUntilAgeMs;
    },
  });
}
