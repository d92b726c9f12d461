import { generateKeyPairSync } from 'node:crypto';
import { makeCertificate } from '@oms-sync/testing';
import { Secret } from '@oms-sync/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startBench, type Bench } from './receivers.test-help.ts';
import {
  makeBlobEvent,
  makeObsEvent,
  makePush,
  makeS3Event,
  makeSmnMessage,
  makeSnsMessage,
  pushAccount,
  pushAudience,
  rsa,
  smnCertificateUrl,
  smnTopic,
  snsCertificateUrl,
  snsTopic,
  startGoogle,
  type Fields,
  type Google,
} from './signers.test-help.ts';

const token = 'a token of a test';
const rightToken = token.replaceAll(' ', '-');
const dayMs = 24 * 3_600_000;
const stranger = makeCertificate({ algorithm: 'sha256-with-rsa' });
const expired = makeCertificate({
  algorithm: 'sha256-with-rsa',
  validFrom: new Date('2020-01-01'),
  validTo: new Date('2021-01-01'),
});
const withSha1 = makeCertificate({ algorithm: 'sha1-with-rsa' });
const ecdsa = makeCertificate();
const otherUrl = (name: string) => smnCertificateUrl.replace('0a1b', name);

let bench: Bench;
let google: Google;

beforeAll(async () => {
  google = await startGoogle();
  const values = {
    smn_topics: [smnTopic],
    sns_topics: [snsTopic],
    event_grid_key: [new Secret('another-token-here'), new Secret(rightToken)],
    webhook_token: [new Secret(rightToken)],
    huawei_event_grid_token: [new Secret(rightToken)],
    pubsub_audience: pushAudience,
    pubsub_service_account: pushAccount,
  };
  bench = await startBench({ values, googleKeysUrl: google.keysUrl });
  const { pages } = bench.internet;
  pages.set(smnCertificateUrl, rsa.cert);
  pages.set(snsCertificateUrl, rsa.cert);
  pages.set(otherUrl('e0'), expired.cert);
  pages.set(otherUrl('51'), withSha1.cert);
  pages.set(otherUrl('ec'), ecdsa.cert);
  pages.set(otherUrl('bad'), 'no certificate');
  pages.set('https://evil.example.com/smn/SMN_cn-north-4_0a1b.pem', stranger.cert);
});

beforeEach(() => {
  bench.events.length = 0;
  bench.inbox.kept.length = 0;
  bench.internet.asked.length = 0;
});

afterAll(async () => {
  await bench.server.stop();
  google.close();
});

interface Attempt {
  readonly what: string;
  readonly path: string;
  readonly body: () => unknown;
  readonly headers?: () => Fields | Promise<Fields>;
  readonly status: number;
  readonly reason: string;
  /** Addresses that are asked for at most. */
  readonly mayAsk?: true;
}

const smn = (fields: Fields = {}, key?: string) =>
  makeSmnMessage({ message: makeObsEvent('forged.txt'), message_id: 'forged', ...fields }, key);
const sns = (fields: Fields = {}, key?: string) =>
  makeSnsMessage({ Message: makeS3Event('forged.txt'), MessageId: 'forged', ...fields }, key);
