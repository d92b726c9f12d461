import { toFormKeyRecord } from './form-encoding.ts';
import { describeValue, getMember, getText } from './json.ts';
import { type StorageRecord, unknownRecord } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/** What S3 Batch Operations asks a function to do. The answer repeats version and id, and has a result for each task. */
export interface S3BatchInvocation {
  readonly invocationSchemaVersion: string;
  readonly invocationId: string;
  readonly tasks: readonly S3BatchTask[];
}

export interface S3BatchTask {
  readonly taskId: string;
  /** Created, invalid or unknown: a task names an object that is there, whatever became of it since. */
  readonly record: StorageRecord;
}

const schemaVersions = ['1.0', '2.0'];

/**
 * Reads an invocation by S3 Batch Operations. Keys are form-encoded, as in the manifest or the inventory that they come
 * from. Schema 1.0 names the bucket by its ARN, 2.0 by its name.
 * Source: S3 User Guide, Invoking a Lambda function from Amazon S3 Batch Operations.
 *
 * @throws {UnknownEventError} for what is none, or one that could not be answered.
 */
export function readS3BatchTasks(event: unknown): S3BatchInvocation {
  const tasks = getMember(event, 'tasks');
  const invocationId = getText(event, 'invocationId');
  if (!Array.isArray(tasks) || invocationId === undefined) {
    throw new UnknownEventError(`expected an invocation with tasks, found ${describeValue(event)}`);
  }
  const invocationSchemaVersion = getText(event, 'invocationSchemaVersion');
  if (invocationSchemaVersion === undefined || !schemaVersions.includes(invocationSchemaVersion)) {
    throw new UnknownEventError(
      `invocationSchemaVersion: expected ${schemaVersions.join(' or ')}, found ${describeValue(getMember(event, 'invocationSchemaVersion'))}`,
    );
  }
  return {
    invocationSchemaVersion,
    invocationId,
    tasks: tasks.map((task, index) => readTask(task, `tasks[${index}]`)),
  };
}

function readTask(task: unknown, where: string): S3BatchTask {
  const taskId = getText(task, 'taskId');
  if (taskId === undefined) {
    throw new UnknownEventError(`${where}.taskId: expected a text, found ${describeValue(task)}`);
  }
  return { taskId, record: translateTask(task, taskId, where) };
}

function translateTask(task: unknown, taskId: string, where: string): StorageRecord {
  const key = getMember(task, 's3Key');
  if (typeof key !== 'string') {
    return unknownRecord(`${where}.s3Key`, 'a text', key);
  }
  const bucket = getText(task, 's3Bucket') ?? getText(task, 's3BucketArn')?.replace(/^.*:/, '');
  return toFormKeyRecord({ store: 's3', bucket, eventTime: undefined, eventId: taskId }, key);
}
