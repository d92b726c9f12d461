import { afterAll, beforeAll, describe, it } from 'vitest';
import type { S3Client } from '@aws-sdk/client-s3';
import { startRadosgw, whyNoRadosgw, type Radosgw } from '@oms-sync/peers';
import { testKeys } from '@oms-sync/testing';
import type { LogBucket } from '@oms-sync/core';
import { stubLambdaEnvironment, useLambdaEnvironment } from './s3.test-help.ts';
import type { OpenedLogBucket, PeerLimits } from './suite.ts';

// Ceph's radosgw from Debian is a store made by others: it checks the signatures of both SDKs (Version 4 and
// Version 2) and takes every name. It proves that requests, names and listings are what such a store understands. It
// does not prove what is AWS's or Huawei Cloud's alone: their regions, sessions, permissions and the signature of OBS.

/** Opens `bucket`, which is there, on a radosgw that runs. */
export type OpenOnRadosgw = (radosgw: Radosgw, bucket: string) => LogBucket;

/** 16.2.15 takes a NUL in a name, and then lists it in XML that is none, or the name without what follows. */
export const radosgwLimits: PeerLimits = { holds: (key) => !key.includes('\0') };

/** Runs tests on a radosgw of their own; one that is skipped, and says what is needed, where there is none. */
export function onRadosgw(what: string, tests: (open: OpenAll) => void): void {
  const needs = whyNoRadosgw();
  if (needs !== undefined) return sayNotRun(`${what} (${needs})`);
  describe(what, () => {
    let radosgw: Radosgw | undefined;
    let client: S3Client | undefined;
    let count = 0;
    useLambdaEnvironment();
    beforeAll(async () => {
      stubLambdaEnvironment();
      radosgw = await startRadosgw(testKeys);
      const { S3Client } = await import('@aws-sdk/client-s3');
      client = new S3Client({
        endpoint: radosgw.endpoint.href,
        forcePathStyle: true,
        region: 'us-east-1', // For others the SDK says where to make a bucket, and radosgw has no zone of that name.
        credentials: { accessKeyId: testKeys.accessKey, secretAccessKey: testKeys.secretKey },
      });
    });
    afterAll(async () => {
      client?.destroy();
      await radosgw?.stop();
    });

    tests(async (open) => {
      if (radosgw === undefined || client === undefined) throw new Error('radosgw does not run');
      const { CreateBucketCommand, HeadObjectCommand } = await import('@aws-sdk/client-s3');
      const peer = client;
      const name = `lists-${(count += 1)}`;
      await peer.send(new CreateBucketCommand({ Bucket: name }));
      return {
        radosgw,
        bucket: open(radosgw, name),
        contentType: async (key) =>
          (await peer.send(new HeadObjectCommand({ Bucket: name, Key: key }))).ContentType,
        close: () => Promise.resolve(), // It all goes with radosgw.
      };
    });
  });
}

function sayNotRun(what: string): void {
  // oxlint-disable-next-line vitest/expect-expect, vitest/no-disabled-tests -- its name is what it is about
  it.skip(what, () => undefined);
}

/** Opens a log bucket in a new bucket. */
export type OpenAll = (open: OpenOnRadosgw) => Promise<OpenedLogBucket & { readonly radosgw: Radosgw }>;
