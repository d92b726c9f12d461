import { createHmac } from 'node:crypto';
import { testKeys } from '@oms-sync/testing';
import { describe, expect, test } from 'vitest';
import { findSignatureFault, type Keys, type SignedRequest } from './signature.ts';
import { sha256, signHeaders } from './client.test-help.ts';

const keys: Keys = { accessKey: testKeys.accessKey, secretKey: testKeys.secretKey };
const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const date = '20260102T030405Z';
const path = '/v2/project/sync-tasks/task/events';

function lowerCase(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

/** A request signed by the plain official signer. */
function signedRequest(
  extra: {
    headers?: Record<string, string>;
    query?: string;
    data?: unknown;
    signer?: { accessKey: string; secretKey: string };
  } = {},
): SignedRequest {
  const { query = '', data } = extra;
  const headers = signHeaders(
    {
      method: 'POST',
      endpoint: `http://127.0.0.1:8080${path}`,
      queryParams: Object.fromEntries(new URLSearchParams(query)),
      headers: { 'Content-Type': 'application/json', 'X-Sdk-Date': date, ...extra.headers },
      data,
    },
    extra.signer ?? testKeys,
  );
  return {
    method: 'POST',
    url: query === '' ? path : `${path}?${query}`,
    headers: lowerCase(headers),
    body: Buffer.from(data === undefined ? '' : JSON.stringify(data)),
  };
}

/** A request signed by hand, after the published description, for what the official signer cannot be asked for. */
function handSigned(names: string, headers: Record<string, string>, body: string): SignedRequest {
  const canonicalHeaders = names.split(';').map((name) => `${name}:${headers[name]}\n`);
  const canonical = ['POST', `${path}/`, '', canonicalHeaders.join(''), names, sha256(body)].join('\n');
  const toSign = ['SDK-HMAC-SHA256', headers['x-sdk-date'], sha256(canonical)].join('\n');
  const signature = createHmac('sha256', testKeys.secretKey).update(toSign).digest('hex');
  const authorization = `SDK-HMAC-SHA256 Access=${testKeys.accessKey}, SignedHeaders=${names}, Signature=${signature}`;
  return { method: 'POST', url: path, headers: { ...headers, authorization }, body: Buffer.from(body) };
}

describe('a request that is signed as it must be', () => {
  test.each([
    ['without a body', {}],
    ['with a body', { data: { object_keys: ['a%2Fb', 'é'] } }],
    ['with a query', { query: 'limit=1&status=%E4%B8%80+%28x%29&__proto__=1' }],
    ['without a signature over its body', { headers: { 'X-Sdk-Content-Sha256': 'UNSIGNED-PAYLOAD' } }],
  ])('%s', (_, extra) => {
    expect(findSignatureFault(signedRequest(extra), keys, now)).toBeUndefined();
  });

  test('counts with the exact bytes of its body', () => {
    const headers = { host: 'oms', 'x-sdk-date': date };
    const request = handSigned('host;x-sdk-date', headers, '{ "b" : 1,\n "a": 2 }\n');
    expect(findSignatureFault(request, keys, now)).toBeUndefined();
    const changed = { ...request, body: Buffer.from('{"b":1,"a":2}') };
    expect(findSignatureFault(changed, keys, now)).toBe('the signature does not match');
  });

  test('carries the token of temporary keys, signed', () => {
    const temporary = { ...keys, securityToken: testKeys.securityToken };
    const withToken = { 'X-Security-Token': testKeys.securityToken };
    expect(findSignatureFault(signedRequest({ headers: withToken }), temporary, now)).toBeUndefined();
    expect(findSignatureFault(signedRequest(), temporary, now)).toMatch('need the header X-Security-Token');
    const other = signedRequest({ headers: { 'X-Security-Token': 'other' } });
    expect(findSignatureFault(other, temporary, now)).toBe('the security token is wrong');
    const plain = signedRequest();
    const added = { ...plain, headers: { ...plain.headers, 'x-security-token': testKeys.securityToken } };
    expect(findSignatureFault(added, temporary, now)).toMatch('x-security-token is not among the signed');
  });
});

describe('a request that is refused', () => {
  const good = signedRequest({ data: { object_keys: ['a'] } });
  const withHeader = (name: string, value: string | undefined) => ({
    ...good,
    headers: { ...good.headers, [name]: value },
  });
  const authorization = String(good.headers.authorization);

  test.each([
    ['no Authorization', withHeader('authorization', undefined), 'no Authorization header'],
    ['another scheme', withHeader('authorization', 'Bearer x'), 'not of the form'],
    ['another access key', signedRequest({ signer: { ...testKeys, accessKey: 'OTHER' } }), 'access key'],
    ['another secret key', signedRequest({ signer: { ...testKeys, secretKey: 'other' } }), 'not match'],
    ['another body', { ...good, body: Buffer.from('{}') }, 'does not match'],
    ['another path', { ...good, url: `${path}x` }, 'does not match'],
    ['another query', { ...good, url: `${path}?a=1` }, 'does not match'],
    ['another method', { ...good, method: 'GET' }, 'does not match'],
    ['another host', withHeader('host', 'other'), 'does not match'],
    ['host not signed', withHeader('authorization', authorization.replace('host;', '')), 'host is not among'],
    [
      'date not signed',
      withHeader('authorization', authorization.replace(';x-sdk-date', '')),
      'x-sdk-date is not among',
    ],
    ['a signed header missing', withHeader('content-type', undefined), 'is not in the request'],
    [
      'a wrong body hash',
      signedRequest({ headers: { 'X-Sdk-Content-Sha256': sha256('x') } }),
      'hash of the body',
    ],
    ['a date of another form', withHeader('x-sdk-date', '2026-01-02T03:04:05Z'), 'not of the form YYYY'],
    ['a date that is none', withHeader('x-sdk-date', '20269902T030405Z'), 'not of the form YYYY'],
  ])('%s', (_, request, reason) => {
    const found = findSignatureFault(request, keys, now);
    expect(found).toMatch(reason);
    for (const key of [...Object.values(testKeys), 'OTHER']) expect(found?.includes(key)).toBe(false);
  });

  test.each([-1, 1])('a clock over 15 minutes away (%i)', (direction) => {
    const quarter = 15 * 60 * 1000 * direction;
    expect(findSignatureFault(good, keys, now + quarter)).toBeUndefined();
    expect(findSignatureFault(good, keys, now + quarter + direction)).toMatch('more than 15 minutes');
  });
});