const old = new Date(Date.now() - dayMs - 60_000).toISOString();
const confirmation = { type: 'SubscriptionConfirmation' };
const bearer = async (claims?: Readonly<Record<string, unknown>>) => ({
  authorization: `Bearer ${await google.makeToken(claims)}`,
});
const unsigned = (claims: unknown) =>
  [{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
const push = { path: 'pubsub', body: () => makePush('forged.txt'), status: 401, reason: 'pubsub: sender' };
const hour = () => Math.floor(Date.now() / 1000) + 3600;

const attempts: readonly Attempt[] = [
  ...[
    { what: 'a changed message', body: () => ({ ...smn(), message: makeObsEvent('other.txt') }) },
    { what: 'the signature of somebody else', body: () => smn({}, stranger.key) },
    { what: 'no Base64 for a signature', body: () => ({ ...smn(), signature: '****' }) },
    {
      what: 'its subject moved into its id, which leaves the signed text as it was',
      body: () => {
        const { subject = '', message_id: id = '', ...others } = smn({ subject: 'OBS' });
        return { ...others, message_id: `${id}\nsubject\n${subject}` };
      },
    },
  ].map((attempt) => ({
    ...attempt,
    what: `SMN: ${attempt.what}`,
    path: 'smn',
    status: 403,
    reason: 'smn: signature',
    mayAsk: true as const,
  })),
  ...[
    'https://evil.example.com/smn/SMN_cn-north-4_0a1b.pem',
    'https://smn.cn-north-4.myhuaweicloud.com.evil.example.com/smn/SMN_cn-north-4_0a1b.pem',
    'https://smn.cn-north-4.myhuaweicloud.com@evil.example.com/smn/SMN_cn-north-4_0a1b.pem',
    'https://bucket.obs.cn-north-4.myhuaweicloud.com/smn/SMN_cn-north-4_0a1b.pem',
    'https://smn.cn-east-3.myhuaweicloud.com/smn/SMN_cn-east-3_0a1b.pem',
    'http://smn.cn-north-4.myhuaweicloud.com/smn/SMN_cn-north-4_0a1b.pem',
    'https://smn.cn-north-4.myhuaweicloud.com:8443/smn/SMN_cn-north-4_0a1b.pem',
    'https://smn.cn-north-4.myhuaweicloud.com/other/SMN_cn-north-4_0a1b.pem',
    'https://smn.cn-north-4.myhuaweicloud.com/smn/../SMN_cn-north-4_0a1b.pem',
    'https://smn.cn-north-4.myhuaweicloud.com/smn/SMN_cn-north-4_0a1b.pem?of=somebody',
    'https://smn.cn-north-4.myhuaweicloud.com/smn/SMN_cn-north-4_0a1b.pem#many-of-one',
    'https://127.0.0.1/smn/SMN_cn-north-4_0a1b.pem',
    'file:///etc/passwd',
    'no address',
  ].map((url) => ({
    what: `SMN: a certificate at ${url}`,
    path: 'smn',
    body: () => smn({ signing_cert_url: url }, stranger.key),
    status: 403,
    reason: 'smn: certificate',
  })),
  {
    what: 'SMN: an expired certificate',
    path: 'smn',
    body: () => smn({ signing_cert_url: otherUrl('e0') }, expired.key),
    status: 403,
    reason: 'smn: certificate',
    mayAsk: true,
  },
  {
    what: 'SMN: a certificate with SHA-1',
    path: 'smn',
    body: () => smn({ signing_cert_url: otherUrl('51') }, withSha1.key),
    status: 403,
    reason: 'smn: certificate',
    mayAsk: true,
  },
  {
    what: 'SMN: a certificate that cannot be had now',
    path: 'smn',
    body: () => smn({ signing_cert_url: otherUrl('404') }),
    status: 503,
    reason: 'smn: unavailable',
    mayAsk: true,
  },
  {
    what: 'SMN: something else in place of the certificate',
    path: 'smn',
    body: () => smn({ signing_cert_url: otherUrl('bad') }),
    status: 503,
    reason: 'smn: unavailable',
    mayAsk: true,
  },
  {
    what: 'SMN: another topic',
    path: 'smn',
    body: () => smn({ topic_urn: `${smnTopic}2` }),
    status: 403,
    reason: 'smn: topic',
  },
  {
    what: 'SMN: a message of the day before yesterday',
    path: 'smn',
    body: () => smn({ timestamp: old }),
    status: 403,
    reason: 'smn: age',
  },
  ...[
    'https://evil.example.com/smn/subscription/confirm?x',
    'https://evilhuaweicloud.com/smn/subscription/confirm?x',
    'https://console.huaweicloud.com/smn/subscription/unsubscribe?x',
    'http://console.huaweicloud.com/smn/subscription/confirm?x',
    'https://169.254.169.254/smn/subscription/confirm?x',
  ].map((url) => ({
    what: `SMN: a confirmation at ${url}`,
    path: 'smn',
    body: () => smn({ ...confirmation, subscribe_url: url }),
    status: 403,
    reason: 'smn: address',
    mayAsk: true as const,
  })),
  {
    what: 'SMN: a forged confirmation',
    path: 'smn',
    body: () =>
      smn(
        {
          ...confirmation,
          subscribe_url: 'https://console.huaweicloud.com/smn/subscription/confirm?token=1',
        },
        stranger.key,
      ),
    status: 403,
    reason: 'smn: signature',
    mayAsk: true,
  },
  {
    what: 'SNS: no signature',
    path: 'sns',
    body: () => Object.fromEntries(Object.entries(sns()).filter(([name]) => name !== 'Signature')),
    status: 422,
    reason: 'sns: content',
  },
  {
    what: 'SNS: the signature of somebody else',
    path: 'sns',
    body: () => sns({}, stranger.key),
    status: 403,
    reason: 'sns: signature',
    mayAsk: true,
  },
  {
    what: 'SNS: a changed message',
    path: 'sns',
    body: () => ({ ...sns(), Message: makeS3Event('other.txt') }),
    status: 403,
    reason: 'sns: signature',
    mayAsk: true,
  },
  {
    what: 'SNS: version 1 said of a signature of version 2',
    path: 'sns',
    body: () => ({ ...sns(), SignatureVersion: '1' }),
    status: 403,
    reason: 'sns: signature',
    mayAsk: true,
  },
  {
    what: 'SNS: another topic',
    path: 'sns',
    body: () => sns({ TopicArn: snsTopic.replace('123456789012', '210987654321') }),
    status: 403,
    reason: 'sns: topic',
  },
  {
    what: 'SNS: a message of the day before yesterday',
    path: 'sns',
    body: () => sns({ Timestamp: old }),
    status: 403,
    reason: 'sns: age',
  },
  {
    what: 'SNS: an empty signature',
    path: 'sns',
    body: () => ({ ...sns(), Signature: '=' }),
    status: 403,
    reason: 'sns: signature',
    mayAsk: true,
  },
  {
    what: 'SNS: raw delivery, which has none',
    path: 'sns',
    body: () => makeS3Event('forged.txt'),
    headers: () => ({ 'x-amz-sns-rawdelivery': 'true' }),
    status: 403,
    reason: 'sns: signature',
  },
  {
    what: 'SNS: an unknown signature version',
    path: 'sns',
    body: () => sns({ SignatureVersion: '3' }),
    status: 403,
    reason: 'sns: signature',
    mayAsk: true,
  },
  {
    what: 'SNS: a certificate of another host',
    path: 'sns',
    body: () =>
      sns({ SigningCertURL: 'https://sns.eu-west-1.amazonaws.com.cn/SimpleNotificationService-0a.pem' }),
    status: 403,
    reason: 'sns: certificate',
  },
  ...[
    'https://sns.eu-west-2.amazonaws.com/?Action=ConfirmSubscription',
    'https://sns.eu-west-1.amazonaws.com/?Action=DeleteTopic',
    'http://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription',
    'https://169.254.169.254/?Action=ConfirmSubscription',
  ].map((url) => ({
    what: `SNS: a confirmation at ${url}`,
    path: 'sns',
    body: () => sns({ Type: 'SubscriptionConfirmation', Token: 't', SubscribeURL: url }),
    status: 403,
    reason: 'sns: address',
    mayAsk: true as const,
  })),
  { ...push, what: 'Pub/Sub: no token' },
  { ...push, what: 'Pub/Sub: a wrong audience', headers: () => bearer({ aud: 'https://other.example.com' }) },
  { ...push, what: 'Pub/Sub: another account', headers: () => bearer({ email: 'x@evil.example.com' }) },
  { ...push, what: 'Pub/Sub: an address not verified', headers: () => bearer({ email_verified: false }) },
  { ...push, what: 'Pub/Sub: another issuer', headers: () => bearer({ iss: 'https://evil.example.com' }) },
  { ...push, what: 'Pub/Sub: no text for a token', headers: () => ({ authorization: 'Bearer e30.e30' }) },
  { ...push, what: 'Pub/Sub: a token without an end', headers: () => bearer({ exp: undefined }) },
  {
    ...push,
    what: 'Pub/Sub: a token signed with the public key as a secret',
    headers: async () => ({ authorization: `Bearer ${await google.makeTokenWithSecret()}` }),
  },
  { ...push, what: 'Pub/Sub: an expired token', headers: () => bearer({ iat: 1, exp: 3600 }) },
  {
    ...push,
    what: 'Pub/Sub: a token by the algorithm none',
    headers: () => ({
      authorization: `Bearer ${unsigned({ iss: 'https://accounts.google.com', aud: pushAudience, email: pushAccount, email_verified: true, iat: 1, exp: hour() })}.`,
    }),
  },
  {
    ...push,
    what: 'Pub/Sub: a token signed by another key',
    headers: async () => ({
      authorization: `Bearer ${await google.makeToken({}, generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey)}`,
    }),
  },
  ...['event-grid', 'webhook', 'huawei-event-grid'].flatMap((path) => [
    {
      what: `${path}: no token`,
      path,
      body: () => makeS3Event('forged.txt'),
      status: 401,
      reason: `${path}: sender`,
    },
    {
      what: `${path}: another token`,
      path: `${path}?token=${rightToken}x`,
      body: () => makeS3Event('forged.txt'),
      status: 401,
      reason: `${path}: sender`,
    },
    {
      what: `${path}: what nobody understands`,
      path: `${path}?token=${rightToken}`,
      body: () => ({ hello: 'world' }),
      status: 422,
      reason: `${path}: content`,
    },
  ]),
  {
    what: 'what is not there',
    path: 'other',
    body: () => makeS3Event('forged.txt'),
    status: 404,
    reason: 'http: not_found',
  },
];

describe('a receiver refuses, counts and keeps nothing of', () => {
  it.each(attempts)('$what', async ({ path, body, headers, status, reason, mayAsk }) => {
    const response = await bench.send(path, body(), await headers?.());
    expect({ status: response.status, events: bench.events }).toEqual({ status, events: [reason] });
    expect(bench.inbox.kept).toEqual([]);
    if (mayAsk === undefined) expect(bench.internet.asked).toEqual([]);
    expect(bench.internet.asked.filter((url) => !url.endsWith('.pem'))).toEqual([]);
    if (status === 503) expect(response.headers.get('retry-after')).toBe('1');
  });

  it('a replayed message: it is told so, and nothing is done', async () => {
    for (const [path, body] of [
      ['smn', makeSmnMessage({ message: makeObsEvent('once.txt') })],
      ['sns', makeSnsMessage({ Message: makeS3Event('once.txt') })],
    ] as const) {
      expect((await bench.send(path, body)).status).toBe(200);
      expect((await bench.send(path, body)).status).toBe(200);
    }
    expect(bench.inbox.names).toEqual(['once.txt', 'once.txt']);
    expect(bench.events).toEqual(['smn: repeated', 'sns: repeated']);
  });

  it('shows no token in the log', () => {
    expect(bench.lines.length).toBeGreaterThan(0);
    expect(bench.lines.filter((line) => line.includes(rightToken) || line.includes('eyJ'))).toEqual([]);
  });
});

describe('a receiver takes', () => {
  it.each<[string, string, unknown, (() => Promise<Fields>)?]>([
    ['SMN', 'smn', makeSmnMessage({ message: makeObsEvent('a%2Bb+c.txt'), message_id: '1' })],
    [
      'SMN with a subject',
      'smn',
      makeSmnMessage({ message: makeObsEvent('a%2Bb+c.txt'), message_id: '2', subject: 'OBS\nx' }),
    ],
    [
      'SMN, OBS version 3.0',
      'smn',
      makeSmnMessage({ message: makeObsEvent('a%2Bb+c.txt', 'obs'), message_id: '3' }),
    ],
    [
      'SMN with ECDSA',
      'smn',
      makeSmnMessage(
        { message: makeObsEvent('a%2Bb+c.txt'), message_id: '4', signing_cert_url: otherUrl('ec') },
        ecdsa.key,
      ),
    ],
    [
      'SNS, version 1',
      'sns',
      makeSnsMessage({ Message: makeS3Event('a%2Bb+c.txt'), MessageId: '1', SignatureVersion: '1' }),
    ],
    [
      'SNS, version 2',
      'sns',
      makeSnsMessage({ Message: makeS3Event('a%2Bb+c.txt'), MessageId: '2', Subject: 's' }),
    ],
    ['Event Grid', `event-grid?token=${rightToken}`, [makeBlobEvent('a+b c.txt')]],
    ['Pub/Sub', 'pubsub', makePush('a+b c.txt'), () => bearer()],
    [
      'MinIO',
      'webhook',
      makeS3Event('a%2Bb+c.txt', 'minio:s3'),
      () => Promise.resolve({ authorization: `Bearer ${rightToken}` }),
    ],
    ['Ceph', `webhook?token=${rightToken}`, makeS3Event('a+b c.txt', 'ceph:s3')],
  ])('%s', async (_, path, body, headers) => {
    const response = await bench.send(path, body, await headers?.());
    expect({ status: response.status, events: bench.events }).toEqual({ status: 200, events: [] });
    expect(bench.inbox.names).toEqual(['a+b c.txt']);
  });

  it('Pub/Sub unwrapped, with metadata in headers', async () => {
    const data = { name: 'a+b c.txt', bucket: 'b' };
    const headers = { ...(await bearer()), 'x-goog-pubsub-message-id': '7', eventType: 'OBJECT_FINALIZE' };
    expect((await bench.send('pubsub', data, headers)).status).toBe(200);
    expect(bench.inbox.names).toEqual(['a+b c.txt']);
  });

  it('what it knows of a message, and refuses the rest', async () => {
    const body = [makeBlobEvent('known.txt'), { hello: 'world' }];
    expect((await bench.send(`event-grid?token=${rightToken}`, body)).status).toBe(422);
    expect(bench.inbox.names).toEqual(['known.txt']);
    expect(bench.events).toEqual(['event-grid: content']);
  });

  it('a key that is no name as one bad record', async () => {
    const body = makeS3Event('%zz', 'minio:s3');
    expect((await bench.send(`webhook?token=${rightToken}`, body)).status).toBe(200);
    expect(bench.inbox.names).toEqual(['(invalid)']);
  });
});

describe('a handshake', () => {
  it.each<[string, string, Fields, string]>([
    [
      'SMN',
      'smn',
      makeSmnMessage({
        ...confirmation,
        message: 'm',
        subscribe_url: 'https://console.huaweicloud.com/smn/subscription/confirm?token=1',
      }),
      'https://console.huaweicloud.com/smn/subscription/confirm?token=1',
    ],
    [
      'SNS',
      'sns',
      makeSnsMessage({
        Type: 'SubscriptionConfirmation',
        Message: 'm',
        Token: 't',
        SubscribeURL: 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t',
      }),
      'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t',
    ],
  ])('of %s is confirmed, later if it cannot be now', async (_, path, body, url) => {
    bench.internet.pages.delete(url);
    expect((await bench.send(path, body)).status).toBe(503);
    bench.internet.pages.set(url, 'confirmed');
    expect((await bench.send(path, body)).status).toBe(200);
    expect(bench.internet.asked.filter((asked) => asked === url)).toHaveLength(2);
    expect(bench.inbox.kept).toEqual([]);
    expect(bench.lines.join('')).not.toContain(url);
  });

  it('that ends a subscription does not begin it again', async () => {
    const body = makeSmnMessage({
      type: 'UnsubscribeConfirmation',
      message: 'm',
      subscribe_url: 'https://console.huaweicloud.com/smn/subscription/confirm?token=2',
    });
    expect((await bench.send('smn', body)).status).toBe(200);
    expect(bench.internet.asked).toEqual([]);
    expect(bench.lines.join('\n')).toContain(
      `"event":"unsubscribed","level":"warn","source":"smn","topic":"${smnTopic}"`,
    );
  });

  it('of Event Grid: its own schema', async () => {
    const event = {
      eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent',
      data: { validationCode: 'c0de' },
    };
    const response = await bench.send(`event-grid?token=${rightToken}`, [event]);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ validationResponse: 'c0de' });
  });

  it('of Event Grid: CloudEvents', async () => {
    const ask = (query: string) =>
      fetch(new URL(`/notifications/event-grid${query}`, bench.server.address), {
        method: 'OPTIONS',
        headers: { 'WebHook-Request-Origin': 'eventgrid.azure.net' },
      });
    const response = await ask(`?token=${rightToken}`);
    expect(response.status).toBe(200);
    expect(response.headers.get('webhook-allowed-origin')).toBe('eventgrid.azure.net');
    expect((await ask('')).status).toBe(401);
  });
});
