import { OmsError, type OmsSyncTasks, type SyncTask } from '@oms-sync/core';
import { formatDuration } from '../screen.ts';
import { notChecked, ok, warning, wrong, type Finding } from './finding.ts';

/** What OMS says to a signed, harmless call: a question for the task. */
export interface OmsAnswer {
  readonly host: string;
  readonly task: SyncTask | undefined;
  /** Why there is no task. */
  readonly error: OmsError | undefined;
  /** How far the clock of OMS is ahead of ours. */
  readonly clockDifferenceMs: number | undefined;
}

/** Asks for the task. */
export async function askForTask(
  tasks: OmsSyncTasks,
  { host, now, timeoutMs }: { readonly host: string; readonly now: number; readonly timeoutMs: number },
): Promise<OmsAnswer> {
  const ask = async () => {
    try {
      return { task: await tasks.showSyncTask(now, timeoutMs), error: undefined };
    } catch (error) {
      if (error instanceof OmsError) return { task: undefined, error };
      throw error;
    }
  };
  return { host, ...(await ask()), clockDifferenceMs: tasks.clockDifferenceMs };
}

/** Is whoever answers at `sync_url` OMS? */
export function checkReach({ host, error }: OmsAnswer): Finding {
  const check = 'sync_url';
  if (error === undefined || (isOfOms(error) && !isUnwell(error))) return ok(check, `OMS answers at ${host}`);
  const answered = `${error.code}: ${error.message}`;
  if (isOfOms(error)) {
    return wrong(check, `OMS is there and does not serve: ${answered}`, 'try again in some minutes');
  }
  if (error.status !== undefined) {
    return wrong(
      check,
      `something else than OMS answers at ${host}: ${answered}`,
      'copy sync_url from the details of the task in the OMS console; if it is right, a proxy or a login page is in between',
    );
  }
  return wrong(check, ...describeNetworkFault(host, error.code, error.message));
}

/** @returns what was found, and how to mend it. */
function describeNetworkFault(host: string, code: string, message: string): [found: string, mend: string] {
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return [
        `nobody knows the host ${host} (${code})`,
        'check the host in sync_url, https://oms.REGION.myhuaweicloud.com/…; if it is right, the DNS of this network',
      ];
    case 'ECONNREFUSED':
      return [
        `${host} refuses the connection (${code})`,
        'check host and port in sync_url; if they are right, a firewall is in between',
      ];
    case 'ETIMEDOUT':
      return [
        `${host}: ${message} (${code})`,
        'let https out to it (firewall, VPC, NAT gateway); oms-sync does not use a proxy',
      ];
    default:
      return isOfTls(code)
        ? [
            `the certificate of ${host} is not trusted (${code})`,
            'a proxy that opens TLS is in between: have this host excepted, or name its certificate authority to Node.js in NODE_EXTRA_CA_CERTS',
          ]
        : [
            `no talking with ${host} (${code}: ${message})`,
            'check sync_url; if it is right, a firewall or a proxy is in between',
          ];
  }
}

/** Codes of Node.js and OpenSSL about certificates. */
function isOfTls(code: string): boolean {
  return /CERT|^UNABLE_TO_|^SELF_SIGNED|^ERR_TLS_/.test(code);
}

/** Is it an answer of OMS, or of the gateway in front of it? Theirs have a code in their own manner. */
function isOfOms({ status, code }: OmsError): boolean {
  return status !== undefined && /^(OMS|APIGW?)\.\d+$/.test(code);
}

function isUnwell(error: OmsError): boolean {
  return error.faultClass === 'passing';
}

/** OMS knows who asks, but does not let them ask for this. Source: OMS API Reference, error codes. */
export function isPermissionMissing(error: OmsError | undefined): boolean {
  return error?.code === 'OMS.0072' || error?.code === 'OMS.0053';
}

