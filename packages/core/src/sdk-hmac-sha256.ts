import { createHash, createHmac } from 'node:crypto';
import { percentEncode } from './object-name.ts';
import type { Credentials } from './settings.ts';

/** A request as it goes out. The body is signed and sent as exactly these bytes. */
export interface RequestToSign {
  readonly method: string;
  readonly url: URL;
  /** Headers to send and to sign, `host` among them; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/**
 * Signs a request with SDK-HMAC-SHA256.
 * Source: the signers of the official SDKs, huaweicloud-sdk-{nodejs,python,go}-v3.
 *
 * @returns the headers, with the date, the security token of temporary keys and the authorization.
 */
export function signRequest(
  request: RequestToSign,
  credentials: Credentials,
  now: number,
): Record<string, string> {
  const headers: Record<string, string> = {
    ...request.headers,
    'x-sdk-date': formatSdkDate(now),
    ...(credentials.securityToken && { 'x-security-token': credentials.securityToken.reveal() }),
  };
  const signedNames = Object.keys(headers).sort();
  const signedHeaders = signedNames.join(';');
  const canonicalRequest = [
    request.method,
    canonicalPath(request.url.pathname),
    canonicalQuery(request.url.searchParams),
    ...signedNames.map((name) => `${name}:${headers[name]?.trim()}`),
    '',
    signedHeaders,
    sha256(request.body),
  ].join('\n');
  const stringToSign = ['SDK-HMAC-SHA256', headers['x-sdk-date'], sha256(canonicalRequest)].join('\n');
  const signature = createHmac('sha256', credentials.secretKey.reveal()).update(stringToSign).digest('hex');
  headers['authorization'] =
    `SDK-HMAC-SHA256 Access=${credentials.accessKey.reveal()}, SignedHeaders=${signedHeaders}, Signature=${signature}`;
  return headers;
}

/** `20200608T023900Z`; the gateway refuses what is more than 15 minutes off. */
function formatSdkDate(now: number): string {
  return new Date(now).toISOString().replace(/[-:]|\.\d{3}/g, '');
}

/** Each part encoded, and a slash at the end: in the canonical form only, not on the wire. */
function canonicalPath(pathname: string): string {
  const path = pathname.split('/').map(percentEncode).join('/');
  return path.endsWith('/') ? path : `${path}/`;
}

function canonicalQuery(query: URLSearchParams): string {
  return [...query]
    .sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB))
    .map(([name, value]) => `${percentEncode(name)}=${percentEncode(value)}`)
    .join('&');
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
