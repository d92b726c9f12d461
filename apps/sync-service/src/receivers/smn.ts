import { matching, type Parse, type Setting, type ValuesOf } from '@oms-sync/core';
import { getText, translateObs, type EventGridKeyEncoding } from '@oms-sync/storage-events';
import { needText, readJson } from './content.ts';
import type { Receiver } from './receiver.ts';
import {
  readSignedFields,
  receiveSignedMessage,
  type MessageService,
  type SignedMessage,
  type SignedMessageOptions,
} from './signed-message.ts';
import { getSignatureHash } from './signing-certificates.ts';
import { parseTopics } from './topics.ts';

const topicPattern = /^urn:smn:([a-z\d-]+):[\w-]+:[\w-]+$/;

export const smnSettings = {
  smn_topics: {
    meaning: 'URNs of the SMN topics whose messages are taken',
    parse: parseTopics(topicPattern, 'URNs of SMN topics, such as urn:smn:cn-north-4:{project_id}:{name}'),
  },
  smn_domain: {
    meaning: 'domain of SMN: its endpoints are `smn.{region}.{domain}`',
    parse: parseDomain(),
    otherwise: 'myhuaweicloud.com',
  },
} as const satisfies Record<string, Setting<unknown>>;

/**
 * Huawei Cloud's Simple Message Notification.
 *
 * Sources: SMN User Guide, HTTP/HTTPS messages: message format, message signature verification, sample code; SMN FAQ 14
 * (five seconds; another try only after 5xx).
 */
export function openSmn(
  { smn_topics: topics, smn_domain: domain }: ValuesOf<typeof smnSettings>,
  options: Omit<SignedMessageOptions, 'topics'> & { readonly eventgridKeyEncoding: EventGridKeyEncoding },
): Receiver | undefined {
  if (topics === undefined) return undefined;
  const service = describeSmn(domain, options.eventgridKeyEncoding);
  return {
    name: 'smn',
    maxBytes: 1024 * 1024, // A message has up to 256 KB, each character of it perhaps escaped.
    receive: (_, body) => receiveSignedMessage(service, readJson(body), { ...options, topics }),
  };
}

function describeSmn(domain: string, eventgridKeyEncoding: EventGridKeyEncoding): MessageService {
  const hostOf = (topic: string) => `smn.${topicPattern.exec(topic)?.[1]}.${domain}`;
  // Pages of the console are at huaweicloud.com where the API is at myhuaweicloud.com.
  const site = `.${domain.replace(/^my/, '')}`;
  return {
    read: readSmnMessage,
    isCertificateUrl: (url, topic) => {
      const region = topicPattern.exec(topic)?.[1];
      const path = new RegExp(`^/smn/SMN[_-]${region}[_-][\\da-f-]{1,64}\\.pem$`, 'i');
      return url.hostname === hostOf(topic) && path.test(url.pathname) && url.search === '';
    },
    // Examples show the console's host there, not the one of the certificate.
    isSubscribeUrl: (url, topic) =>
      (url.hostname === hostOf(topic) || url.hostname.endsWith(site)) &&
      url.pathname === '/smn/subscription/confirm',
    getHash: (_, certificate) => getSignatureHash(certificate),
    translate: (message) => translateObs(message, { eventgridKeyEncoding }),
  };
}

function readSmnMessage(body: unknown): SignedMessage {
  const type = needText(body, 'type');
  const hasSubject = getText(body, 'subject') !== undefined; // An empty one is not signed.
  const names =
    type === 'Notification'
      ? ['message', 'message_id', ...(hasSubject ? ['subject'] : []), 'timestamp', 'topic_urn', 'type']
      : ['message', 'message_id', 'subscribe_url', 'timestamp', 'topic_urn', 'type'];
  return {
    type,
    topic: needText(body, 'topic_urn'),
    id: needText(body, 'message_id'),
    timestamp: needText(body, 'timestamp'),
    text: needText(body, 'message'),
    certificateUrl: needText(body, 'signing_cert_url'),
    signature: needText(body, 'signature'),
    signedFields: readSignedFields(body, names),
    subscribeUrl: getText(body, 'subscribe_url'),
  };
}

function parseDomain(): Parse<string> {
  return matching(/^[a-z\d-]+(\.[a-z\d-]+)+$/, 'a domain, such as myhuaweicloud.com');
}
