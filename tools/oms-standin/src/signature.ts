import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { AKSKSigner } from '@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js';
import type { ICredential } from '@huaweicloud/huaweicloud-sdk-core/auth/ICredential.js';
import type { IHttpRequest } from '@huaweicloud/huaweicloud-sdk-core/http/IHttpRequest.js';

/** The keys that a request must be signed with. */
export interface Keys {
  readonly accessKey: string;
  readonly secretKey: string;
  /** There for temporary keys: requests must then carry it in `X-Security-Token`. */
  readonly securityToken?: string | undefined;
}

/** A request as it came, before anything made sense of it. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query as on the wire. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** The gateway refuses an `X-Sdk-Date` that is further away, either way. */
const maxClockDifferenceMs = 15 * 60 * 1000;
const unsignedPayload = 'UNSIGNED-PAYLOAD';
const authorizationForm =
  /^SDK-HMAC-SHA256 Access=(?<accessKey>[^,\s]+), ?SignedHeaders=(?<names>[^,\s]+), ?Signature=(?<signature>[0-9a-f]{64})$/;

/**
 * The official signer of Huawei's SDK for Node.js, but for the hash of the body. The original hashes
 * `JSON.stringify(data)`, which has lost the spaces and the order in which the client wrote its JSON. What counts is
 * the bytes that came: `data` is their hash.
 */
class ExactBytesSigner extends AKSKSigner {
  protected static override buildPayloadHash(request: IHttpRequest): string {
    return String(request.data);
  }
}

/**
 * Why a request is refused, or undefined when it is signed as it must be. The words hold nothing of the request:
 * they go back to the client and into the log.
 */
export function findSignatureFault(request: SignedRequest, keys: Keys, now: number): string | undefined {
  const { authorization, 'x-security-token': token } = request.headers;
  if (authorization === undefined) return 'the request has no Authorization header';
  const { accessKey, names, signature } = authorizationForm.exec(authorization)?.groups ?? {};
  if (accessKey === undefined || names === undefined || signature === undefined) {
    return 'Authorization is not of the form SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…';
  }
  const signedNames = names.toLowerCase().split(';');
  const needed = ['host', 'x-sdk-date'];
  if (keys.securityToken !== undefined) {
    if (typeof token !== 'string') return 'temporary keys need the header X-Security-Token';
    needed.push('x-security-token');
  }
  const unsigned = needed.find((name) => !signedNames.includes(name));
  if (unsigned !== undefined) return `the header ${unsigned} is not among the signed headers`;
  if (signedNames.some((name) => typeof request.headers[name] !== 'string')) {
    return 'a header among the signed headers is not in the request';
  }
  const dateFault = findDateFault(String(request.headers['x-sdk-date']), now);
  if (dateFault !== undefined) return dateFault;
  if (!areEqual(accessKey, keys.accessKey)) return 'the access key is unknown';
  if (keys.securityToken !== undefined && !areEqual(String(token), keys.securityToken)) {
    return 'the security token is wrong';
  }
  const bodyHash = sha256(request.body);
  const statedHash = signedNames.includes('x-sdk-content-sha256')
    ? String(request.headers['x-sdk-content-sha256'])
    : bodyHash;
  if (statedHash !== bodyHash && statedHash !== unsignedPayload) {
    return 'X-Sdk-Content-Sha256 is not the hash of the body';
  }
  const expected = sign(request, signedNames, statedHash, keys);
  return areEqual(signature, expected) ? undefined : 'the signature does not match';
}

function findDateFault(date: string, now: number): string | undefined {
  const parts = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(date)?.slice(1) ?? [];
  const [year, month, day, hour, minute, second] = parts;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time)) return 'X-Sdk-Date is not of the form YYYYMMDDTHHMMSSZ';
  return Math.abs(now - time) > maxClockDifferenceMs
    ? 'X-Sdk-Date differs from the time here by more than 15 minutes'
    : undefined;
}

/** The signature that the request should have. The signer signs all headers it is given, so it gets the named ones. */
function sign(request: SignedRequest, signedNames: readonly string[], bodyHash: string, keys: Keys): string {
  const headers: Record<string, string> = {};
  for (const name of signedNames) {
    // The signer finds the date under this spelling only.
    headers[name === 'x-sdk-date' ? 'X-Sdk-Date' : name] = String(request.headers[name]);
  }
  const [path = '', query = ''] = request.url.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  const queryParams = Object.fromEntries(
    [...parameters.keys()].map((name) => [name, parameters.getAll(name)]),
  );
  // The host of this address plays no part: the signer takes that of the header.
  const endpoint = `http://oms-standin${path}`;
  const credential: ICredential = {
    getAk: () => keys.accessKey,
    getSk: () => keys.secretKey,
    processAuthRequest: refuseTokens,
    processAuthParams: refuseTokens,
  };
  const signed: { Authorization?: unknown } = ExactBytesSigner.sign(
    { method: request.method, endpoint, queryParams, headers, data: bodyHash },
    credential,
  );
  return authorizationForm.exec(String(signed.Authorization))?.groups?.['signature'] ?? '';
}

/** The rest of the SDK's credential is for fetching tokens, which a signer does not do. */
function refuseTokens(): Promise<never> {
  return Promise.reject(new Error('These keys are for signing only'));
}

/** Compares in a time that says nothing about where the texts differ, nor how long they are. */
function areEqual(a: string, b: string): boolean {
  return timingSafeEqual(Buffer.from(sha256(a)), Buffer.from(sha256(b)));
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
