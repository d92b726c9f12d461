import { expect, it } from 'vitest';
import { Secret } from '@oms-sync/core';
import { faultOf } from './obs.test-help.ts';
import { openObsLogBucket } from './obs.ts';
import { onRadosgw, radosgwLimits, type OpenOnRadosgw } from './radosgw.test-help.ts';
import { describeLogBucket } from './suite.ts';

const openBucket: OpenOnRadosgw = ({ endpoint, accessKey, secretKey }, bucket) =>
  openObsLogBucket({
    bucket,
    endpoint,
    credentials: {
      accessKey: new Secret(accessKey),
      secretKey: new Secret(secretKey),
      securityToken: undefined,
    },
  });

onRadosgw('OBS on radosgw', (open) => {
  describeLogBucket('OBS on radosgw, AWS signature V2', () => open(openBucket), {
    ...radosgwLimits,
    // It echoes the prefix as it came, and esdk-obs-nodejs decodes that. OBS encodes it (API Reference, ListObjects).
    keys: { 'with a percent sign': 'radosgw does not encode the prefix that it echoes' },
  });

  it('lists more than one page of 1,000 objects, whatever the name at its end', async () => {
    const { bucket } = await open(openBucket);
    const keys = Array.from({ length: 1001 }, (_, index) => `+\u0001 %${String(index).padStart(5, '0')}&\\`);
    await Promise.all(keys.map((key) => bucket.put(key, '', 'text/plain')));
    const listed: string[] = [];
    for await (const { key } of bucket.list('+')) listed.push(key);
    expect(listed).toEqual(keys);
  });

  it('refuses another key', async () => {
    const { bucket } = await open((radosgw, name) => openBucket({ ...radosgw, secretKey: 'another' }, name));
    const wrong = { status: 403, code: 'SignatureDoesNotMatch', passing: false };
    expect(await faultOf(bucket.get('a'))).toMatchObject(wrong);
  });

  it('says that the bucket is missing', async () => {
    const { bucket } = await open((radosgw) => openBucket(radosgw, 'missing'));
    expect(await faultOf(bucket.get('a'))).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });
});
