import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { makeCertificate, signSmnMessage, signSnsMessage, type Fields } from '@oms-sync/testing';
import { SignJWT, exportJWK } from 'jose';

export { smnCertificateUrl, smnTopic, snsCertificateUrl, snsTopic, type Fields } from '@oms-sync/testing';

/** The certificates by which SMN and SNS sign in the tests. */
export const rsa = makeCertificate({ algorithm: 'sha256-with-rsa' });

export const makeSmnMessage = (given: Fields, key = rsa.key): Fields => signSmnMessage(given, key);
export const makeSnsMessage = (given: Fields, key = rsa.key): Fields => signSnsMessage(given, key);

/** Google, as far as its tokens go. */
export interface Google {
  readonly keysUrl: URL;
  makeToken(claims?: Readonly<Record<string, unknown>>, key?: KeyObject): Promise<string>;
  /** By HS256, with what everybody knows for the secret: a verifier that lets the token choose takes it. */
  makeTokenWithSecret(): Promise<string>;
  close(): void;
}

export const pushAudience = 'https://sync.example.com/notifications/pubsub';
export const pushAccount = 'push@project.iam.gserviceaccount.com';

function makeClaims() {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: 'https://accounts.google.com',
    aud: pushAudience,
    email: pushAccount,
    email_verified: true,
    iat: now,
    exp: now + 3600,
  };
}

export async function startGoogle(): Promise<Google> {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const keys = { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'RS256', use: 'sig' }] };
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(keys));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a server that listens on a port
  const { port } = server.address() as AddressInfo;
  return {
    keysUrl: new URL(`http://127.0.0.1:${port}/certs`),
    makeToken: (claims = {}, key = privateKey) =>
      new SignJWT({ ...makeClaims(), ...claims }).setProtectedHeader({ alg: 'RS256', kid: 'k1' }).sign(key),
    makeTokenWithSecret: () =>
      new SignJWT(makeClaims())
        .setProtectedHeader({ alg: 'HS256', kid: 'k1' })
        .sign(Buffer.from(publicKey.export({ type: 'spki', format: 'pem' }))),
    close: () => server.close(),
  };
}

/** A notification of OBS about an object, as SMN carries it (version 2.0), or version 3.0. */
export function makeObsEvent(key: string, part: 'obs' | 's3' = 's3'): string {
  const record = { eventName: 'ObjectCreated:Put', [part]: { bucket: { name: 'b' }, object: { key } } };
  return JSON.stringify({ Records: [record] });
}

/** A notification of S3 about an object. */
export function makeS3Event(key: string, eventSource = 'aws:s3'): string {
  const record = {
    eventVersion: '2.1',
    eventSource,
    eventName: 'ObjectCreated:Put',
    s3: { bucket: { name: 'b' }, object: { key } },
  };
  return JSON.stringify({ Records: [record] });
}

/** A push of Pub/Sub about an object. */
export function makePush(name: string, messageId = '1'): unknown {
  const attributes = { eventType: 'OBJECT_FINALIZE', bucketId: 'b', objectId: name, payloadFormat: 'NONE' };
  return { message: { attributes, messageId }, subscription: 'projects/p/subscriptions/s' };
}

/** An event of Azure about a blob. */
export function makeBlobEvent(name: string): unknown {
  return {
    topic: '/subscriptions/x/resourceGroups/r/providers/Microsoft.Storage/storageAccounts/a',
    subject: `/blobServices/default/containers/c/blobs/${name}`,
    eventType: 'Microsoft.Storage.BlobCreated',
    id: '1',
    data: { api: 'PutBlob' },
  };
}
