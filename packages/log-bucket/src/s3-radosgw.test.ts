import { expect, it, vi } from 'vitest';
import { faultOf } from './obs.test-help.ts';
import { onRadosgw, radosgwLimits, type OpenOnRadosgw } from './radosgw.test-help.ts';
import { openS3LogBucket } from './s3.ts';
import { describeLogBucket } from './suite.ts';

const openBucket: OpenOnRadosgw = ({ endpoint }, bucket) => openS3LogBucket({ bucket, endpoint });

onRadosgw('S3 on radosgw', (open) => {
  describeLogBucket('S3 on radosgw, AWS signature V4', () => open(openBucket), radosgwLimits);

  it('lists more than one page of 1,000 objects, whatever the name at its end', async () => {
    const { bucket } = await open(openBucket);
    const keys = Array.from({ length: 1001 }, (_, index) => `+\u0001 %${String(index).padStart(5, '0')}&\\`);
    await Promise.all(keys.map((key) => bucket.put(key, '', 'text/plain')));
    const listed: string[] = [];
    for await (const { key } of bucket.list('+')) listed.push(key);
    expect(listed).toEqual(keys);
  });

  it('refuses another key', async () => {
    const { bucket } = await open(openBucket);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'another');
    const wrong = { status: 403, code: 'SignatureDoesNotMatch', passing: false };
    expect(await faultOf(bucket.get('a'))).toMatchObject(wrong);
  });

  it('says that the bucket is missing', async () => {
    const { bucket } = await open((radosgw) => openBucket(radosgw, 'missing'));
    expect(await faultOf(bucket.get('a'))).toMatchObject({ status: 404, code: 'NoSuchBucket' });
  });
});
