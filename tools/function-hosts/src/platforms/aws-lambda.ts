import { randomUUID } from 'node:crypto';
import { LambdaHost } from '../aws-lambda.ts';
import type { InvocationResult } from '../invocation.ts';
import type { Change, Channel, Delivery, Platform, RunningFunction } from '../platform.ts';

/** As S3 encodes keys: a space is `+`, the slash stays. */
function encodeKey(name: string): string {
  return new URLSearchParams([['', name]]).toString().slice(1).replaceAll('%2F', '/');
}

function makeNotification(changes: readonly Change[]): object {
  return {
    Records: changes.map(({ name, kind, bucket = 'source' }) => ({
      eventVersion: '2.1',
      eventSource: 'aws:s3',
      awsRegion: 'eu-central-1',
      eventTime: new Date().toISOString(),
      eventName: kind === 'created' ? 'ObjectCreated:Put' : 'ObjectRemoved:Delete',
      responseElements: { 'x-amz-request-id': 'C3D13FE58DE4C810' },
      s3: {
        s3SchemaVersion: '1.0',
        bucket: { name: bucket, arn: `arn:aws:s3:::${bucket}` },
        object: { key: encodeKey(name), size: 1, sequencer: '0055AED6DCD90281E5' },
      },
    })),
  };
}

function makeEventBridgeEvent({ name, kind, bucket = 'source' }: Change): object {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': kind === 'created' ? 'Object Created' : 'Object Deleted',
    source: 'aws.s3',
    time: new Date().toISOString(),
    region: 'eu-central-1',
    resources: [`arn:aws:s3:::${bucket}`],
    detail: { version: '0', bucket: { name: bucket }, object: { key: name, size: 1 }, reason: 'PutObject' },
  };
}

function makeSnsEnvelope(event: object): object {
  return {
    Type: 'Notification',
    MessageId: randomUUID(),
    TopicArn: 'arn:aws:sns:eu-central-1:123456789012:topic',
    Subject: 'Amazon S3 Notification',
    Message: JSON.stringify(event),
  };
}

function makeSqsEvent(bodies: readonly object[], deliveries: number): object {
  return {
    Records: bodies.map((body, index) => ({
      messageId: `message-${index}`,
      receiptHandle: 'handle',
      body: JSON.stringify(body),
      attributes: { ApproximateReceiveCount: String(deliveries) },
      eventSource: 'aws:sqs',
      eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:queue',
      awsRegion: 'eu-central-1',
    })),
  };
}

/** AWS recommends a maxReceiveCount of at least 5. */
const lastDelivery = 5;

const channels: readonly [Channel, ...Channel[]] = [
  {
    name: 'SQS',
    batch: 10_000,
    lastDelivery,
    makeEvent: (changes, deliveries) =>
      makeSqsEvent(
        changes.map((change) => makeNotification([change])),
        deliveries,
      ),
  },
  {
    name: 'SQS, SNS inside',
    batch: 10_000,
    lastDelivery,
    makeEvent: (changes, deliveries) =>
      makeSqsEvent(
        changes.map((change) => makeSnsEnvelope(makeNotification([change]))),
        deliveries,
      ),
  },
  {
    name: 'SQS, EventBridge inside',
    batch: 10_000,
    lastDelivery,
    makeEvent: (changes, deliveries) => makeSqsEvent(changes.map(makeEventBridgeEvent), deliveries),
  },
  { name: 'S3', batch: Infinity, makeEvent: makeNotification },
  {
    name: 'SNS',
    batch: Infinity,
    makeEvent: (changes) => ({
      Records: changes.map((change) => ({
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        Sns: makeSnsEnvelope(makeNotification([change])),
      })),
    }),
  },
  { name: 'EventBridge', batch: 1, makeEvent: ([change]) => (change ? makeEventBridgeEvent(change) : {}) },
  {
    name: 'S3 Batch Operations',
    batch: 1,
    makeEvent: (changes) => ({
      invocationSchemaVersion: '2.0',
      invocationId: 'invocation',
      job: { id: 'job', userArguments: {} },
      tasks: changes.map(({ name, bucket = 'source' }, index) => ({
        taskId: `task-${index}`,
        s3Key: encodeKey(name),
        s3VersionId: null,
        s3Bucket: bucket,
      })),
    }),
  },
];

