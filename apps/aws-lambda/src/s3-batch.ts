import type { Fate, Instance, Invocation, UnsettledError } from '@oms-sync/core';
import type { S3BatchInvocation } from '@oms-sync/storage-events';

/** What S3 Batch Operations wants back. Source: S3 User Guide, "Invoke AWS Lambda function". */
export interface S3BatchAnswer {
  readonly invocationSchemaVersion: string;
  /** What to make of a task without a result; each has one. */
  readonly treatMissingKeysAs: 'TemporaryFailure';
  readonly invocationId: string;
  readonly results: readonly ({ readonly taskId: string } & TaskResult)[];
}

interface TaskResult {
  readonly resultCode: 'Succeeded' | 'TemporaryFailure' | 'PermanentFailure';
  /** For the job's report. */
  readonly resultString: string;
}

/** Settles the tasks of a job of S3 Batch Operations: the way to request billions of objects that are there already. */
export async function settleTasks(
  { invocationSchemaVersion, invocationId, tasks }: S3BatchInvocation,
  instance: Instance,
  invocation: Invocation,
): Promise<S3BatchAnswer> {
  // Nothing is handed back by `on_failure=redeliver`: the job tries again a few times, and no task says which time it is.
  const { fates, problem } = await instance.synchronize(
    tasks.map(({ record }) => record),
    invocation,
  );
  return {
    invocationSchemaVersion,
    treatMissingKeysAs: 'TemporaryFailure',
    invocationId,
    results: tasks.map(({ taskId }, index) => ({ taskId, ...judge(findFate(fates, index), problem) })),
  };
}

/** That of the record which this one was merged into, if it was. */
function findFate(fates: readonly Fate[], index: number): Fate | undefined {
  const fate = fates[index];
  return fate?.kind === 'merged' ? fates[fate.into] : fate;
}

function judge(fate: Fate | undefined, problem: UnsettledError | undefined): TaskResult {
  switch (fate?.kind) {
    case 'requested':
      return { resultCode: 'Succeeded', resultString: 'requested' };
    case 'filtered':
      return { resultCode: 'Succeeded', resultString: `left out: ${fate.reason}` };
    case 'unrequested': {
      const { class: kind, code, message } = fate.reason;
      return {
        resultCode: 'PermanentFailure',
        resultString: `on the failed list: ${kind}, ${code}: ${message}`,
      };
    }
    case 'merged':
    case 'returned':
    case undefined:
      return { resultCode: 'TemporaryFailure', resultString: problem?.message ?? 'not settled' };
  }
}
