import { describeValue, getMember, getText } from './json.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/** What invokes a Lambda function: who reads the event follows from it. */
export type LambdaEventKind =
  /** For `translateS3`: a notification, its test event, or an event of EventBridge, of whatever source. */
  | 's3'
  /** For `readSnsMessages`. */
  | 'sns'
  /** For `readSqsMessages`. */
  | 'sqs'
  /** For `readS3BatchTasks`. */
  | 's3-batch'
  /** EventBridge Scheduler, or an EventBridge rule with a schedule. */
  | 'scheduled';

export interface SqsMessage {
  readonly messageId: string;
  /** For `translateS3Message`, which says so if it is no text. */
  readonly body: unknown;
  /** How often it was received, this time included; undefined if it does not say. */
  readonly receiveCount: number | undefined;
  /** From a FIFO queue: after a message that fails, the ones behind it have to wait. */
  readonly isFifo: boolean;
}

/** @throws {UnknownEventError} for an event that nobody understands. */
export function getLambdaEventKind(event: unknown): LambdaEventKind {
  const kind = findKind(event);
  if (kind !== undefined) return kind;
  const records = getMember(event, 'Records');
  const found = Array.isArray(records) ? `records: ${describeValue(records[0])}` : describeValue(event);
  throw new UnknownEventError(
    `expected an event of S3, SNS, SQS, EventBridge or S3 Batch Operations, found ${found}`,
  );
}

function findKind(event: unknown): LambdaEventKind | undefined {
  const records = getMember(event, 'Records');
  if (Array.isArray(records)) return findKindOfRecords(records);
  if (Array.isArray(getMember(event, 'tasks'))) return 's3-batch';
  if (getMember(event, 'Event') === 's3:TestEvent') return 's3';
  const source = getText(event, 'source');
  const detailType = getText(event, 'detail-type');
  if (source === undefined || detailType === undefined) return undefined;
  const isSchedule = ['aws.events', 'aws.scheduler'].includes(source) && detailType === 'Scheduled Event';
  return isSchedule ? 'scheduled' : 's3';
}

function findKindOfRecords(records: readonly unknown[]): LambdaEventKind | undefined {
  if (records.some((record) => getMember(record, 'eventSource') === 'aws:sqs')) return 'sqs';
  // SNS writes its names with a capital.
  if (records.some((record) => getMember(record, 'EventSource') === 'aws:sns')) return 'sns';
  const isS3 = records.length === 0 || records.some((record) => getMember(record, 's3') !== undefined);
  return isS3 ? 's3' : undefined;
}

/**
 * The messages of an event of kind `sqs`.
 *
 * @throws {UnknownEventError} for a message without an id: it could not be handed back alone.
 */
export function readSqsMessages(event: unknown): SqsMessage[] {
  return readRecords(event).map((record, index) => {
    const messageId = getText(record, 'messageId');
    if (messageId === undefined) {
      throw new UnknownEventError(
        `Records[${index}].messageId: expected a text, found ${describeValue(record)}`,
      );
    }
    const receiveCount = Number(getText(record, 'attributes', 'ApproximateReceiveCount'));
    return {
      messageId,
      body: getMember(record, 'body'),
      receiveCount: Number.isSafeInteger(receiveCount) ? receiveCount : undefined,
      isFifo: getText(record, 'eventSourceARN')?.endsWith('.fifo') ?? false,
    };
  });
}

/** The texts of the messages of an event of kind `sns`, for `translateS3Message`, which says so if one is none. */
export function readSnsMessages(event: unknown): unknown[] {
  return readRecords(event).map((record) => getMember(record, 'Sns', 'Message'));
}

function readRecords(event: unknown): readonly unknown[] {
  const records = getMember(event, 'Records');
  if (!Array.isArray(records)) {
    throw new UnknownEventError(`expected "Records", found ${describeValue(event)}`);
  }
  return records;
}
