import { InstanceKeeper, type Instance, type Invocation, type LogSink, type Report } from '@oms-sync/core';
import { openFile } from '@oms-sync/log-bucket/file';
import { openObs } from '@oms-sync/log-bucket/obs';
import { openS3 } from '@oms-sync/log-bucket/s3';
import {
  getLambdaEventKind,
  readS3BatchTasks,
  readSnsMessages,
  readSqsMessages,
  translateOrUnknown,
  translateS3,
  translateS3Message,
  UnknownEventError,
  type StorageRecord,
} from '@oms-sync/storage-events';
import type { LambdaContext } from './context.ts';
import { settleTasks, type S3BatchAnswer } from './s3-batch.ts';
import { settleMessages, type SqsAnswer } from './sqs.ts';

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
  try {
    return await handle(event, instance, invocation);
  } catch (error) {
    if (!(error instanceof UnknownEventError)) throw error;
    return settleWhole([{ kind: 'unknown', reason: `event: ${error.message}` }], instance, invocation);
  }
}

/** @throws {UnknownEventError} before anything of it was settled. */
async function handle(
  event: unknown,
  instance: Instance,
  invocation: Invocation,
): Promise<Report | SqsAnswer | S3BatchAnswer> {
  switch (getLambdaEventKind(event)) {
    case 'sqs':
      return settleMessages(readSqsMessages(event), instance, invocation);
    case 's3-batch':
      return settleTasks(readS3BatchTasks(event), instance, invocation);
    case 'scheduled':
      return replay(instance, invocation);
    case 's3':
      return settleWhole(translateS3(event), instance, invocation);
    case 'sns':
      return settleWhole(
        readSnsMessages(event).flatMap((message, index) =>
          translateOrUnknown(`Records[${index}].Sns.Message`, () => translateS3Message(message)),
        ),
        instance,
        invocation,
      );
  }
}

/** Settles an event that is delivered again whole, or not at all. */
async function settleWhole(
  records: readonly StorageRecord[],
  instance: Instance,
  invocation: Invocation,
): Promise<Report> {
  const { report, problem } = await instance.synchronize(records, invocation);
  if (problem) throw problem;
  return report;
}

/** Throws if the lists can't be read or written; what is left is for the next run. */
async function replay(instance: Instance, invocation: Invocation): Promise<Report> {
  const { report, problem } = await instance.replay(invocation);
  if (problem) throw problem;
  return report;
}
