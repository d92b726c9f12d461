import {
  LogBucketError,
  readFailedList,
  systemClock,
  type LogBucket,
  type StoreOptions,
} from '@oms-sync/core';
import {
  readOmsFailures,
  SourceError,
  sortReasons,
  toReasons,
  type GapReason,
  type UnreadLines,
} from '@oms-sync/listing';
import type { Tool } from '../tool.ts';

export interface ReasonOptions {
  readonly tool: Tool;
  /** The destination bucket, where OMS leaves its lists. */
  readonly resultLists: LogBucket;
  /** The destination, as people write it. */
  readonly address: string;
  /** Is it a name that is compared? */
  readonly isWanted: (name: string) => boolean;
  readonly unread: UnreadLines;
}

/**
 * What our failed and parked list and those of OMS say about the objects, in the order of their names.
 *
 * @throws {LogBucketError} if a list in the log bucket cannot be read.
 * @throws {SourceError} if one of OMS's cannot be read.
 */
export function readReasons(options: ReasonOptions): AsyncGenerator<readonly GapReason[], void, undefined> {
  const { tool, isWanted } = options;
  const ours = (['failed_object', 'parked_object'] as const).map((list) =>
    toReasons(
      readFailedList({
        ...storeOptions(tool.logBucket),
        settings: tool.settings,
        list,
        isWanted,
      }),
    ),
  );
  return sortReasons([...ours, readOmsLists(options)]);
}

function storeOptions(logBucket: LogBucket): StoreOptions {
  return { logBucket, clock: systemClock, random: Math.random, writeUntil: Infinity };
}

async function* readOmsLists({
  resultLists,
  address,
  isWanted,
  unread,
}: ReasonOptions): AsyncGenerator<GapReason> {
  try {
    for await (const reason of readOmsFailures(storeOptions(resultLists), unread))
      if (isWanted(reason.name)) yield reason;
  } catch (error) {
    if (!(error instanceof LogBucketError)) throw error;
    // What the store said, without what this is for a log bucket.
    const fault = error.message.replace(`log bucket: ${error.operation} ${error.key}: `, '');
    throw new SourceError(address, `OMS's list ${error.key} could not be read: ${fault}`, error);
  }
}
