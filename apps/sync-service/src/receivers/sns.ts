import type { Setting, ValuesOf } from '@oms-sync/core';
import { getText, translateS3 } from '@oms-sync/storage-events';
import { needText, readJson } from './content.ts';
import { getHeader, Refusal, type Receiver } from './receiver.ts';
import {
  readSignedFields,
  receiveSignedMessage,
  type MessageService,
  type SignedMessage,
  type SignedMessageOptions,
} from './signed-message.ts';
import { parseTopics } from './topics.ts';

const topicPattern = /^arn:(aws|aws-cn|aws-us-gov):sns:([a-z\d-]+):\d{12}:[\w-]+$/;

export const snsSettings = {
  sns_topics: {
    meaning: 'ARNs of the SNS topics whose messages are taken',
    parse: parseTopics(topicPattern, 'ARNs of SNS topics, such as arn:aws:sns:eu-west-1:123456789012:name'),
  },
} as const satisfies Record<string, Setting<unknown>>;

/** By `SignatureVersion`, each with RSA. */
const hashes: Readonly<Record<string, string>> = { 1: 'sha1', 2: 'sha256' };

/**
 * Amazon Simple Notification Service. Raw message delivery has no signature: it is refused.
 *
 * Sources: SNS Developer Guide, verifying the signatures of messages; HTTP/HTTPS headers and formats.
 */
export function openSns(
  { sns_topics: topics }: ValuesOf<typeof snsSettings>,
  options: Omit<SignedMessageOptions, 'topics'>,
): Receiver | undefined {
  if (topics === undefined) return undefined;
  return {
    name: 'sns',
    maxBytes: 1024 * 1024, // As with SMN: 256 KB, escaped.
    admit: (head) => {
      if (getHeader(head, 'x-amz-sns-rawdelivery') !== 'true') return;
      throw new Refusal(
        'signature',
        'raw messages are not signed: switch off raw message delivery of the subscription',
      );
    },
    receive: (_, body) => receiveSignedMessage(sns, readJson(body), { ...options, topics }),
  };
}

const sns: MessageService = {
  read: readSnsMessage,
  isCertificateUrl: (url, topic) =>
    url.hostname === hostOf(topic) &&
    /^\/SimpleNotificationService-[\da-f]{1,64}\.pem$/i.test(url.pathname) &&
    url.search === '',
  isSubscribeUrl: (url, topic) =>
    url.hostname === hostOf(topic) && url.searchParams.get('Action') === 'ConfirmSubscription',
  getHash: (body) => {
    const hash = hashes[needText(body, 'SignatureVersion')];
    if (hash === undefined) throw new Refusal('signature', 'SignatureVersion: expected 1 or 2');
    return hash;
  },
  translate: translateS3,
};

function hostOf(topic: string): string {
  const [, partition, region] = topicPattern.exec(topic) ?? [];
  return `sns.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}

function readSnsMessage(body: unknown): SignedMessage {
  const type = needText(body, 'Type');
  const hasSubject = getText(body, 'Subject') !== undefined;
  const names =
    type === 'Notification'
      ? ['Message', 'MessageId', ...(hasSubject ? ['Subject'] : []), 'Timestamp', 'TopicArn', 'Type']
      : ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'];
  return {
    type,
    topic: needText(body, 'TopicArn'),
    id: needText(body, 'MessageId'),
    timestamp: needText(body, 'Timestamp'),
    text: needText(body, 'Message'),
    certificateUrl: needText(body, 'SigningCertURL'),
    signature: needText(body, 'Signature'),
    signedFields: readSignedFields(body, names),
    subscribeUrl: getText(body, 'SubscribeURL'),
  };
}
