import { describe, expect, it } from 'vitest';
import { testKeys } from '@oms-sync/testing';
import { checkAccess, type AccessRequest } from './access.ts';
import { Refusal } from './refusal.ts';
import { sha256, signV4 } from './signature-v4.ts';

const now = Date.UTC(2026, 0, 2, 3, 4, 5);
const scope = { date: '20260102', region: 'eu-central-1', service: 's3' };

interface Changes {
  readonly headers?: Record<string, string[]>;
  readonly signedHeaders?: string[];
  readonly scope?: Partial<typeof scope>;
  readonly sent?: string;
}

/** A request that is signed as it should be, but for the changes. */
function signed({ headers = {}, signedHeaders, scope: others, sent = 'body' }: Changes = {}): AccessRequest {
  const all: Record<string, string[]> = {
    host: ['127.0.0.1:9000'],
    'x-amz-date': ['20260102T030405Z'],
    'x-amz-content-sha256': [sha256('body')],
    'x-amz-security-token': [testKeys.securityToken],
    ...headers,
  };
  const names = signedHeaders ?? Object.keys(all).sort();
  const request = { method: 'PUT', path: '/lists/a', query: 'x-id=PutObject', headers: all };
  const used = { ...scope, ...others };
  const signature = signV4(request, { ...used, signedHeaders: names }, testKeys.secretKey);
  const credential = [testKeys.accessKey, used.date, used.region, used.service, 'aws4_request'].join('/');
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${names.join(';')}, Signature=${signature}`;
  return {
    ...request,
    headers: { ...all, authorization: [authorization] },
    resource: '/lists/a',
    body: Buffer.from(sent),
  };
}

function codeOf(request: AccessRequest, at = now): string | undefined {
  try {
    checkAccess(request, testKeys, at);
    return undefined;
  } catch (error) {
    if (error instanceof Refusal) return error.code;
    throw error;
  }
}

describe('a request with a signature of version 4', () => {
  it('is let in', () => {
    expect(codeOf(signed())).toBeUndefined();
  });

  it.each([
    ['a body that is not the one signed', { sent: 'another' }, 'XAmzContentSHA256Mismatch'],
    ['no hash of its body', { headers: { 'x-amz-content-sha256': [] } }, 'XAmzContentSHA256Mismatch'],
    ['a header that is not signed', { signedHeaders: ['host', 'x-amz-date'] }, 'AccessDenied'],
    ['a host that is not signed', { signedHeaders: ['x-amz-date'] }, 'AccessDenied'],
    ['another day in its scope', { scope: { date: '20260103' } }, 'AccessDenied'],
    ['another service', { scope: { service: 'sqs' } }, 'AccessDenied'],
    ['no time', { headers: { 'x-amz-date': ['now'] } }, 'AccessDenied'],
    ['another token', { headers: { 'x-amz-security-token': ['another'] } }, 'InvalidToken'],
  ])('but %s is refused', (_what, changes, code) => {
    expect(codeOf(signed(changes))).toBe(code);
  });

  it('is refused when it is changed, or too late', () => {
    expect(codeOf({ ...signed(), path: '/lists/b' })).toBe('SignatureDoesNotMatch');
    expect(codeOf({ ...signed(), query: '' })).toBe('SignatureDoesNotMatch');
    expect(codeOf(signed(), now + 16 * 60_000)).toBe('RequestTimeTooSkewed');
  });
});
