import { createHmac, timingSafeEqual } from 'node:crypto';

/** A request as its signature sees it. */
export interface SignedRequest {
  readonly method: string;
  /** All values of each header, names in lower case. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  /** `/bucket/key`, as encoded in the request line, with the bucket in front also where the host names it. */
  readonly resource: string;
}

/** The two header signatures that are alike but for their names. */
export interface Scheme {
  /** In front of the signature in the `Authorization` header. */
  readonly name: 'AWS' | 'OBS';
  /** Of the headers that are signed. */
  readonly headerPrefix: 'x-amz-' | 'x-obs-';
}

export const schemes: readonly Scheme[] = [
  { name: 'AWS', headerPrefix: 'x-amz-' },
  { name: 'OBS', headerPrefix: 'x-obs-' },
];

/**
 * What is signed. Queries of a listing are not in it, and others the stand-in does not have.
 *
 * AWS: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html (Signature Version 2).
 * OBS: https://support.huaweicloud.com/intl/en-us/api-obs/obs_04_0010.html (signature in a header).
 */
export function stringToSign({ method, headers, resource }: SignedRequest, { headerPrefix }: Scheme): string {
  const first = (name: string) => headers[name]?.[0] ?? '';
  const signedHeaders = Object.keys(headers)
    .filter((name) => name.startsWith(headerPrefix))
    .sort()
    .map((name) => `${name}:${(headers[name] ?? []).map(unfold).join(',')}\n`);
  const date = headers[`${headerPrefix}date`] === undefined ? first('date') : '';
  const lines = [method, first('content-md5'), first('content-type'), date].join('\n');
  return `${lines}\n${signedHeaders.join('')}${resource}`;
}

/** The signature of a request. */
export function sign(request: SignedRequest, scheme: Scheme, secretKey: string): string {
  return createHmac('sha1', secretKey).update(stringToSign(request, scheme)).digest('base64');
}

/** Are the two the same? Takes the same time either way. */
export function isSame(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}

function unfold(value: string): string {
  return value.replace(/\s*\r?\n\s+/g, ' ').trim();
}