/** Does OMS accept the signature? */
export function checkKeys(answer: OmsAnswer, hasToken: boolean): Finding {
  const check = 'keys';
  const { error } = answer;
  if (error === undefined || isPermissionMissing(error)) return ok(check, 'OMS accepts the signature');
  if (checkReach(answer).verdict === 'wrong') return notChecked(check, 'sync_url is wrong');
  if (error.faultClass !== 'identity') return ok(check, 'OMS accepts the signature');
  const refused = `OMS does not accept them: ${error.code}: ${error.message}`;
  if (checkClock(answer).verdict === 'wrong')
    return notChecked(check, 'the clock is wrong, and signatures with it');
  if (/^APIGW?\.030[4-7]$/.test(error.code)) {
    return wrong(
      check,
      `they are not let into the project of sync_url: ${error.code}: ${error.message}`,
      'copy sync_url from the details of the task in the OMS console, signed in to the account of hw_ak',
    );
  }
  if (/^OMS\.020\d$/.test(error.code)) {
    return wrong(check, refused, 'the account is restricted: see the messages in its console');
  }
  return wrong(
    check,
    refused,
    hasToken
      ? 'temporary keys expire: get new ones, and set hw_ak, hw_sk and hw_security_token from the same answer'
      : 'check hw_ak and hw_sk: both of one pair, whole, still active (console: My Credentials, Access Keys); keys of an agency need hw_security_token too',
  );
}

const warnClockMs = 5 * 60_000;
/** The gateway refuses signatures beyond that. Source: API Gateway, API Reference, authentication. */
const refuseClockMs = 15 * 60_000;

/** Is the clock of this machine that of OMS? */
export function checkClock({ clockDifferenceMs }: OmsAnswer): Finding {
  const check = 'clock';
  if (clockDifferenceMs === undefined) return notChecked(check, 'no answer of OMS that says the time');
  const difference = Math.abs(clockDifferenceMs);
  const found = `this machine is ${formatDuration(difference)} ${clockDifferenceMs > 0 ? 'behind' : 'ahead of'} OMS`;
  const mend = 'set it by the network: timedatectl set-ntp true, or w32tm /resync on Windows';
  if (difference > refuseClockMs) return wrong(check, `${found}; signatures are refused beyond 15 min`, mend);
  if (difference > warnClockMs) return warning(check, `${found}; signatures are refused beyond 15 min`, mend);
  return ok(check, difference < 2000 ? 'that of OMS, to the second or two' : found);
}

/** Is there such a task? */
export function checkTask(answer: OmsAnswer, taskId: string): Finding {
  const check = 'task';
  const { task, error } = answer;
  if (task !== undefined) return ok(check, `${taskId} exists`);
  if (checkReach(answer).verdict !== 'ok') return notChecked(check, 'sync_url is wrong');
  if (isPermissionMissing(error)) {
    return notChecked(
      check,
      'the keys may not ask for it',
      'give their user the permission oms:synctask:get; without it, what follows cannot be checked',
    );
  }
  if (error === undefined || error.faultClass === 'identity')
    return notChecked(check, 'the keys are not accepted');
  if (/^APIGW?\.0101$/.test(error.code)) {
    return wrong(
      check,
      `there is no synchronization API at this address: ${error.code}: ${error.message}`,
      'copy sync_url from the details of the task in the OMS console',
    );
  }
  return wrong(
    check,
    `OMS does not know ${taskId}: ${error.code}: ${error.message}`,
    'copy the id from the OMS console (Synchronization Tasks) into sync_task_id or sync_url; the project in sync_url must be that of the task',
  );
}

/** Does the task run? */
export function checkTaskState(task: SyncTask): Finding {
  const check = 'task state';
  if (task.status === 'SYNCHRONIZING') return ok(check, task.status);
  if (task.status !== 'STOPPED') {
    return warning(check, `OMS says ${task.status ?? 'nothing'}`, 'look at the task in the OMS console');
  }
  return wrong(
    check,
    'STOPPED: nothing is synchronized',
    'start it in the OMS console (Synchronization Tasks, Start); then request again what was refused meanwhile: oms-sync failed replay',
  );
}
