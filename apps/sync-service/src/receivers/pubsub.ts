import { matching, type Clock, type Setting, type SettingProblem, type ValuesOf } from '@oms-sync/core';
import { getMember, getText, translateGcs } from '@oms-sync/storage-events';
import { createRemoteJWKSet, errors, jwtVerify, type JWTVerifyGetKey } from 'jose';
import { readJson, translate } from './content.ts';
import { getHeader, Refusal, type Receiver, type RequestHead } from './receiver.ts';
import { readBearer } from './token.ts';

export const pubsubSettings = {
  pubsub_audience: {
    meaning: 'audience of the tokens that Pub/Sub sends with a push, as the subscription has it',
    parse: matching(/^\S+$/, 'a text without spaces'),
  },
  pubsub_service_account: {
    meaning: 'e-mail address of the service account that the subscription signs pushes as',
    parse: matching(/^[^\s@]+@[^\s@]+$/, 'the e-mail address of a service account'),
  },
} as const satisfies Record<string, Setting<unknown>>;

type Values = ValuesOf<typeof pubsubSettings>;

/** Google's public keys. Source: OpenID Connect discovery document of accounts.google.com. */
export const googleKeysUrl = new URL('https://www.googleapis.com/oauth2/v3/certs');
const issuers = ['https://accounts.google.com', 'accounts.google.com'];

/** Pushes of Google Cloud Pub/Sub, wrapped (the default) and unwrapped with metadata. */
export function openPubsub(
  { pubsub_audience: audience, pubsub_service_account: account }: Values,
  options: { readonly clock: Clock; readonly googleKeysUrl: URL },
): Receiver | undefined {
  if (audience === undefined || account === undefined) return undefined;
  const keys = createRemoteJWKSet(options.googleKeysUrl, { timeoutDuration: 3000 });
  return {
    name: 'pubsub',
    maxBytes: 2 * 1024 * 1024, // A notification of Cloud Storage has some kilobytes.
    admit: (head) => checkIdentity(head, { audience, account, keys, now: new Date(options.clock.now()) }),
    receive: (head, body) => {
      const push = wrap(head, readJson(body));
      return {
        kind: 'message',
        messageId: readMessageId(push),
        records: translate(() => translateGcs(push)),
      };
    },
  };
}

/** The two settings are of use together only. */
export function* findPubsubContradictions(
  values: Partial<Values>,
): Generator<SettingProblem, void, undefined> {
  const { pubsub_audience: audience, pubsub_service_account: account } = values;
  if ((audience === undefined) === (account === undefined)) return;
  yield {
    setting: audience === undefined ? 'pubsub_audience' : 'pubsub_service_account',
    expected: 'both settings of the push subscription',
    found: 'nothing',
  };
}

/**
 * Checks the token of a push: Google signed it, for us, in the name of this account, and it has not expired.
 * Source: Pub/Sub, authentication for push subscriptions.
 */
async function checkIdentity(
  head: RequestHead,
  expected: {
    readonly audience: string;
    readonly account: string;
    readonly keys: JWTVerifyGetKey;
    readonly now: Date;
  },
): Promise<void> {
  const token = readBearer(head);
  if (token === undefined) {
    throw new Refusal('sender', 'expected a token of Google, found none: enable authentication of the push');
  }
  const { payload } = await verifyToken(token, expected);
  if (payload['email'] !== expected.account || payload['email_verified'] !== true) {
    throw new Refusal('sender', 'the token is of another account than pubsub_service_account');
  }
}

async function verifyToken(
  token: string,
  { audience, keys, now }: { readonly audience: string; readonly keys: JWTVerifyGetKey; readonly now: Date },
) {
  try {
    return await jwtVerify(token, keys, {
      issuer: issuers,
      audience,
      algorithms: ['RS256'],
      requiredClaims: ['exp', 'iat'],
      clockTolerance: 60,
      currentDate: now,
    });
  } catch (error) {
    if (!isFaultOfToken(error)) {
      throw new Refusal('unavailable', 'the keys of Google cannot be had', { cause: error });
    }
    throw new Refusal('sender', `the token is wrong: ${error.message}`, { cause: error });
  }
}

/** Anything else is about getting the keys. */
function isFaultOfToken(error: unknown): error is Error {
  return [
    errors.JWTClaimValidationFailed,
    errors.JWTExpired,
    errors.JWTInvalid,
    errors.JWSInvalid,
    errors.JWSSignatureVerificationFailed,
    errors.JOSEAlgNotAllowed,
    errors.JOSENotSupported,
    errors.JWKSNoMatchingKey,
    errors.JWKSMultipleMatchingKeys,
  ].some((kind) => error instanceof kind);
}

/**
 * A push as it is with its wrapper. Without it the body is the data, and with "write metadata" headers have the rest:
 * what Pub/Sub says of the message, and its attributes. The name is read from the data alone, since a header cannot
 * hold each one. Source: Pub/Sub, payload unwrapping.
 */
function wrap(head: RequestHead, body: unknown): unknown {
  const messageId = getHeader(head, 'x-goog-pubsub-message-id');
  if (messageId === undefined || getMember(body, 'message') !== undefined) return body;
  return {
    message: {
      messageId,
      publishTime: getHeader(head, 'x-goog-pubsub-publish-time'),
      attributes: {
        eventType: getHeader(head, 'eventtype'),
        bucketId: getHeader(head, 'bucketid'),
        eventTime: getHeader(head, 'eventtime'),
      },
      data: Buffer.from(JSON.stringify(body)).toString('base64'),
    },
    subscription: getHeader(head, 'x-goog-pubsub-subscription-name'),
  };
}

/** Ids are unique within a topic. */
function readMessageId(push: unknown): string | undefined {
  const id = getText(push, 'message', 'messageId');
  return id === undefined ? undefined : `${getText(push, 'subscription') ?? ''}/${id}`;
}
