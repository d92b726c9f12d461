import { describe, expect, it } from 'vitest';
import { isSame, sign, stringToSign, type Scheme, type SignedRequest } from './signature.ts';

const aws: Scheme = { name: 'AWS', headerPrefix: 'x-amz-' };
const obs: Scheme = { name: 'OBS', headerPrefix: 'x-obs-' };
/** The secret key of the examples in the documentation of AWS. */
const secretKey = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

/** https://docs.aws.amazon.com/AmazonS3/latest/API/RESTAuthentication.html, Authentication examples. */
const examples: readonly (readonly [string, SignedRequest, string])[] = [
  [
    'object GET',
    {
      method: 'GET',
      headers: { date: ['Tue, 27 Mar 2007 19:36:42 +0000'] },
      resource: '/johnsmith/photos/puppy.jpg',
    },
    'bWq2s1WEIj+Ydj0vQ697zp+IXMU=',
  ],
  [
    'object PUT',
    {
      method: 'PUT',
      headers: { 'content-type': ['image/jpeg'], date: ['Tue, 27 Mar 2007 21:15:45 +0000'] },
      resource: '/johnsmith/photos/puppy.jpg',
    },
    'MyyxeRY7whkBe+bq8fHCL/2kKUg=',
  ],
  [
    'list',
    { method: 'GET', headers: { date: ['Tue, 27 Mar 2007 19:42:41 +0000'] }, resource: '/johnsmith/' },
    'htDYFYduRNen8P9ZfE/s9SuKy0U=',
  ],
  [
    'upload',
    {
      method: 'PUT',
      headers: {
        date: ['Tue, 27 Mar 2007 21:06:08 +0000'],
        'x-amz-acl': ['public-read'],
        'content-type': ['application/x-download'],
        'content-md5': ['4gJE4saaMU4BqNR0kLY+lw=='],
        'x-amz-meta-reviewedby': ['joe@johnsmith.net', 'jane@johnsmith.net'],
        'x-amz-meta-filechecksum': ['0x02661779'],
        'x-amz-meta-checksumalgorithm': ['crc32'],
      },
      resource: '/static.johnsmith.net/db-backup.dat.gz',
    },
    'ilyl83RwaSoYIEdixDQcA4OnAnc=',
  ],
];

describe('the signature', () => {
  it.each(examples)('is that of the documentation: %s', (_name, request, signature) => {
    expect(sign(request, aws, secretKey)).toBe(signature);
  });

  it('leaves the date out when the scheme has a header for it', () => {
    const headers = { date: ['now'], 'x-amz-date': ['then'] };
    expect(stringToSign({ method: 'GET', headers, resource: '/b/k' }, aws)).toBe(
      'GET\n\n\n\nx-amz-date:then\n/b/k',
    );
  });

  it('signs the headers of its own scheme only, in order, on one line each', () => {
    const headers = { 'x-obs-z': [' two\r\n  lines '], 'x-obs-b': ['1', '2'], 'x-amz-a': ['other'] };
    expect(stringToSign({ method: 'PUT', headers, resource: '/b/k' }, obs)).toBe(
      'PUT\n\n\n\nx-obs-b:1,2\nx-obs-z:two lines\n/b/k',
    );
  });
});

describe('isSame', () => {
  it('compares texts of any length', () => {
    expect([isSame('a', 'a'), isSame('a', 'b'), isSame('a', 'ab'), isSame('', '')]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });
});
