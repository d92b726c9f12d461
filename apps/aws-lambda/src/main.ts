import { InstanceKeeper, type Instance, type Invocation, type LogSink, type Report } from '@oms-sync/core';
import { openFile } from '@oms-sync/log-bucket/file';
import { openObs } from '@oms-sync/log-bucket/obs';
import { openS3 } from '@oms-sync/log-bucket/s3';
import {
  getLambdaEventKind,
  readSnsMessages,
  translateOrUnknown,
  translateS3,
  translateS3Message,
  UnknownEventError,
  type LambdaEventKind,
  type StorageRecord,
} from '@oms-sync/storage-events';
import type { LambdaContext } from './context.ts';
import { handleS3Batch, type S3BatchAnswer } from './s3-batch.ts';
import { handleSqs, type SqsAnswer } from './sqs.ts';

const instances = new InstanceKeeper({ s3: openS3, obs: openObs, file: openFile });

/**
 * The function: takes events of S3, directly, by SNS, SQS or EventBridge, and tasks of S3 Batch Operations. A schedule
 * makes it replay the failed list.
 *
 * SQS and Batch Operations get the answer that they want for each message or task; the others get the report. Throws, so
 * that Lambda delivers the event again or hands it to the failure destination, if the settings are wrong, if nobody
 * understands the event, or if something of it could neither be requested nor written down.
 */
export async function handler(
  event: unknown,
  context: LambdaContext,
): Promise<Report | SqsAnswer | S3BatchAnswer> {
  // oxlint-disable-next-line no-console -- what Lambda calls its logger
  const log: LogSink = (level, line) => console[level](line);
  const instance = instances.get((name) => process.env[name], log);
  const invocation: Invocation = {
    deadline: Date.now() + context.getRemainingTimeInMillis(),
    requestId: context.awsRequestId,
    log,
  };
  const kind = findKind(event);
  if (kind === 'sqs') return handleSqs(event, instance, invocation);
  if (kind === 's3-batch') return handleS3Batch(event, instance, invocation);
  if (kind === 'scheduled') return handleSchedule(instance, invocation);
  return handleWhole(
    translateOrUnknown('event', () => translate(event, kind)),
    instance,
    invocation,
  );
}

/** Throws if the lists can't be read or written; what is left is for the next run. */
async function handleSchedule(instance: Instance, invocation: Invocation): Promise<Report> {
  const { report, problem } = await instance.replay(invocation);
  if (problem) throw problem;
  return report;
}

/** An event that is delivered again whole, or not at all. */
async function handleWhole(
  records: readonly StorageRecord[],
  instance: Instance,
  invocation: Invocation,
): Promise<Report> {
  const { report, problem } = await instance.synchronize(records, invocation);
  if (problem) throw problem;
  return report;
}

type WholeKind = Exclude<LambdaEventKind, 'sqs' | 's3-batch' | 'scheduled'>;

function translate(event: unknown, kind: WholeKind | UnknownEventError): StorageRecord[] {
  switch (kind) {
    case 's3':
    case 'eventbridge':
      return translateS3(event);
    case 'sns':
      return readSnsMessages(event).flatMap(({ message }, index) =>
        translateOrUnknown(`Records[${index}].Sns.Message`, () => translateS3Message(message)),
      );
    default:
      throw kind;
  }
}

function findKind(event: unknown): LambdaEventKind | UnknownEventError {
  try {
    return getLambdaEventKind(event);
  } catch (error) {
    if (error instanceof UnknownEventError) return error;
    throw error;
  }
}
