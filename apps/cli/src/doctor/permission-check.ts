import { OmsError, type OmsClient, type SyncTask } from '@oms-sync/core';
import { formatNumberOf } from '../screen.ts';
import { notChecked, ok, wrong, type Finding } from './finding.ts';

/**
 * May the keys request objects (`oms:synctask:createEvent`)? The only call that would prove it synchronizes something.
 * So a request without any name is sent. That OMS forbids it proves that the permission is missing. That OMS calls it
 * invalid proves nothing: nobody documents whether the permission is looked at before the body.
 */
export async function checkPermission(
  oms: Pick<OmsClient, 'createSyncEvents'>,
  task: SyncTask | undefined,
  timeoutMs: number,
): Promise<Finding> {
  const check = 'permission';
  try {
    await oms.createSyncEvents([], timeoutMs);
    return ok(check, 'OMS takes requests from these keys');
  } catch (error) {
    if (!(error instanceof OmsError)) throw error;
    const answer = `${error.code}: ${error.message}`;
    if (error.faultClass === 'identity') {
      return wrong(
        check,
        `the keys may not request objects: ${answer}`,
        'give their user the permission oms:synctask:createEvent in the project of the task',
      );
    }
    if (error.faultClass !== 'refused') return notChecked(check, answer);
    return notChecked(
      check,
      `unproven: a request without names is not forbidden, but invalid${describeTaken(task)}`,
      'request one object that exists, which is harmless: oms-sync request NAME',
    );
  }
}

function describeTaken(task: SyncTask | undefined): string {
  const taken = task?.month.requested ?? 0;
  return taken === 0
    ? ''
    : ` (OMS took ${formatNumberOf(taken, 'request')} this month, from these keys or others)`;
}
