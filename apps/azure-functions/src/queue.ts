import type { InvocationContext } from '@azure/functions';
import type { Report } from '@oms-sync/core';
import { translateAzureMessage, translateOrUnknown } from '@oms-sync/storage-events';
import { readFunctionTimeoutMs, readMaxDequeueCount } from './host-options.ts';
import { settle } from './settle.ts';

/**
 * Takes a message of a storage queue: an event, or a list of them, as JSON or as JSON in Base64.
 *
 * `@azure/functions` 4.16.5 parses any text that looks like JSON, so a message comes as an object, or as the Base64 that
 * it is. Members of an object it leaves alone: a name such as `1.10` in a `subject` stays a text.
 *
 * The host deletes a message or leaves it in the queue, whole: what is handed back brings its neighbours along.
 */
export async function handleQueueMessage(message: unknown, context: InvocationContext): Promise<Report> {
  const deadline = Date.now() + readFunctionTimeoutMs();
  const records = translateOrUnknown('message', () => translateAzureMessage(message));
  // A message that does not say how often it came is recorded.
  const dequeueCount = Number(context.triggerMetadata?.['dequeueCount'] ?? Infinity);
  return settle(records, context, {
    deadline,
    canRedeliver: () => dequeueCount < readMaxDequeueCount(),
  });
}
