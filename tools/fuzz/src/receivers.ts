import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  makeCertificate,
  signSmnMessage,
  signSnsMessage,
  smnCertificateUrl,
  smnTopic,
  snsCertificateUrl,
  snsTopic,
  type Fields,
} from '@oms-sync/testing';
import type { ReceiverName } from './entry-point.ts';
import type { Input } from './inputs.ts';
import { mutate } from './mutations.ts';
import type { SeedChannel } from './seeds.ts';

/** A request for the service. */
export interface ReceiverRequest {
  /** Behind `/notifications/`. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** By whom: `forged` must be refused, and `changed` is anything but what the event is. */
  readonly standing: 'rightful' | 'changed' | 'forged';
}

/** A way into the service by HTTP. */
export interface ReceiverPoint {
  readonly name: ReceiverName;
  /** The folders of the recorded events. */
  readonly fixtures: readonly string[];
  /** What a sender sends, or for SMN and SNS: what stands in its message. */
  readonly channel: SeedChannel;
  makeRequest(input: Input): ReceiverRequest;
}

const token = 'a-token-of-the-fuzzer';
const audience = 'https://sync.example.com/notifications/pubsub';
const account = 'push@project.iam.gserviceaccount.com';

/** The settings by which the service has all receivers. */
export const receiverSettings = {
  smn_topics: smnTopic,
  sns_topics: snsTopic,
  event_grid_key: token,
  huawei_event_grid_token: token,
  webhook_token: token,
  pubsub_audience: audience,
  pubsub_service_account: account,
};

/** What must be in no output. */
export const receiverSecrets = [token];

/** By which SMN and SNS sign, and by which others do. */
export const signer = makeCertificate({ algorithm: 'sha256-with-rsa' });
const stranger = makeCertificate({ algorithm: 'sha256-with-rsa' });
const google = generateKeyPairSync('rsa', { modulusLength: 2048 });
/** Google's public keys, as it publishes them. */
export const googleKeys = {
  keys: [{ ...google.publicKey.export({ format: 'jwk' }), kid: 'k1', alg: 'RS256', use: 'sig' }],
};

const obsRecord = (name: string) => ({
  eventVersion: '2.0',
  eventName: 'ObjectCreated:Put',
  eventSource: 'OBS',
  s3: { bucket: { name: 'source' }, object: { key: encodeURIComponent(name) } },
});
const s3Record = (eventSource: string) => (name: string) => ({
  eventVersion: '2.1',
  eventSource,
  eventName: 'ObjectCreated:Put',
  s3: { bucket: { name: 'source' }, object: { key: encodeURIComponent(name) } },
});
const blobEvent = (name: string) => ({
  topic: '/subscriptions/x/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/a',
  subject: `/blobServices/default/containers/c/blobs/${name}`,
  eventType: 'Microsoft.Storage.BlobCreated',
  id: 'id-1',
  data: { api: 'PutBlob' },
});
const eventGridEvent = (name: string) => ({
  specversion: '1.0',
  id: 'id-1',
  source: 'HC.OBS.DWR',
  type: 'OBS:DWR:ObjectCreated:PUT',
  data: {
    eventName: 'ObjectCreated:Put',
    obs: { bucket: { name: 'source' }, object: { key: encodeURIComponent(name) } },
  },
});
const push = (name: string) => ({
  message: {
    attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'b', objectId: name, payloadFormat: 'NONE' },
    messageId: name,
  },
  subscription: 'projects/p/subscriptions/s',
});

/** One event a record, or all records in one. */
function one(make: (name: string) => unknown): SeedChannel {
  return { batch: 1, makeEvent: ([change]) => make(change?.name ?? '') };
}
function many(make: (name: string) => unknown, gather: (records: unknown[]) => unknown): SeedChannel {
  return { batch: 5000, makeEvent: (changes) => gather(changes.map(({ name }) => make(name))) };
}
const inRecords = (records: unknown[]) => ({ Records: records });

/** Every way into the service by HTTP. */
export const receiverPoints: readonly ReceiverPoint[] = [
  {
    name: 'service-smn',
    fixtures: ['huawei'],
    channel: many(obsRecord, inRecords),
    makeRequest: (input) => wrap(input, smn),
  },
  {
    name: 'service-sns',
    fixtures: ['aws'],
    channel: many(s3Record('aws:s3'), inRecords),
    makeRequest: (input) => wrap(input, sns),
  },
  {
    name: 'service-event-grid',
    fixtures: ['azure'],
    channel: many(blobEvent, (records) => records),
    makeRequest: (input) => withToken(input, 'event-grid'),
  },
  {
    name: 'service-huawei-event-grid',
    fixtures: ['huawei'],
    channel: one(eventGridEvent),
    makeRequest: (input) => withToken(input, 'huawei-event-grid'),
  },
  { name: 'service-pubsub', fixtures: ['gcp'], channel: one(push), makeRequest: makePush },
  {
    name: 'service-webhook',
    fixtures: ['s3compat'],
    channel: many(s3Record('minio:s3'), inRecords),
    makeRequest: (input) => withToken(input, 'webhook'),
  },
];

function bodyOf({ bytes = '' }: Input): Buffer {
  return Buffer.from(bytes, 'latin1');
}

