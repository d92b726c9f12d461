import { readFileSync } from 'node:fs';
import { AKSKSigner } from '@huaweicloud/huaweicloud-sdk-core/auth/AKSKSigner.js';
import { BasicCredentials } from '@huaweicloud/huaweicloud-sdk-core/auth/BasicCredentials.js';
import { anyCharacter, testKeys } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { signRequest } from './sdk-hmac-sha256.ts';
import { Secret } from './secret.ts';

interface Vector {
  readonly name: string;
  readonly ak: string;
  readonly sk: string;
  readonly method: string;
  readonly path: string;
  readonly query: readonly [string, string][];
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly authorization: string;
}

const vectors = JSON.parse(
  readFileSync(new URL('../fixtures/sdk-hmac-sha256-vectors.json', import.meta.url), 'utf8'),
) as readonly Vector[];

function credentials(ak: string, sk: string, token?: string) {
  return {
    accessKey: new Secret(ak),
    secretKey: new Secret(sk),
    securityToken: token === undefined ? undefined : new Secret(token),
  };
}

/** `20200608T023900Z` as milliseconds since 1970. */
function parseSdkDate(text: string): number {
  return Date.parse(text.replace(/^(....)(..)(..T..)(..)(..Z)$/, '$1-$2-$3:$4:$5'));
}

describe('signRequest', () => {
  it.each(vectors)(
    'gives the authorization of $name',
    ({ ak, sk, method, path, query, headers, body, authorization }) => {
      const { 'X-Sdk-Date': date = '', ...others } = headers;
      const url = new URL(path, 'https://service.endpoint.myhuaweicloud.com');
      for (const [name, value] of query) url.searchParams.append(name, value);
      const lowerCase = Object.fromEntries(
        Object.entries(others).map(([name, value]) => [name.toLowerCase(), value]),
      );
      const signed = signRequest(
        { method, url, headers: lowerCase, body },
        credentials(ak, sk),
        parseSdkDate(date),
      );
      expect(signed['authorization']).toBe(authorization);
    },
  );

  /** The headers of a request that is signed. */
  function sign(path: string, headers: Record<string, string> = {}, token?: string) {
    const url = new URL(path, 'https://oms.example.com');
    const request = { method: 'POST', url, headers: { host: url.host, ...headers }, body: '' };
    return signRequest(request, credentials('a', 's', token), Date.parse('2026-01-02T03:04:05.678Z'));
  }

  it('sends the date, and the token of temporary keys, and signs both', () => {
    expect(sign('/')).toEqual({
      host: 'oms.example.com',
      'x-sdk-date': '20260102T030405Z',
      authorization: expect.stringMatching(
        /^SDK-HMAC-SHA256 Access=a, SignedHeaders=host;x-sdk-date, Signature=[\da-f]{64}$/,
      ) as unknown,
    });
    expect(sign('/', {}, 't')).toEqual({
      host: 'oms.example.com',
      'x-sdk-date': '20260102T030405Z',
      'x-security-token': 't',
      authorization: expect.stringContaining('SignedHeaders=host;x-sdk-date;x-security-token,') as unknown,
    });
  });

  it.each([
    ['the order of the query', '/a?b=2&a=1&b=1&aa=0', '/a?aa=0&a=1&b=1&b=2'],
    ['a slash at the end', '/a/b', '/a/b/'],
  ])('makes nothing of %s', (_, one, other) => {
    expect(sign(one)).toEqual(sign(other));
  });

  it('makes nothing of space around a header', () => {
    expect(sign('/', { x: ' 1 ' })['authorization']).toBe(sign('/', { x: '1' })['authorization']);
  });

  it.each([
    ['/a?b=1&c=2', '/a?b=2&c=1'],
    ['/a?b=1', '/a?b=1&b=1'],
    ['/a/b', '/a%2Fb'],
  ])('tells %s from %s', (one, other) => {
    expect(sign(one)).not.toEqual(sign(other));
  });

  it('agrees with the signer of the official SDK on 10,000 random requests', { timeout: 120_000 }, () => {
    const segment = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_.~'), minLength: 1, maxLength: 12 });
    const key = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 });
    const request = fc.record({
      method: fc.constantFrom('GET', 'POST', 'DELETE'),
      path: fc.array(segment, { minLength: 1, maxLength: 5 }),
      query: fc.dictionary(segment, fc.string({ unit: anyCharacter, maxLength: 10 }), { maxKeys: 3 }),
      data: fc.option(
        fc.dictionary(fc.string(), fc.string({ unit: anyCharacter }), { minKeys: 1, maxKeys: 3 }),
      ),
      secretKey: key,
      token: fc.option(segment, { nil: undefined }),
      now: fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true }),
    });
    fc.assert(
      fc.property(request, ({ method, path, query, data, secretKey, token, now }) => {
        const url = new URL(`https://oms.cn-north-4.myhuaweicloud.com/${path.join('/')}`);
        for (const [name, value] of Object.entries(query)) url.searchParams.append(name, value);
        const headers = { host: url.host, 'content-type': 'application/json' };
        const body = data === null ? '' : JSON.stringify(data);
        const keys = credentials(testKeys.accessKey, secretKey, token);
        const ours = signRequest({ method, url, headers, body }, keys, now.getTime());
        const theirs = AKSKSigner.sign(
          {
            method,
            endpoint: url.href,
            queryParams: { ...query },
            data: data ?? undefined,
            headers: {
              'content-type': headers['content-type'],
              'X-Sdk-Date': ours['x-sdk-date'],
              ...(token !== undefined && { 'x-security-token': token }),
            },
          },
          new BasicCredentials().withAk(testKeys.accessKey).withSk(secretKey),
        );
        expect(theirs).toHaveProperty('Authorization', ours['authorization']);
      }),
      { numRuns: 10_000 },
    );
  });
});