/** Reads an answer as the event source does. */
function readAnswer(changes: readonly Change[], event: unknown, result: InvocationResult): Delivery {
  const all = changes.map(({ name }) => name);
  if (!result.ok) return { returned: all, error: `${result.errorType}: ${result.errorMessage}` };
  const tasks = readList(event, 'tasks').map((task) => String(read(task, 'taskId')));
  const answered = readList(result.value, 'results').map((task) => String(read(task, 'taskId')));
  if (JSON.stringify(tasks.sort()) !== JSON.stringify(answered.sort()))
    return { returned: all, error: 'S3 Batch Operations wants one result for each task' };
  const ids = [
    ...readList(result.value, 'batchItemFailures').map((failure) => read(failure, 'itemIdentifier')),
    ...readList(result.value, 'results')
      .filter((task) => read(task, 'resultCode') === 'TemporaryFailure')
      .map((task) => read(task, 'taskId')),
  ];
  const returned = ids.map((id) => all[Number(/\d+$/.exec(String(id))?.[0])]);
  // An id that is not in the batch fails all of it.
  if (returned.includes(undefined))
    return { returned: all, error: 'the answer names a message that is not there' };
  return { returned: returned.filter((name) => name !== undefined), error: undefined };
}

function read(value: unknown, member: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, member) : undefined;
}

function readList(value: unknown, member: string): readonly unknown[] {
  const list = read(value, member);
  return Array.isArray(list) ? list : [];
}

/** A Lambda function, with what only Lambda has. */
export interface RunningLambda extends RunningFunction {
  /** The function's answer. */
  invoke(event: unknown): Promise<unknown>;
  /** The most memory that the function's process has taken so far. */
  peakMegabytes(): number;
}

/** AWS Lambda. */
export const awsLambda: Platform<RunningLambda> = {
  name: 'aws-lambda',
  store: 's3',
  nodeVersions: ['22.23.3', '24.21.0'],
  channels,
  cannot: {},
  start(options) {
    // AWS's own client takes a minute to compile, so it is not installed with the rest: install-lambda-client.sh.
    const runtimeInterfaceClient = process.env['OMS_SYNC_LAMBDA_CLIENT'];
    const host = new LambdaHost({ ...options, runtimeInterfaceClient });
    const describeFailure = (result: InvocationResult) =>
      result.ok ? undefined : `${result.errorType}: ${result.errorMessage}`;
    return {
      async deliver(channel, changes, deliveries = 1) {
        const parts: Delivery[] = [];
        for (let start = 0; start < changes.length; start += Math.min(channel.batch, changes.length)) {
          const part = changes.slice(start, start + channel.batch);
          const event = channel.makeEvent(part, deliveries);
          parts.push(readAnswer(part, event, await host.invoke(event)));
        }
        return {
          returned: parts.flatMap(({ returned }) => returned),
          error: parts.find(({ error }) => error !== undefined)?.error,
        };
      },
      deliverRaw: async (event) => ({ error: describeFailure(await host.invoke(event)) }),
      async invoke(event) {
        const result = await host.invoke(event);
        if (!result.ok) throw new Error(describeFailure(result));
        return result.value;
      },
      async replay() {
        // What EventBridge Scheduler sends if the schedule has no input of its own.
        const event = {
          version: '0',
          id: randomUUID(),
          'detail-type': 'Scheduled Event',
          source: 'aws.scheduler',
          account: '123456789012',
          time: new Date().toISOString(),
          region: 'eu-central-1',
          resources: ['arn:aws:scheduler:eu-central-1:123456789012:schedule/default/oms-sync-replay'],
          detail: '{}',
        };
        return { error: describeFailure(await host.invoke(event)) };
      },
      peakMegabytes: () => host.peakMegabytes(),
      kill: () => host.kill(),
      stop: () => host.stop(),
    };
  },
};
