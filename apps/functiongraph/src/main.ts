import { InstanceKeeper, type LogSink, type Report } from '@oms-sync/core';
import { openFile } from '@oms-sync/log-bucket/file';
import { openObs } from '@oms-sync/log-bucket/obs';
import {
  isSmnTriggerEvent,
  isTimerTriggerEvent,
  translateObs,
  translateOrUnknown,
  translateSmnTrigger,
  type ObsOptions,
  type StorageRecord,
} from '@oms-sync/storage-events';
import type { FunctionGraphContext } from './context.ts';

const instances = new InstanceKeeper({ obs: openObs, file: openFile });

/**
 * The function: takes an event of OBS, by its OBS trigger, by EventGrid or in a message of SMN, and gives the report. A
 * timer makes it replay the failed list.
 *
 * Throws, so that FunctionGraph delivers the event again or hands it to the failure destination, if the settings are
 * wrong, if nobody understands the event, or if something of it could neither be requested nor written down.
 */
export async function handler(event: unknown, context: FunctionGraphContext): Promise<Report> {
  const deadline = Date.now() + context.getRemainingTimeInMilliSeconds();
  const logger = context.getLogger();
  const log: LogSink = (level, line) => logger[level](line);
  const instance = instances.get((name) => context.getUserData(name) ?? process.env[name], log);
  logger.setLevel?.(instance.settings.logLevel.toUpperCase());
  const invocation = { deadline, log, requestId: context.getRequestID() };
  const { report, problem } = isTimerTriggerEvent(event)
    ? await instance.replay(invocation)
    : await instance.synchronize(translate(event, instance.settings), invocation);
  if (problem) throw problem;
  return report;
}

function translate(event: unknown, options: ObsOptions): StorageRecord[] {
  return translateOrUnknown('event', () =>
    isSmnTriggerEvent(event)
      ? translateSmnTrigger(event, (message) => translateObs(message, options))
      : translateObs(event, options),
  );
}
