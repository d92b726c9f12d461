export { translateAzure } from './azure-blob.ts';
export { translateAzureMessage } from './azure-queue.ts';
export { translateGcs } from './gcs.ts';
export { getMember, getText, parseJson } from './json.ts';
export {
  getLambdaEventKind,
  readSnsMessages,
  readSqsMessages,
  type LambdaEventKind,
  type SqsMessage,
} from './lambda-envelopes.ts';
export { translateObs, type EventGridKeyEncoding, type ObsOptions } from './obs.ts';
export { readS3BatchTasks, type S3BatchInvocation, type S3BatchTask } from './s3-batch.ts';
export { translateS3Message } from './s3-message.ts';
export { translateS3 } from './s3.ts';
export { isSmnTriggerEvent, translateSmnTrigger } from './smn.ts';
export { isTimerTriggerEvent } from './timer.ts';
export { translateOrUnknown, type RecordOrigin, type StorageRecord } from './storage-record.ts';
export { UnknownEventError } from './unknown-event-error.ts';
