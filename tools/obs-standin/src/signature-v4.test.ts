import { describe, expect, it } from 'vitest';
import { parseV4Time, readV4Authorization, sha256, signV4, type V4Request } from './signature-v4.ts';

/** The keys of the examples in the documentation of AWS. */
const accessKey = 'AKIAIOSFODNN7EXAMPLE';
const secretKey = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';

const common = { host: ['examplebucket.s3.amazonaws.com'], 'x-amz-date': ['20130524T000000Z'] };
const noBody = { ...common, 'x-amz-content-sha256': [sha256('')] };

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, Examples: Signature Calculations. */
const examples: readonly (readonly [string, V4Request, string, string])[] = [
  [
    'GET object',
    { method: 'GET', path: '/test.txt', query: '', headers: { ...noBody, range: ['bytes=0-9'] } },
    'host;range;x-amz-content-sha256;x-amz-date',
    'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  ],
  [
    'PUT object',
    {
      method: 'PUT',
      path: '/test%24file.text',
      query: '',
      headers: {
        ...common,
        date: ['Fri, 24 May 2013 00:00:00 GMT'],
        'x-amz-storage-class': ['REDUCED_REDUNDANCY'],
        'x-amz-content-sha256': [sha256('Welcome to Amazon S3.')],
      },
    },
    'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  ],
  [
    'GET bucket lifecycle',
    { method: 'GET', path: '/', query: 'lifecycle', headers: noBody },
    'host;x-amz-content-sha256;x-amz-date',
    'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  ],
  [
    'list objects',
    { method: 'GET', path: '/', query: 'prefix=J&max-keys=2', headers: noBody },
    'host;x-amz-content-sha256;x-amz-date',
    '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  ],
];

describe('the signature, version 4', () => {
  it.each(examples)('is that of the documentation: %s', (_name, request, signedHeaders, signature) => {
    const scope = `${accessKey}/20130524/us-east-1/s3/aws4_request`;
    const authorization = readV4Authorization(
      `AWS4-HMAC-SHA256 Credential=${scope},SignedHeaders=${signedHeaders},Signature=${signature}`,
    );
    expect(authorization).toMatchObject({ accessKey, region: 'us-east-1', service: 's3', signature });
    expect(authorization && signV4(request, authorization, secretKey)).toBe(signature);
  });

  it.each([undefined, '', 'AWS key:signature', 'AWS4-HMAC-SHA256 Credential=a, Signature=b'])(
    'is not in %j',
    (authorization) => {
      expect(readV4Authorization(authorization)).toBeUndefined();
    },
  );

  it('knows its time from any other', () => {
    expect(parseV4Time('20130524T000000Z')).toBe(Date.UTC(2013, 4, 24));
    expect(parseV4Time('yesterday')).toBeNaN();
  });
});
