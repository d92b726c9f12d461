import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translateS3Message } from './s3-message.ts';
import { UnknownEventError } from './unknown-event-error.ts';

function notification(name: string): object {
  const key = encodeURIComponent(name).replaceAll('%20', '+');
  return {
    Records: [{ eventName: 'ObjectCreated:Put', s3: { bucket: { name: 'photos' }, object: { key } } }],
  };
}

function eventBridge(key: string): object {
  return { source: 'aws.s3', 'detail-type': 'Object Created', detail: { object: { key } } };
}

function wrap(message: unknown, type = 'Notification'): object {
  return {
    Type: type,
    MessageId: 'id-1',
    TopicArn: 'arn:aws:sns:eu-west-1:123456789012:photos',
    Message: message,
    Timestamp: '2026-02-01T12:34:57.000Z',
  };
}

describe('translateS3Message', () => {
  it('gives back any name, in every wrapping', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        for (const event of [notification(name), eventBridge(name)]) {
          const text = JSON.stringify(event);
          expect(translateS3Message(text)).toMatchObject([{ kind: 'created', name }]);
          expect(translateS3Message(JSON.stringify(wrap(text)))).toMatchObject([{ kind: 'created', name }]);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('acknowledges the test event, wrapped or not', () => {
    const text = JSON.stringify({ Service: 'Amazon S3', Event: 's3:TestEvent' });
    const ignored = [{ kind: 'ignored', reason: 's3:TestEvent' }];
    expect(translateS3Message(text)).toMatchObject(ignored);
    expect(translateS3Message(JSON.stringify(wrap(text)))).toMatchObject(ignored);
  });

  it.each(['SubscriptionConfirmation', 'UnsubscribeConfirmation'])('acknowledges a %s', (type) => {
    expect(translateS3Message(JSON.stringify(wrap('You have chosen to subscribe…', type)))).toEqual([
      {
        kind: 'ignored',
        store: 's3',
        bucket: undefined,
        eventTime: '2026-02-01T12:34:57.000Z',
        eventId: 'id-1',
        reason: `SNS ${type} of arn:aws:sns:eu-west-1:123456789012:photos`,
      },
    ]);
  });

  it.each([
    ['Hello', 'Message: expected JSON, found the text "Hello"'],
    [undefined, 'Message: expected a text, found nothing'],
    [{ Records: [] }, 'Message: expected a text, found an object with Records'],
    ['{"message": 1}', 'Message: expected an event of S3'],
    [JSON.stringify(wrap('{}')), 'found an object with Type, MessageId'],
  ])('does not understand %j in an envelope, and says so', (message, reason) => {
    expect(translateS3Message(JSON.stringify(wrap(message)))).toEqual([
      { kind: 'unknown', reason: expect.stringContaining(reason) as unknown },
    ]);
  });

  it.each([
    ['Test message.', 'expected JSON, found the text "Test message."'],
    ['', 'expected JSON, found an empty text'],
    [undefined, 'expected a text, found nothing'],
    ['null', 'expected an event of S3'],
    ['{"Type": "Other"}', 'found an object with Type'],
  ])('refuses %j and says what was found', (text, message) => {
    expect(() => translateS3Message(text)).toThrow(UnknownEventError);
    expect(() => translateS3Message(text)).toThrow(message);
  });
});
