import { isLoopback, type LogBucketAddress, type SyncTask } from '@oms-sync/core';
import { notChecked, ok, warning, wrong, type Finding } from './finding.ts';

/** Where the synchronization API is. Source: OMS API Reference, CreateSyncEvents. */
const regions = new Set(['cn-north-4', 'cn-east-3', 'cn-southwest-2']);
const regionList = 'cn-north-4, cn-east-3 or cn-southwest-2';

/** What OMS calls the cloud of a store. Cloud Storage is not among the sources of a synchronization task. */
const clouds = { obs: 'HuaweiCloud', s3: 'AWS', az: 'Azure', gs: 'Google', file: undefined } as const;

/** `the bucket photos of AWS (us-east-1)`. */
export function describeSource({ source }: SyncTask): string {
  const { cloud = 'an unknown cloud', bucket = 'unknown', region } = source;
  return `the bucket ${bucket} of ${cloud}${region === undefined || region === '' ? '' : ` (${region})`}`;
}

/**
 * Does the task read from the source bucket?
 *
 * @param isOtherS3 that an `s3` source is no bucket of AWS, but one of those that speak like it.
 */
export function checkTaskSource(
  task: SyncTask,
  source: LogBucketAddress | undefined,
  isOtherS3: boolean,
): Finding {
  const check = 'task source';
  if (source === undefined) {
    return notChecked(
      check,
      `the task reads ${describeSource(task)}`,
      'compare it with yours: --source ADDRESS',
    );
  }
  const cloud = isOtherS3 && source.store === 's3' ? undefined : clouds[source.store];
  const bucket = bucketOf(source);
  const mend = 'create a task for this source, or set sync_url and sync_task_id to the one that has it';
  if (bucket === undefined) return notChecked(check, 'a folder is no source of a task');
  if (task.source.bucket !== undefined && task.source.bucket !== bucket) {
    return wrong(check, `the task reads ${describeSource(task)}, not ${bucket}`, mend);
  }
  if (cloud !== undefined && task.source.cloud !== undefined && task.source.cloud !== cloud) {
    return wrong(check, `the task reads ${describeSource(task)}, not one of ${cloud}`, mend);
  }
  return ok(check, describeSource(task));
}

/** The bucket of an address as a task names it. */
function bucketOf(address: LogBucketAddress): string | undefined {
  if (address.store === 'file') return undefined;
  return address.store === 'az' ? address.container : address.bucket;
}

/** Has the region a synchronization API? */
export function checkRegion(syncUrl: URL, task: SyncTask | undefined): Finding {
  const check = 'region';
  const ofHost = /^oms\.([a-z0-9-]+)\./.exec(syncUrl.hostname)?.[1];
  const ofTask = task?.destination.region;
  const found = [...new Set([ofHost, ofTask])].filter((region) => region !== undefined && region !== '');
  const unsupported = found.find((region) => !regions.has(region ?? ''));
  if (found.length === 0) {
    const where = isLoopback(syncUrl) ? 'this machine' : syncUrl.host;
    return notChecked(check, `neither ${where} nor the task names one; it must be ${regionList}`);
  }
  if (unsupported === undefined) return ok(check, `${found.join(', ')} has the synchronization API`);
  // What OMS does says more than what its documentation does not say yet.
  const taken = task?.month.requested ?? 0;
  const text = `OMS documents no synchronization API in ${unsupported}`;
  return taken > 0
    ? warning(
        check,
        `${text}, but took ${taken} requests this month`,
        'ask Huawei whether you can rely on it',
      )
    : wrong(
        check,
        text,
        `create bucket and task in ${regionList}, and copy sync_url from the new task; objects can go on from there by OBS cross-region replication`,
      );
}

/**
 * Buckets of AWS's international site can be migrated outside mainland China only, and the synchronization API is in
 * mainland China only. Source: OMS User Guide, access keys of AWS.
 */
export function checkAwsPartition({ source, destination, month }: SyncTask): Finding[] {
  const isInternational =
    source.cloud === 'AWS' && source.region !== undefined && !source.region.startsWith('cn-');
  if (!isInternational || !(destination.region ?? '').startsWith('cn-') || (month.succeeded ?? 0) > 0)
    return [];
  return [
    warning(
      'region of AWS',
      `OMS documents that ${source.region} (international) cannot be migrated to ${destination.region} (mainland China), and it has copied nothing this month`,
      'request one object (oms-sync request NAME) and look for it at the destination before you rely on it; ask Huawei if it does not come',
    ),
  ];
}

/** Are the lists apart from what is synchronized? */
export function checkLogBucketPlace(
  logBucket: LogBucketAddress,
  source: LogBucketAddress | undefined,
  task: SyncTask | undefined,
): Finding {
  const check = 'log bucket place';
  if (logBucket.store === 'file') return ok(check, `a folder of this machine: ${logBucket.folder}`);
  const bucket = bucketOf(logBucket);
  const isSource = source !== undefined && isSameBucket(logBucket, source);
  const isTaskSource = task?.source.bucket === bucket && task?.source.cloud === clouds[logBucket.store];
  if (isSource || isTaskSource) {
    return wrong(
      check,
      `log_bucket is the source bucket ${bucket}: every list in it is a new object of the source`,
      'choose another bucket as log_bucket: it needs no events and no task',
    );
  }
  if (logBucket.store === 'obs' && task?.destination.bucket === bucket) {
    return warning(
      check,
      `log_bucket is the destination bucket ${bucket}: the lists lie among the migrated objects`,
      'choose another bucket, or remove oms_source_record/ after the cut-over',
    );
  }
  if (source === undefined && task === undefined)
    return notChecked(check, 'neither the task nor --source is known');
  return ok(check, 'neither the source bucket nor the destination bucket');
}

function isSameBucket(a: LogBucketAddress, b: LogBucketAddress): boolean {
  if (a.store === 'az' && b.store === 'az') return a.account === b.account && a.container === b.container;
  return a.store === b.store && bucketOf(a) === bucketOf(b);
}
