import type { IncomingHttpHeaders } from 'node:http';
import { Refusal } from './refusal.ts';
import { isSame, schemes, sign, type SignedRequest } from './signature.ts';

/** Whom the stand-in lets in. */
export interface Access {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly securityToken?: string;
}

/** How far the clocks may be apart. */
const maxSkewMs = 15 * 60 * 1000;

/**
 * Lets a request pass that is signed with the right keys, now.
 *
 * @throws {Refusal} otherwise.
 */
export function checkAccess(
  request: SignedRequest & { readonly authorization: IncomingHttpHeaders['authorization'] },
  access: Access,
  now: number,
): void {
  const [, name, accessKey, signature] = /^(\w+) ([^:]+):(.+)$/.exec(request.authorization ?? '') ?? [];
  const scheme = schemes.find((known) => known.name === name);
  if (scheme === undefined || accessKey === undefined || signature === undefined) {
    throw new Refusal(403, 'AccessDenied', 'This request has no header signature, AWS V2 or OBS.');
  }
  if (!isSame(accessKey, access.accessKey)) {
    throw new Refusal(403, 'InvalidAccessKeyId', 'The access key ID does not exist.');
  }
  const date =
    request.headers[`${scheme.headerPrefix}date`]?.[0] ?? request.headers.date?.[0] ?? 'no date at all';
  const skew = Math.abs(Date.parse(date) - now);
  if (Number.isNaN(skew)) throw new Refusal(403, 'AccessDenied', 'This request has no valid date.');
  if (skew > maxSkewMs) {
    throw new Refusal(403, 'RequestTimeTooSkewed', "The request's time and the server's are too far apart.");
  }
  if (!isSame(signature, sign(request, scheme, access.secretKey))) {
    throw new Refusal(403, 'SignatureDoesNotMatch', 'The signature is not what the server calculated.');
  }
  const token = request.headers[`${scheme.headerPrefix}security-token`]?.[0];
  if (!isSame(token ?? '', access.securityToken ?? '')) {
    throw new Refusal(403, 'InvalidSecurity', 'The security token is not the one of these keys.');
  }
}
