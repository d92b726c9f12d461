import type { Instance, Invocation, Synchronization } from '@oms-sync/core';
import { readS3BatchTasks } from '@oms-sync/storage-events';

/** What S3 Batch Operations wants back. Source: S3 User Guide, "Invoke AWS Lambda function". */
export interface S3BatchAnswer {
  readonly invocationSchemaVersion: string;
  /** What to make of a task without a result; each has one. */
  readonly treatMissingKeysAs: 'TemporaryFailure';
  readonly invocationId: string;
  readonly results: readonly {
    readonly taskId: string;
    readonly resultCode: 'Succeeded' | 'TemporaryFailure' | 'PermanentFailure';
    /** Stands in the job's report. */
    readonly resultString: string;
  }[];
}

/** Settles the tasks of a job of S3 Batch Operations: the way to request billions of objects that are there already. */
export async function handleS3Batch(
  event: unknown,
  instance: Instance,
  invocation: Invocation,
): Promise<S3BatchAnswer> {
  const { invocationSchemaVersion, invocationId, tasks } = readS3BatchTasks(event);
  const result = await instance.synchronize(
    tasks.map(({ record }) => record),
    // The job tries a temporary failure again, a few times; it does not say how often it has.
    { ...invocation, canRedeliver: () => true },
  );
  return {
    invocationSchemaVersion,
    treatMissingKeysAs: 'TemporaryFailure',
    invocationId,
    results: tasks.map(({ taskId }, index) => ({ taskId, ...judge(index, result) })),
  };
}

function judge(index: number, { returned, unrequested, problem }: Synchronization) {
  if (returned.includes(index)) {
    return { resultCode: 'TemporaryFailure', resultString: problem?.message ?? '' } as const;
  }
  const failure = unrequested.find((entry) => entry.index === index);
  if (failure) {
    const { class: kind, code, message } = failure.reason;
    return {
      resultCode: 'PermanentFailure',
      resultString: `on the failed list: ${kind}, ${code}: ${message}`,
    } as const;
  }
  return { resultCode: 'Succeeded', resultString: 'requested' } as const;
}
