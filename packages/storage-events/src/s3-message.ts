import { getMember, getText, parseJson, shorten } from './json.ts';
import { translateS3 } from './s3.ts';
import { translateOrUnknown, type StorageRecord } from './storage-record.ts';

/**
 * What SNS says about a subscription itself. It waits for a person to answer it; in a queue it would only come back until
 * it is a dead letter. The log names the topic.
 */
const confirmations = new Set(['SubscriptionConfirmation', 'UnsubscribeConfirmation']);

/**
 * Translates the text of a message: the body of an SQS message, or the `Message` of an SNS one. It holds an event of
 * S3, as S3 or EventBridge puts it into a queue and as SNS does with raw delivery, or the envelope of SNS around one.
 * An envelope whose message nobody understands is one unknown record; an envelope in an envelope nobody sends.
 *
 * @throws {UnknownEventError} for what is no JSON or no event.
 */
export function translateS3Message(text: unknown): StorageRecord[] {
  const message = parseJson(text);
  const type = getText(message, 'Type');
  if (type === 'Notification') {
    return translateOrUnknown('Message', () => translateS3(parseJson(getMember(message, 'Message'))));
  }
  if (type !== undefined && confirmations.has(type)) {
    return [
      {
        kind: 'ignored',
        store: 's3',
        bucket: undefined,
        eventTime: getText(message, 'Timestamp'),
        eventId: getText(message, 'MessageId'),
        reason: `SNS ${type} of ${shorten(getText(message, 'TopicArn') ?? 'an unknown topic')}`,
      },
    ];
  }
  return translateS3(message);
}
