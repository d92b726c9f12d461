import { OmsClient, OmsSyncTasks, type LogBucket, type LogBucketAddress } from '@oms-sync/core';
import type { ObjectSource } from '@oms-sync/listing';
import type { Finding } from './finding.ts';
import { notChecked } from './finding.ts';
import { checkLogBucket } from './log-bucket-checks.ts';
import { checkNode } from './node-check.ts';
import {
  askForTask,
  checkClock,
  checkKeys,
  checkReach,
  checkTask,
  checkTaskState,
  type OmsAnswer,
} from './oms-checks.ts';
import { checkPermission } from './permission-check.ts';
import { checkSettings, type CheckedSettings } from './settings-check.ts';
import { checkSource } from './source-check.ts';
import { checkAwsPartition, checkLogBucketPlace, checkRegion, checkTaskSource } from './task-checks.ts';

/** What an examination looks at. */
export interface ExaminationOptions {
  /** The text of a setting. */
  readonly lookUp: (name: string) => string | undefined;
  readonly openLogBucket: (settings: NonNullable<CheckedSettings['logBucket']>) => LogBucket;
  readonly source: Source | undefined;
  /** How long each step may take. */
  readonly timeoutMs: number;
  readonly now: () => number;
}

/** The source bucket, if it was named. */
export interface Source {
  readonly address: LogBucketAddress;
  /** That it is a bucket of some other cloud that speaks like S3. */
  readonly isOtherS3: boolean;
  /** @param settings those of a bucket in OBS, if they are right. */
  readonly open: (settings: CheckedSettings['logBucket']) => ObjectSource;
}

/** Checks everything that can be checked, side by side where one does not need the other, and gives it in order. */
export async function examine(options: ExaminationOptions): Promise<Finding[]> {
  const settings = checkSettings(options.lookUp);
  const [oms, logBucket, source] = await Promise.all([
    examineOms(settings, options),
    examineLogBucket(settings, options),
    examineSource(settings, options),
  ]);
  return [
    checkNode(process.versions.node),
    ...settings.findings,
    ...oms.findings,
    ...logBucket,
    ...examinePlace(settings, options, oms.answer),
    source,
  ];
}

async function examineOms(
  { oms: settings }: CheckedSettings,
  { source, timeoutMs, now }: ExaminationOptions,
): Promise<{ readonly findings: readonly Finding[]; readonly answer?: OmsAnswer }> {
  if (settings === undefined) {
    const names = ['sync_url', 'keys', 'clock', 'task', 'task state', 'task source', 'region', 'permission'];
    return { findings: names.map((name) => notChecked(name, 'its settings are wrong')) };
  }
  const tasks = new OmsSyncTasks(settings);
  const client = new OmsClient(settings);
  const { syncUrl, syncTaskId, credentials } = settings;
  try {
    const answer = await askForTask(tasks, { host: syncUrl.host, now: now(), timeoutMs });
    const { task } = answer;
    const reach = checkReach(answer);
    const keys = checkKeys(answer, credentials.securityToken !== undefined);
    const whyNot =
      (reach.verdict !== 'ok' && 'sync_url is wrong') ||
      (keys.verdict !== 'ok' && 'the keys are not accepted');
    const findings = [
      reach,
      keys,
      checkClock(answer),
      checkTask(answer, syncTaskId),
      ...(task === undefined
        ? ['task state', 'task source'].map((name) => notChecked(name, 'the task is not known'))
        : [checkTaskState(task), checkTaskSource(task, source?.address, source?.isOtherS3 ?? false)]),
      checkRegion(syncUrl, task),
      ...(task === undefined ? [] : checkAwsPartition(task)),
      whyNot === false ? await checkPermission(client, task, timeoutMs) : notChecked('permission', whyNot),
    ];
    return { findings, answer };
  } finally {
    tasks.close();
    client.close();
  }
}

async function examineLogBucket(
  { logBucket: settings }: CheckedSettings,
  { openLogBucket, timeoutMs }: ExaminationOptions,
): Promise<Finding[]> {
  if (settings === undefined) {
    const names = ['log bucket list', 'log bucket write', 'log bucket read', 'log bucket remove'];
    return names.map((name) => notChecked(name, 'its settings are wrong'));
  }
  return checkLogBucket(openLogBucket(settings), settings.logBucket, timeoutMs);
}

function examinePlace(
  { logBucket: settings }: CheckedSettings,
  { source }: ExaminationOptions,
  answer: OmsAnswer | undefined,
): Finding[] {
  return settings === undefined
    ? [notChecked('log bucket place', 'its settings are wrong')]
    : [checkLogBucketPlace(settings.logBucket, source?.address, answer?.task)];
}

async function examineSource(
  { logBucket: settings }: CheckedSettings,
  { source, timeoutMs }: ExaminationOptions,
): Promise<Finding> {
  return source === undefined
    ? notChecked('source list', 'it was not named', 'name it: --source ADDRESS')
    : checkSource(() => source.open(settings), timeoutMs);
}