/** Senders with a token, in a header or in the address. */
function withToken(input: Input, path: string): ReceiverRequest {
  const { random } = input;
  const isForged = random.chance(0.1);
  const given = isForged ? random.pick(['', 'another-token-of-somebody', `${token}x`] as const) : token;
  const inAddress = random.chance(0.5);
  return {
    path: inAddress ? `${path}?token=${given}` : path,
    headers: inAddress ? {} : { authorization: `Bearer ${given}` },
    body: bodyOf(input),
    standing: isForged ? 'forged' : 'rightful',
  };
}

/** How SMN and SNS call what is in their messages. */
interface Dialect {
  readonly path: string;
  readonly type: string;
  readonly text: string;
  readonly id: string;
  readonly subject: string;
  readonly certificate: string;
  readonly signature: string;
  readonly trustedCertificate: string;
  readonly confirmation: (host: string) => Fields;
  readonly hosts: readonly [trusted: string, other: string];
  readonly contentType: string;
  readonly sign: (fields: Fields, key: string) => Fields;
}

const smn: Dialect = {
  path: 'smn',
  type: 'type',
  text: 'message',
  id: 'message_id',
  subject: 'subject',
  certificate: 'signing_cert_url',
  signature: 'signature',
  trustedCertificate: smnCertificateUrl,
  confirmation: (host) => ({ subscribe_url: `https://${host}/smn/subscription/confirm?token=t` }),
  hosts: ['smn.cn-north-4.myhuaweicloud.com', 'smn.cn-north-4.myhuaweicloud.com.example.com'],
  contentType: 'application/json',
  sign: signSmnMessage,
};
const sns: Dialect = {
  path: 'sns',
  type: 'Type',
  text: 'Message',
  id: 'MessageId',
  subject: 'Subject',
  certificate: 'SigningCertURL',
  signature: 'Signature',
  trustedCertificate: snsCertificateUrl,
  confirmation: (host) => ({
    SubscribeURL: `https://${host}/?Action=ConfirmSubscription&Token=t`,
    Token: 't',
  }),
  hosts: ['sns.eu-west-1.amazonaws.com', 'sns.eu-west-1.example.com'],
  contentType: 'text/plain; charset=UTF-8',
  sign: signSnsMessage,
};

/** A message of SMN or SNS around the event: signed, or in one of the ways in which it must not be taken. */
function wrap(input: Input, dialect: Dialect): ReceiverRequest {
  const { random, index } = input;
  const { text, hosts, type, confirmation } = dialect;
  const message = {
    [text]: bodyOf(input).toString('utf8'),
    // Each has an id of its own, or it would be taken for one that came before.
    [dialect.id]: `id-${index}`,
    ...(random.chance(0.2) && { [dialect.subject]: 'sync' }),
  };
  const sign = (changes: Fields = {}, key = signer.key) => dialect.sign({ ...message, ...changes }, key);
  const confirm = (host: string) => sign({ [type]: 'SubscriptionConfirmation', ...confirmation(host) });
  const make = (standing: ReceiverRequest['standing'], fields: unknown): ReceiverRequest => ({
    path: dialect.path,
    headers: { 'content-type': dialect.contentType },
    body: Buffer.from(JSON.stringify(fields) ?? ''),
    standing,
  });
  switch (random.below(30)) {
    case 0:
      return make('forged', sign({}, stranger.key));
    case 1:
      return make('forged', { ...sign(), [dialect.signature]: '' });
    case 2:
      return make('forged', { ...sign(), [text]: `${message[text]} ` });
    case 3:
      return make('forged', sign({ [dialect.certificate]: dialect.trustedCertificate.replace(...hosts) }));
    case 4:
      return make('forged', confirm(hosts[1]));
    case 5:
      return make('changed', confirm(hosts[0]));
    case 6:
    case 7:
      return make('changed', mutate(sign(), random, { other: () => sign(), inProcess: false }));
    default:
      return make('rightful', sign());
  }
}

const strangeKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;

/** Like a token of Google, and none for us. */
const forgeTokens: readonly (() => string)[] = [
  () => makeToken({ aud: 'https://example.com' }),
  () => makeToken({ email: 'somebody@example.com' }),
  () => makeToken({ exp: 1_000_000_000 }),
  () => makeToken({ iss: 'https://example.com' }),
  () => makeToken({}, strangeKey),
  () => `${Buffer.from('{"alg":"none"}').toString('base64url')}.${makeToken({}).split('.')[1]}.`,
];

/** A push with a token of Google, or one like it. */
function makePush(input: Input): ReceiverRequest {
  const { random } = input;
  const forge = random.chance(0.15) ? random.pick(forgeTokens) : undefined;
  return {
    path: 'pubsub',
    headers: {
      authorization: `Bearer ${forge === undefined ? makeToken({}) : forge()}`,
      'content-type': 'application/json',
    },
    body: bodyOf(input),
    standing: forge === undefined ? 'rightful' : 'forged',
  };
}

function makeToken(claims: Readonly<Record<string, unknown>>, key: KeyObject = google.privateKey): string {
  const now = Math.floor(Date.now() / 1000);
  const rightful = {
    iss: 'https://accounts.google.com',
    aud: audience,
    email: account,
    email_verified: true,
  };
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${encode({ alg: 'RS256', kid: 'k1' })}.${encode({ ...rightful, iat: now, exp: now + 3600, ...claims })}`;
  return `${signed}.${createSign('sha256').update(signed).sign(key, 'base64url')}`;
}
