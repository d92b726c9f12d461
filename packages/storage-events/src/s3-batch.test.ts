import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readS3BatchTasks } from './s3-batch.ts';
import { UnknownEventError } from './unknown-event-error.ts';

function invocation(tasks: unknown, invocationSchemaVersion: unknown = '2.0'): object {
  return { invocationSchemaVersion, invocationId: 'id-1', job: { id: 'job-1' }, tasks };
}

describe('readS3BatchTasks', () => {
  it.each([
    ['1.0', { s3BucketArn: 'arn:aws:s3:::photos' }],
    ['1.0', { s3BucketArn: 'photos' }],
    ['2.0', { s3Bucket: 'photos' }],
  ])('gives all that the answer needs, in schema %s: %j', (version, bucket) => {
    const task = { taskId: 'task-1', s3Key: 'red+flower%2B.jpg', s3VersionId: null, ...bucket };
    expect(readS3BatchTasks(invocation([task], version))).toEqual({
      invocationSchemaVersion: version,
      invocationId: 'id-1',
      tasks: [
        {
          taskId: 'task-1',
          record: {
            kind: 'created',
            store: 's3',
            bucket: 'photos',
            name: 'red flower+.jpg',
            eventTime: undefined,
            eventId: 'task-1',
          },
        },
      ],
    });
  });

  it('gives back any name', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const s3Key = new URLSearchParams([['', name]]).toString().slice(1);
        const { tasks } = readS3BatchTasks(invocation([{ taskId: '1', s3Key, s3Bucket: 'photos' }]));
        expect(tasks).toMatchObject([{ record: { kind: 'created', name } }]);
      }),
      { numRuns: 1000 },
    );
  });

  it('has a record for each task, whatever its key is', () => {
    const tasks = ['bad%zz', undefined, 'good'].map((s3Key, index) => ({ taskId: `task-${index}`, s3Key }));
    expect(readS3BatchTasks(invocation(tasks)).tasks).toMatchObject([
      { taskId: 'task-0', record: { kind: 'invalid', text: 'bad%zz' } },
      {
        taskId: 'task-1',
        record: { kind: 'unknown', reason: 'tasks[1].s3Key: expected a text, found nothing' },
      },
      { taskId: 'task-2', record: { kind: 'created', name: 'good', bucket: undefined } },
    ]);
  });

  it.each([
    [{}, 'expected an invocation with tasks, found an empty object'],
    [invocation('none'), 'expected an invocation with tasks'],
    [{ ...invocation([]), invocationId: undefined }, 'expected an invocation with tasks'],
    [invocation([], '3.0'), 'invocationSchemaVersion: expected 1.0 or 2.0, found the text "3.0"'],
    [invocation([], null), 'invocationSchemaVersion: expected 1.0 or 2.0, found null'],
    [invocation([{ s3Key: 'a' }]), 'tasks[0].taskId: expected a text, found an object with s3Key'],
  ])('refuses %j and says what was found', (event, message) => {
    expect(() => readS3BatchTasks(event)).toThrow(UnknownEventError);
    expect(() => readS3BatchTasks(event)).toThrow(message);
  });
});
