import {
  InstanceKeeper,
  type Instance,
  type Invocation,
  type StorageRecord,
  type UnsettledError,
} from '@oms-sync/core';
import { openFile } from '@oms-sync/log-bucket/file';
import { openGcs } from '@oms-sync/log-bucket/gcs';
import { openObs } from '@oms-sync/log-bucket/obs';
import { getText } from '@oms-sync/storage-events';
import type { HttpRequest, HttpResponse } from './http.ts';
import { writeFailure, writeLine } from './log.ts';
import { willComeAgain } from './redelivery.ts';
import { readTimeoutMs } from './timeout.ts';
import { joinBackgroundEvent, translateBody } from './translation.ts';

/** All that outlives a request: an instance of the function serves many at once. */
const instances = new InstanceKeeper({ gs: openGcs, obs: openObs, file: openFile });

/**
 * The function for an event trigger: takes an event of Cloud Storage, directly or over Pub/Sub. The framework answers 204
 * when it returns and 500 when it throws.
 *
 * It has both signatures of event functions: (CloudEvent) and the older (data, context). `FUNCTION_SIGNATURE_TYPE` decides
 * between them, which the platform sets (`event` is the older one) and the user may not. A second parameter in the list
 * would make the framework wait for a callback.
 *
 * Throws if the settings are wrong, if nobody understands the event, or if something of it could neither be requested
 * nor written down.
 */
export async function omsSync(first: unknown, ...[context]: readonly unknown[]): Promise<void> {
  const startedAt = Date.now();
  const event = context === undefined ? first : joinBackgroundEvent(first, context);
  const requestId = getText(event, 'id') ?? getText(context, 'eventId');
  let problem: UnsettledError | undefined;
  try {
    problem = await settle(translateBody(event), startedAt, requestId);
  } catch (error) {
    writeFailure(error, requestId);
    throw error;
  }
  if (problem) throw problem;
}

/**
 * The function for a push subscription of Pub/Sub. Answers 204 when everything is settled. Pub/Sub delivers again
 * whatever gets another answer: 400 is what nobody understands, 500 what the next time may settle.
 *
 * A call by Cloud Scheduler makes it replay the failed list: 204, or 500 if the lists can't be read or written.
 */
export async function omsSyncPush(request: HttpRequest, response: HttpResponse): Promise<void> {
  const startedAt = Date.now();
  const requestId = getText(request.body, 'message', 'messageId');
  const refuse = (status: number, text: string) =>
    response.status(status).set('content-type', 'text/plain').send(text);
  if (request.method !== 'POST') {
    response.set('allow', 'POST');
    refuse(405, `expected POST, found ${request.method}`);
    return;
  }
  try {
    if (isFromScheduler(request)) {
      const { problem } = await getInstance().replay(makeInvocation(startedAt, requestId));
      if (problem) refuse(500, problem.message);
      else response.status(204).send();
      return;
    }
    const records = translateBody(request.body);
    const problem = await settle(records, startedAt, requestId);
    if (problem === undefined) response.status(204).send();
    else refuse(records.every(({ kind }) => kind === 'unknown') ? 400 : 500, problem.message);
  } catch (error) {
    writeFailure(error, requestId);
    refuse(500, error instanceof Error ? error.message : String(error));
  }
}

/** Cloud Scheduler says so in each of its calls, whatever their body is (Cloud Scheduler, "HTTP targets"). */
function isFromScheduler({ headers }: HttpRequest): boolean {
  return headers['x-cloudscheduler'] !== undefined;
}

/** Gives the reason why the platform has to deliver something again, if it has to. */
async function settle(
  records: readonly StorageRecord[],
  startedAt: number,
  requestId: string | undefined,
): Promise<UnsettledError | undefined> {
  const { problem } = await getInstance().synchronize(records, {
    ...makeInvocation(startedAt, requestId),
    canRedeliver: () => willComeAgain(records, startedAt),
  });
  return problem;
}

function getInstance(): Instance {
  return instances.get((name) => process.env[name]);
}

function makeInvocation(startedAt: number, requestId: string | undefined): Invocation {
  return { deadline: startedAt + readTimeoutMs(process.env), log: writeLine, requestId };
}
