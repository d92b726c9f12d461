import {
  listPrefix,
  LogBucketError,
  makeProbeKey,
  type LogBucket,
  type LogBucketAddress,
  TimeLimitError,
  withTimeLimit,
} from '@oms-sync/core';
import { notChecked, ok, wrong, type Finding } from './finding.ts';

const probeBody = 'oms-sync doctor was here, and has not removed this: it can be deleted.\n';

/**
 * May the lists be listed, written, read and removed? A small object is written beside the lists, read and removed
 * again.
 */
export async function checkLogBucket(
  bucket: LogBucket,
  address: LogBucketAddress,
  timeoutMs: number,
): Promise<Finding[]> {
  const [listed, written] = await Promise.all([
    checkList(bucket, address, timeoutMs),
    checkWrite(bucket, address, timeoutMs),
  ]);
  return [listed, ...written];
}

async function checkList(bucket: LogBucket, address: LogBucketAddress, timeoutMs: number): Promise<Finding> {
  const listFirst = async () => {
    for await (const object of bucket.list(listPrefix(address, 'failed_object'))) return object;
    return undefined;
  };
  return attempt('log bucket list', address, async () => {
    const first = await withTimeLimit(listFirst(), timeoutMs);
    return first === undefined ? 'can be listed; the failed list is empty' : 'can be listed';
  });
}

async function checkWrite(
  bucket: LogBucket,
  address: LogBucketAddress,
  timeoutMs: number,
): Promise<Finding[]> {
  const key = makeProbeKey(address);
  const written = await attempt('log bucket write', address, async () => {
    await bucket.put(key, probeBody, 'text/plain', timeoutMs);
    return 'an object could be written';
  });
  if (written.verdict !== 'ok') {
    const why = 'there is nothing to try it with: writing failed';
    return [written, notChecked('log bucket read', why), notChecked('log bucket remove', why)];
  }
  const read = await attempt('log bucket read', address, async () => {
    const body = await bucket.get(key, timeoutMs);
    if (body === probeBody) return 'it reads as it was written';
    throw new ProbeError(body === undefined ? 'what was written is not there' : 'it reads as something else');
  });
  const removed = await attempt('log bucket remove', address, async () => {
    await bucket.delete(key, timeoutMs);
    return 'it could be removed';
  });
  if (removed.verdict === 'ok') return [written, read, removed];
  return [written, read, { ...removed, found: `${removed.found}; ${key} is left behind` }];
}

/** The bucket did what it was asked, and the result is not the right one. */
class ProbeError extends Error {
  override readonly name = 'ProbeError';
}

async function attempt(
  check: string,
  address: LogBucketAddress,
  act: () => Promise<string>,
): Promise<Finding> {
  try {
    return ok(check, await act());
  } catch (error) {
    if (error instanceof LogBucketError) {
      // The key is of no interest, the message of the store is.
      const message = error.message.replace(`log bucket: ${error.operation} ${error.key}: `, '');
      return wrong(check, message, mendFault(error, check, address));
    }
    if (error instanceof TimeLimitError) return wrong(check, error.message, mendNetwork(address));
    if (error instanceof ProbeError) {
      return wrong(check, error.message, 'something in between changes objects: look for a proxy or a cache');
    }
    throw error;
  }
}

/** What each check needs. Sources: the permission references of OBS, S3, Blob Storage and Cloud Storage. */
const permissions: Readonly<Record<string, string>> = {
  'log bucket list': 'listing (obs:bucket:ListBucket, s3:ListBucket, storage.objects.list)',
  'log bucket write': 'writing (obs:object:PutObject, s3:PutObject, storage.objects.create)',
  'log bucket read': 'reading (obs:object:GetObject, s3:GetObject, storage.objects.get)',
  'log bucket remove': 'removing (obs:object:DeleteObject, s3:DeleteObject, storage.objects.delete)',
};

function mendFault({ code, status }: LogBucketError, check: string, address: LogBucketAddress): string {
  const keys = address.store === 'obs' ? 'the user of hw_ak' : 'who runs oms-sync';
  if (/^(NoSuchBucket|ContainerNotFound|notFound|ENOENT)$/.test(code)) {
    return address.store === 'obs'
      ? 'create the bucket, or correct log_bucket; obs_endpoint must be that of its region'
      : 'create it, or correct log_bucket';
  }
  if (/^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidSecurity|InvalidToken|ExpiredToken)$/.test(code)) {
    return address.store === 'obs'
      ? 'check hw_ak, hw_sk and hw_security_token: the log bucket is opened with them too'
      : 'check the keys of this store in the environment';
  }
  if (code === 'RequestTimeTooSkewed') return 'set the clock of this machine by the network';
  if (/^(CredentialsProviderError|CredentialUnavailableError|AuthenticationError)$/.test(code)) {
    return 'give this machine keys of the store: docs/settings.md, log_bucket';
  }
  if (status === 301 || status === 307) return 'the bucket is in another region: correct obs_endpoint';
  if (status === 403 || status === 401 || code === 'EACCES' || code === 'EROFS') {
    return `give ${keys} ${permissions[check] ?? 'the permission'} on the log bucket; the function apps need it too`;
  }
  if (status !== undefined && status >= 500) return 'the store is not well: try again in some minutes';
  return mendNetwork(address);
}

function mendNetwork(address: LogBucketAddress): string {
  return address.store === 'obs'
    ? 'check obs_endpoint, such as obs.cn-north-4.myhuaweicloud.com; if it is right, let https out to it (firewall, VPC, NAT gateway)'
    : 'check log_bucket; if it is right, let https out to the store (firewall, VPC, NAT gateway)';
}
