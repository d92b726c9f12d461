import { createHash, createHmac } from 'node:crypto';

/** A request as AWS Signature Version 4 sees it. */
export interface V4Request {
  readonly method: string;
  /** As encoded in the request line, without the query. */
  readonly path: string;
  /** As in the request line, without the question mark. */
  readonly query: string;
  /** All values of each header, names in lower case. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
}

/** What an `Authorization` header of Version 4 says. */
export interface V4Authorization {
  readonly accessKey: string;
  /** `yyyymmdd`. */
  readonly date: string;
  readonly region: string;
  readonly service: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

const algorithm = 'AWS4-HMAC-SHA256';
const header = new RegExp(
  `^${algorithm} Credential=([^/,]+)/(\\d{8})/([^/,]+)/([^/,]+)/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$`,
);

/** Reads the `Authorization` header; undefined when it is not one of Version 4. */
export function readV4Authorization(authorization: string | undefined): V4Authorization | undefined {
  const [, accessKey, date, region, service, signedHeaders, signature] =
    header.exec(authorization ?? '') ?? [];
  if (
    accessKey === undefined ||
    date === undefined ||
    region === undefined ||
    service === undefined ||
    signedHeaders === undefined ||
    signature === undefined
  ) {
    return undefined;
  }
  return { accessKey, date, region, service, signedHeaders: signedHeaders.split(';'), signature };
}

/**
 * The signature of a request.
 *
 * https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html
 */
export function signV4(
  request: V4Request,
  { date, region, service, signedHeaders }: Omit<V4Authorization, 'accessKey' | 'signature'>,
  secretKey: string,
): string {
  const { method, path, query, headers } = request;
  const canonicalHeaders = signedHeaders.map(
    (name) => `${name}:${(headers[name] ?? []).map((value) => value.trim().replace(/ +/g, ' ')).join(',')}\n`,
  );
  const canonicalRequest = [
    method,
    path,
    canonicalQuery(query),
    canonicalHeaders.join(''),
    signedHeaders.join(';'),
    headers['x-amz-content-sha256']?.[0] ?? '',
  ].join('\n');
  const scope = `${date}/${region}/${service}/aws4_request`;
  const time = headers['x-amz-date']?.[0] ?? '';
  const stringToSign = [algorithm, time, scope, sha256(canonicalRequest)].join('\n');
  const signingKey = [date, region, service, 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${secretKey}`),
  );
  return hmac(signingKey, stringToSign).toString('hex');
}

/** `yyyymmddThhmmssZ` in milliseconds, NaN for anything else. */
export function parseV4Time(time: string): number {
  return Date.parse(time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'));
}

export function sha256(data: string | Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}

function canonicalQuery(query: string): string {
  const pairs = query.split('&').filter((pair) => pair !== '');
  const split = pairs.map((pair): [string, string] => {
    const [name = '', value = ''] = pair.split('=', 2);
    return [name, value];
  });
  // By name, then by value: sorted whole, `a-b=` would come before `a=`.
  const sorted = split.sort(([a, x], [b, y]) => (a === b ? (x < y ? -1 : 1) : a < b ? -1 : 1));
  return sorted.map((pair) => pair.join('=')).join('&');
}

function hmac(key: Buffer, data: string): Buffer {
  return createHmac('sha256', key).update(data).digest();
}
