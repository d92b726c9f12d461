import { Refusal } from './refusal.ts';
import { isSame, schemes, sign, type SignedRequest } from './signature.ts';
import { parseV4Time, readV4Authorization, sha256, signV4, type V4Authorization } from './signature-v4.ts';

/** Whom the stand-in lets in. */
export interface Access {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken?: string;
}

/** A request as the check of its signature sees it. */
export interface AccessRequest extends SignedRequest {
  /** As in the request line: encoded, without and with the query. */
  readonly path: string;
  readonly query: string;
  readonly body: Uint8Array;
}

/** How far the clocks may be apart. */
const maxSkewMs = 15 * 60 * 1000;

/**
 * Lets a request pass that is signed with the right keys, now.
 *
 * @throws {Refusal} otherwise.
 */
export function checkAccess(request: AccessRequest, access: Access, now: number): void {
  const authorization = request.headers.authorization?.[0];
  const v4 = readV4Authorization(authorization);
  if (v4 !== undefined) return checkV4(request, v4, access, now);

  const [, name, accessKey, signature] = /^(\w+) ([^:]+):(.+)$/.exec(authorization ?? '') ?? [];
  const scheme = schemes.find((known) => known.name === name);
  if (scheme === undefined || accessKey === undefined || signature === undefined) {
    throw new Refusal(403, 'AccessDenied', 'This request has no header signature, AWS V2, V4 or OBS.');
  }
  checkAccessKey(accessKey, access);
  const date = request.headers[`${scheme.headerPrefix}date`]?.[0] ?? request.headers.date?.[0] ?? '';
  checkTime(Date.parse(date), now);
  checkSignature(signature, sign(request, scheme, access.secretKey));
  checkToken(request.headers[`${scheme.headerPrefix}security-token`]?.[0], access, 'InvalidSecurity');
}

function checkV4(request: AccessRequest, authorization: V4Authorization, access: Access, now: number): void {
  const { headers, body } = request;
  checkAccessKey(authorization.accessKey, access);
  const time = headers['x-amz-date']?.[0] ?? '';
  checkTime(parseV4Time(time), now);
  const unsigned = Object.keys(headers).find(
    (name) => (name === 'host' || name.startsWith('x-amz-')) && !authorization.signedHeaders.includes(name),
  );
  if (unsigned !== undefined || !time.startsWith(authorization.date) || authorization.service !== 's3') {
    throw new Refusal(403, 'AccessDenied', `The signature does not cover all that it has to: ${unsigned}.`);
  }
  checkSignature(authorization.signature, signV4(request, authorization, access.secretKey));
  if (headers['x-amz-content-sha256']?.[0] !== sha256(body)) {
    throw new Refusal(400, 'XAmzContentSHA256Mismatch', 'The body is not the one that was signed.');
  }
  checkToken(headers['x-amz-security-token']?.[0], access, 'InvalidToken');
}

function checkAccessKey(accessKey: string, access: Access): void {
  if (isSame(accessKey, access.accessKey)) return;
  throw new Refusal(403, 'InvalidAccessKeyId', 'The access key ID does not exist.');
}

function checkTime(time: number, now: number): void {
  const skew = Math.abs(time - now);
  if (Number.isNaN(skew)) throw new Refusal(403, 'AccessDenied', 'This request has no valid date.');
  if (skew > maxSkewMs) {
    throw new Refusal(403, 'RequestTimeTooSkewed', "The request's time and the server's are too far apart.");
  }
}

function checkSignature(signature: string, expected: string): void {
  if (isSame(signature, expected)) return;
  throw new Refusal(403, 'SignatureDoesNotMatch', 'The signature is not what the server calculated.');
}

function checkToken(token: string | undefined, access: Access, code: string): void {
  if (isSame(token ?? '', access.securityToken ?? '')) return;
  throw new Refusal(403, code, 'The security token is not the one of these keys.');
}
