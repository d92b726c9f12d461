import type { Instance, Invocation } from '@oms-sync/core';
import {
  translateOrUnknown,
  translateS3Message,
  type SqsMessage,
  type StorageRecord,
} from '@oms-sync/storage-events';

/** What SQS wants back: the messages to deliver again. Source: Lambda Developer Guide, "Handling errors for an SQS event source". */
export interface SqsAnswer {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[];
}

/**
 * From this time on that a message is received, `on_failure=redeliver` records what it holds: the queue may be about to
 * give up. AWS recommends a maxReceiveCount of at least 5, and no message says what it is.
 */
const lastReceiveCount = 5;

/** Settles the messages of a queue, each by itself. */
export async function settleMessages(
  messages: readonly SqsMessage[],
  instance: Instance,
  invocation: Invocation,
): Promise<SqsAnswer> {
  const records: StorageRecord[] = [];
  /** Which message each record came in. */
  const origins: number[] = [];
  for (const [index, message] of messages.entries()) {
    for (const record of translateOrUnknown(`message ${message.messageId}`, () =>
      translateS3Message(message.body),
    )) {
      records.push(record);
      origins.push(index);
    }
  }
  const { fates } = await instance.synchronize(records, {
    ...invocation,
    canRedeliver: (record) => (messages[origins[record] ?? 0]?.receiveCount ?? 1) < lastReceiveCount,
  });
  const failed = new Set(origins.filter((_, record) => fates[record]?.kind === 'returned'));
  const first = messages.findIndex((_, index) => failed.has(index));
  const toReturn = messages.filter((message, index) => failed.has(index) || mustWait(message, index, first));
  // Ids are unique in an event; twice the same would void the whole answer.
  const ids = new Set(toReturn.map(({ messageId }) => messageId));
  return { batchItemFailures: [...ids].map((itemIdentifier) => ({ itemIdentifier })) };
}

/** In a FIFO queue everything behind a message that failed comes again with it, or it would overtake it. */
function mustWait(message: SqsMessage, index: number, firstFailed: number): boolean {
  return message.isFifo && firstFailed !== -1 && index > firstFailed;
}
