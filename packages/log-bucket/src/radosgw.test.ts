import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startRadosgw, whyNoRadosgw, type Radosgw } from '@oms-sync/peers';
import { testKeys } from '@oms-sync/testing';
import { Secret } from '@oms-sync/core';
import { faultOf } from './obs.test-help.ts';
import { openObsLogBucket } from './obs.ts';
import { useLambdaEnvironment } from './s3.test-help.ts';
import { openS3LogBucket } from './s3.ts';
import { describeLogBucket, type OpenedLogBucket } from './suite.ts';

// The peer is Ceph's radosgw from Debian: a store made by others, which checks the signatures of both SDKs (Version 4
// and Version 2) and takes every name. It proves that requests, names and listings are what a store understands. It
// does not prove what is AWS's or Huawei Cloud's alone: their regions, sessions, permissions and the signature of OBS.

const needs = whyNoRadosgw();

describe.skipIf(needs !== undefined)(`radosgw${needs === undefined ? '' : ` (${needs})`}`, () => {
  let radosgw: Radosgw;
  let count = 0;
  useLambdaEnvironment();
  beforeAll(async () => {
    radosgw = await startRadosgw(testKeys);
  });
  afterAll(() => radosgw.stop());

  const makeBucket = async (): Promise<{ name: string; peer: Omit<OpenedLogBucket, 'bucket'> }> => {
    const { S3Client, CreateBucketCommand, HeadObjectCommand } = await import('@aws-sdk/client-s3');
    const client = new S3Client({
      endpoint: radosgw.endpoint.href,
      forcePathStyle: true,
      region: 'us-east-1', // For others the SDK says where to make it, and radosgw has no zone of that name.
    });
    const name = `lists-${(count += 1)}`;
    await client.send(new CreateBucketCommand({ Bucket: name }));
    return {
      name,
      peer: {
        contentType: async (key) =>
          (await client.send(new HeadObjectCommand({ Bucket: name, Key: key }))).ContentType,
        close: () => Promise.resolve(client.destroy()),
      },
    };
  };

  const openS3 = async (): Promise<OpenedLogBucket> => {
    const { name, peer } = await makeBucket();
    return { ...peer, bucket: openS3LogBucket({ bucket: name, endpoint: radosgw.endpoint }) };
  };

  const openObs = async (): Promise<OpenedLogBucket> => {
    const { name, peer } = await makeBucket();
    const { endpoint, accessKey, secretKey } = radosgw;
    const credentials = {
      accessKey: new Secret(accessKey),
      secretKey: new Secret(secretKey),
      securityToken: undefined,
    };
    return { ...peer, bucket: openObsLogBucket({ bucket: name, endpoint, credentials }) };
  };

  // radosgw 16.2.15 takes a NUL, and lists the name with it in the XML, or without what follows.
  const holds = (key: string) => !key.includes('\0');

  describeLogBucket('S3 on radosgw, AWS signature V4', openS3, { holds });

  describeLogBucket('OBS on radosgw, AWS signature V2', openObs, {
    holds,
    // It echoes the prefix as it came, and esdk-obs-nodejs decodes that. OBS encodes it (API Reference, ListObjects).
    keys: { 'with a percent sign': 'radosgw does not encode the prefix that it echoes' },
  });

  describe.each([
    ['S3', openS3],
    ['OBS', openObs],
  ])('%s on radosgw', (_what, open) => {
    it('lists more than one page of 1,000 objects, whatever the name at its end', async () => {
      const peer = await open();
      const { bucket } = peer;
      const keys = Array.from(
        { length: 1100 },
        (_, index) => `+\u0001 %${String(index).padStart(5, '0')}&\\`,
      );
      await Promise.all(keys.map((key) => bucket.put(key, '', 'text/plain')));
      const listed: string[] = [];
      for await (const { key } of bucket.list('+')) listed.push(key);
      expect(listed).toEqual(keys);
      await peer.close();
    });
  });

  it('refuses another key', async () => {
    const { name } = await makeBucket();
    const { endpoint, accessKey } = radosgw;
    const credentials = {
      accessKey: new Secret(accessKey),
      secretKey: new Secret('another'),
      securityToken: undefined,
    };
    const bucket = openObsLogBucket({ bucket: name, endpoint, credentials });
    const wrong = { status: 403, code: 'SignatureDoesNotMatch', passing: false };
    expect(await faultOf(bucket.get('a'))).toMatchObject(wrong);
  });

  it('says that the bucket is missing', async () => {
    const bucket = openS3LogBucket({ bucket: 'missing', endpoint: radosgw.endpoint });
    expect(await faultOf(bucket.get('a'))).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });
});
