import { readdirSync, readFileSync } from 'node:fs';
import { Scene } from '@oms-sync/conformance';
import { awsLambda, type Change, type Channel, type RunningLambda } from '@oms-sync/function-hosts';
import {
  getLambdaEventKind,
  readS3BatchTasks,
  readSnsMessages,
  readSqsMessages,
  translateOrUnknown,
  translateS3,
  translateS3Message,
  type StorageRecord,
} from '@oms-sync/storage-events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

// What only AWS Lambda has. What every app must do is in tools/conformance.
const fixtures = new URL('../../../packages/storage-events/fixtures/', import.meta.url);
const samples = ['aws', 's3compat'].flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, fixtures))
    .filter((file) => file.endsWith('.json'))
    .map((file) => `${folder}/${file}`),
);

/** What the translators make of a sample; their tests hold each against what it must be. */
function translateSample(event: unknown): StorageRecord[] {
  switch (getLambdaEventKind(event)) {
    case 'sqs':
      return readSqsMessages(event).flatMap(({ body }) =>
        translateOrUnknown('', () => translateS3Message(body)),
      );
    case 'sns':
      return readSnsMessages(event).flatMap((message) =>
        translateOrUnknown('', () => translateS3Message(message)),
      );
    case 's3-batch':
      return readS3BatchTasks(event).tasks.map(({ record }) => record);
    case 's3':
      return translateS3(event);
    case 'scheduled':
      return [{ kind: 'unknown', reason: '' }];
  }
}

