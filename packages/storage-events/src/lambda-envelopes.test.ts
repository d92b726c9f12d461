import { describe, expect, it } from 'vitest';
import { getLambdaEventKind, readSnsMessages, readSqsMessages } from './lambda-envelopes.ts';
import { UnknownEventError } from './unknown-event-error.ts';

const sqsRecord = {
  messageId: 'id-1',
  body: '{}',
  attributes: { ApproximateReceiveCount: '3' },
  eventSource: 'aws:sqs',
  eventSourceARN: 'arn:aws:sqs:us-east-1:123456789012:photos',
};

const snsRecord = { EventSource: 'aws:sns', Sns: { MessageId: 'id-1', Message: '{}' } };

describe('getLambdaEventKind', () => {
  it.each([
    ['s3', { Records: [{ eventSource: 'aws:s3', s3: {} }] }],
    ['s3', { Records: [null, { s3: {} }] }],
    ['s3', { Records: [] }],
    ['s3', { Service: 'Amazon S3', Event: 's3:TestEvent' }],
    ['sns', { Records: [snsRecord] }],
    ['sqs', { Records: [sqsRecord] }],
    ['s3', { source: 'aws.s3', 'detail-type': 'Object Created', detail: {} }],
    ['s3', { source: 'aws.s3', 'detail-type': 'Scheduled Event', detail: {} }],
    ['s3-batch', { invocationSchemaVersion: '1.0', tasks: [] }],
    ['s3', { source: 'aws.events', 'detail-type': 'Anything else', detail: {} }],
    ['scheduled', { source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} }],
    ['scheduled', { source: 'aws.scheduler', 'detail-type': 'Scheduled Event', detail: '{}' }],
  ])('is %s for %j', (kind, event) => {
    expect(getLambdaEventKind(event)).toBe(kind);
  });

  it.each([
    [undefined, 'found nothing'],
    [{}, 'found an empty object'],
    [{ source: 'aws.s3' }, 'found an object with source'],
    [{ Records: [{ kinesis: {} }] }, 'found records: an object with kinesis'],
    [{ Records: 'none' }, 'found an object with Records'],
  ])('refuses %j and says what was found', (event, message) => {
    expect(() => getLambdaEventKind(event)).toThrow(UnknownEventError);
    expect(() => getLambdaEventKind(event)).toThrow(message);
  });
});

describe('readSqsMessages', () => {
  it('gives what it takes to translate a message, and to hand it back', () => {
    const fifo = { messageId: 'id-2', body: 7, eventSourceARN: `${sqsRecord.eventSourceARN}.fifo` };
    expect(readSqsMessages({ Records: [sqsRecord, fifo] })).toEqual([
      { messageId: 'id-1', body: '{}', receiveCount: 3, isFifo: false },
      { messageId: 'id-2', body: 7, receiveCount: undefined, isFifo: true },
    ]);
  });

  it('refuses a message that it could not hand back', () => {
    expect(() => readSqsMessages({ Records: [sqsRecord, { body: '{}' }] })).toThrow(
      'Records[1].messageId: expected a text, found an object with body',
    );
  });

  it('refuses what has no records', () => {
    expect(() => readSqsMessages({})).toThrow('expected "Records", found an empty object');
  });
});

describe('a message without the address of its queue', () => {
  it('is of no FIFO queue', () => {
    const { eventSourceARN: _, ...record } = sqsRecord;
    expect(readSqsMessages({ Records: [record] })).toMatchObject([{ isFifo: false }]);
  });
});

describe('readSnsMessages', () => {
  it('gives the messages', () => {
    expect(readSnsMessages({ Records: [snsRecord, { EventSource: 'aws:sns' }] })).toEqual(['{}', undefined]);
  });
});
