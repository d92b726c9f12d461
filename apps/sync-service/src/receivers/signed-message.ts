import { verify, type X509Certificate } from 'node:crypto';
import type { Clock, StorageRecord } from '@oms-sync/core';
import { parseJson } from '@oms-sync/storage-events';
import { needText, translate } from './content.ts';
import type { HttpsGet } from './https-get.ts';
import { Refusal, type Handshake, type Message } from './receiver.ts';
import { checkValidity, type SigningCertificates } from './signing-certificates.ts';

/** What a notification service of the kind of SMN and SNS says, whatever its fields are called. */
export interface SignedMessage {
  readonly type: string;
  readonly topic: string;
  readonly id: string;
  /** ISO 8601. */
  readonly timestamp: string;
  readonly text: string;
  readonly certificateUrl: string;
  /** Base64. */
  readonly signature: string;
  /** Names and values that the signature covers, in its order. */
  readonly signedFields: readonly (readonly [name: string, value: string])[];
  /** Where a subscription is confirmed; there with a confirmation. */
  readonly subscribeUrl: string | undefined;
}

/** One such service. */
export interface MessageService {
  /** @throws {Refusal} for what is no message of the service. */
  read(body: unknown): SignedMessage;
  /** May a message of this topic be signed by the certificate at this address? */
  isCertificateUrl(url: URL, topic: string): boolean;
  /** May a subscription to this topic be confirmed at this address? */
  isSubscribeUrl(url: URL, topic: string): boolean;
  /** The hash of the signature. @throws {Refusal} for one that is not taken. */
  getHash(body: unknown, certificate: X509Certificate): string;
  translate(message: unknown): readonly StorageRecord[];
}

export interface SignedMessageOptions {
  /** Topics in the settings: from all others nothing is taken, and for none of them anything fetched. */
  readonly topics: readonly string[];
  readonly clock: Clock;
  readonly get: HttpsGet;
  readonly certificates: SigningCertificates;
}

const maxAgeMs = 24 * 3_600_000;
/** May hold a line break. In any other field it would let one message be read as another with the same signature. */
const proseFields = new Set(['message', 'subject']);

/**
 * Checks a message, whoever sent it: its topic, where its certificate comes from, its age, the certificate and the
 * signature; only then it is acted upon. A subscription is confirmed; the end of one is only told, as the address in that
 * message would subscribe again.
 */
export async function receiveSignedMessage(
  service: MessageService,
  body: unknown,
  options: SignedMessageOptions,
): Promise<Message | Handshake> {
  const message = service.read(body);
  await checkMessage(service, body, message, options);
  const { topic } = message;
  switch (message.type) {
    case 'Notification':
      return {
        kind: 'message',
        messageId: message.id,
        records: translate(() => service.translate(parseJson(message.text))),
      };
    case 'SubscriptionConfirmation':
      await options.get(readSubscribeUrl(service, message));
      return { kind: 'handshake', what: 'subscription confirmed', level: 'info', about: topic };
    case 'UnsubscribeConfirmation':
      return { kind: 'handshake', what: 'unsubscribed', level: 'warn', about: topic };
    default:
      throw new Refusal(
        'content',
        `expected a Notification, SubscriptionConfirmation or UnsubscribeConfirmation, found ${JSON.stringify(message.type.slice(0, 80))}`,
      );
  }
}

async function checkMessage(
  service: MessageService,
  body: unknown,
  message: SignedMessage,
  { topics, clock, certificates }: SignedMessageOptions,
): Promise<void> {
  if (!topics.includes(message.topic)) {
    throw new Refusal('topic', 'the topic of the message is not in the settings');
  }
  const certificateUrl = parseUrl(message.certificateUrl);
  if (certificateUrl === undefined || !service.isCertificateUrl(certificateUrl, message.topic)) {
    throw new Refusal('certificate', "the signing certificate is not at the address of the topic's region");
  }
  checkAge(message.timestamp, clock.now());
  const certificate = await certificates.get(certificateUrl);
  checkValidity(certificate, clock.now());
  const isMultiline = ([name, value]: readonly [string, string]) =>
    !proseFields.has(name.toLowerCase()) && value.includes('\n');
  const signed = message.signedFields.map(([name, value]) => `${name}\n${value}\n`).join('');
  const signature = Buffer.from(message.signature, 'base64');
  const isRight =
    !message.signedFields.some(isMultiline) &&
    verify(service.getHash(body, certificate), Buffer.from(signed), certificate.publicKey, signature);
  if (!isRight) throw new Refusal('signature', 'the signature of the message is wrong');
}

/** Ids of messages are kept for a day: what is older may have been there before. */
function checkAge(timestamp: string, now: number): void {
  const signedAt = Date.parse(timestamp);
  if (Number.isNaN(signedAt)) throw new Refusal('content', 'the timestamp of the message is no time');
  if (now - signedAt > maxAgeMs) {
    throw new Refusal('age', `the message is of ${new Date(signedAt).toISOString()}, more than a day ago`);
  }
}

function readSubscribeUrl(service: MessageService, { subscribeUrl, topic }: SignedMessage): URL {
  const url = parseUrl(subscribeUrl ?? '');
  if (url === undefined || !service.isSubscribeUrl(url, topic)) {
    throw new Refusal(
      'address',
      'the subscription is to be confirmed at a host that is not the service’s own',
    );
  }
  return url;
}

/** An address with https, at the usual port, without a user, and without what is not sent. */
function parseUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  // A fragment would make many certificates of one.
  const isPlain = [url.port, url.username, url.password, url.hash].every((part) => part === '');
  return isPlain && url.protocol === 'https:' ? url : undefined;
}

/** Fields as the signature covers them. @throws {Refusal} if one is missing. */
export function readSignedFields(
  body: unknown,
  names: readonly string[],
): readonly (readonly [string, string])[] {
  return names.map((name) => [name, needText(body, name)]);
}