describe('the bundle', () => {
  let scene: Scene<RunningLambda>;
  beforeAll(async () => {
    scene = await Scene.open(awsLambda, process.execPath);
  });
  afterEach(() => scene.reset());
  afterAll(() => scene.close());

  function makeQueueChannel(changeEvent: (event: QueueEvent) => unknown): Channel {
    return {
      name: 'SQS, changed',
      batch: Infinity,
      makeEvent: (changes, deliveries) =>
        changeEvent(scene.channel.makeEvent(changes, deliveries) as QueueEvent),
    };
  }

  it('gives the right names or the right refusal for every sample event', async () => {
    const running = scene.start({ max_in_flight: '1' });
    for (const sample of samples) {
      const event: unknown = JSON.parse(readFileSync(new URL(sample, fixtures), 'utf8'));
      const before = scene.oms.received.length;
      const lines = scene.logged('sync').length;
      const { error } = await running.deliverRaw(event);
      const records = translateOrUnknown('', () => translateSample(event));
      const names = records.flatMap((record) => (record.kind === 'created' ? [record.name] : []));
      const received = scene.oms.received.slice(before).flatMap((events) => events.names);
      expect(received.sort(), sample).toEqual([...new Set(names)].sort());
      expect(scene.logged('sync').slice(lines), sample).toMatchObject([
        { received: records.length, returned: records.filter(({ kind }) => kind === 'unknown').length },
      ]);
      const isQueue = sample.includes('sqs');
      if (!isQueue) expect(error !== undefined, sample).toBe(records.some(({ kind }) => kind === 'unknown'));
    }
  });

  it('settles 10,000 messages with 1 % bad ones, and hands back exactly those', async () => {
    const changes: Change[] = Array.from({ length: 10_000 }, (_, index) => ({
      name: `photos/${index}`,
      kind: 'created',
    }));
    const bodies = ['not JSON', '{}', '{"Records":[{"nothing":"known"}]}', 'null', ''];
    const channel = makeQueueChannel((event) => ({
      Records: event.Records.map((record, index) =>
        index % 100 === 7 ? { ...record, body: bodies[((index / 100) % bodies.length) | 0] } : record,
      ),
    }));
    const startedAt = performance.now();
    const running = scene.start({ log_layout: 'list' }, { timeoutSeconds: 120 });
    const { returned, error } = await running.deliver(channel, changes);
    const ms = performance.now() - startedAt;
    expect(error).toBeUndefined();
    expect([...returned].sort()).toEqual(
      changes
        .map(({ name }) => name)
        .filter((_, index) => index % 100 === 7)
        .sort(),
    );
    expect(scene.logged('sync')).toMatchObject([{ received: 10_000, requested: 9900, returned: 100 }]);
    const { requests, oms_ms: omsMs, log_bucket_ms: storeMs } = scene.logged('sync')[0] ?? {};
    // oxlint-disable-next-line no-console -- figures for the reader of the run
    console.log(
      `10,000 messages: ${ms.toFixed(0)} ms with the start of the process, of that ${String(omsMs)} ms for ${String(requests)} requests to OMS and ${String(storeMs)} ms for the lists; ${running.peakMegabytes()} MB at most`,
    );
  }, 120_000);

  it('lets nothing overtake a failed message in a FIFO queue', async () => {
    const channel = makeQueueChannel((event) => ({
      Records: event.Records.map((record, index) => ({
        ...record,
        eventSourceARN: 'arn:aws:sqs:eu-central-1:123456789012:queue.fifo',
        ...(index === 1 && { body: 'not JSON' }),
      })),
    }));
    const changes: Change[] = ['a', 'b', 'c', 'd'].map((name) => ({ name, kind: 'created' }));
    expect(await scene.start().deliver(channel, changes)).toEqual({
      returned: ['b', 'c', 'd'],
      error: undefined,
    });
  });

  it('names a message once, however often it is in the event', async () => {
    const channel = makeQueueChannel((event) => ({
      Records: event.Records.map((record) => ({ ...record, messageId: 'message-0', body: 'not JSON' })),
    }));
    const changes: Change[] = ['a', 'b'].map((name) => ({ name, kind: 'created' }));
    expect(await scene.start().deliver(channel, changes)).toEqual({ returned: ['a'], error: undefined });
  });

  it('tells S3 Batch Operations what became of a task', async () => {
    const batch = awsLambda.channels.find(({ name }) => name === 'S3 Batch Operations');
    const running = scene.start();
    const invoke = (name: string) => running.invoke(batch?.makeEvent([{ name, kind: 'created' }], 1));
    const answer = {
      invocationSchemaVersion: '2.0',
      invocationId: 'invocation',
      treatMissingKeysAs: 'TemporaryFailure',
    };
    expect(await invoke('good')).toEqual({
      ...answer,
      results: [{ taskId: 'task-0', resultCode: 'Succeeded', resultString: 'requested' }],
    });
    scene.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064', errorMessage: 'no' }]);
    expect(await invoke('bad')).toMatchObject({
      results: [
        { resultCode: 'PermanentFailure', resultString: 'on the failed list: refused, OMS.0064: no' },
      ],
    });
    scene.lists.faults.set([{ kind: 'answer', status: 403, code: 'AccessDenied' }]);
    expect(await invoke('bad')).toMatchObject({ results: [{ resultCode: 'TemporaryFailure' }] });
  });

  it('tells S3 Batch Operations what was left out, and gives a task that was merged the fate of the first', async () => {
    const batch = awsLambda.channels.find(({ name }) => name === 'S3 Batch Operations');
    const running = scene.start({ exclude_prefix: 'tmp/', max_attempts: '1', on_failure: 'redeliver' });
    const changes: Change[] = ['tmp/a', 'b', 'b'].map((name) => ({ name, kind: 'created' }));
    const invoke = () => running.invoke(batch?.makeEvent(changes, 1));
    expect(await invoke()).toMatchObject({
      results: [
        { resultCode: 'Succeeded', resultString: 'left out: name filter' },
        { resultCode: 'Succeeded', resultString: 'requested' },
        { resultCode: 'Succeeded', resultString: 'requested' },
      ],
    });
    // No task says that it is the last time: what a passing fault hit is recorded, never handed back.
    scene.oms.faults.set([{ kind: 'answer', status: 503 }]);
    expect(await invoke()).toMatchObject({
      results: [
        { resultCode: 'Succeeded' },
        { resultCode: 'PermanentFailure' },
        { resultCode: 'PermanentFailure' },
      ],
    });
    expect(await scene.names('failed_object')).toEqual(['b']);
  });

  it.each([
    ['a message without an id', { Records: [{ eventSource: 'aws:sqs', body: '{}' }] }, 'messageId'],
    ['a later schema', { invocationSchemaVersion: '3.0', invocationId: 'i', tasks: [] }, '1.0 or 2.0'],
  ])('refuses %s in one line of the log', async (_, event, message) => {
    const { error } = await scene.start().deliverRaw(event);
    expect(error).toContain(message);
    expect(scene.logged('sync')).toMatchObject([{ level: 'error', received: 1, returned: 1 }]);
  });
});

interface QueueEvent {
  readonly Records: readonly { readonly messageId: string; readonly body: string }[];
}
