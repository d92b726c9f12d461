import { Logger, synchronize, systemClock, type Report } from '@oms-sync/core';
import {
  isSmnTriggerEvent,
  translateObs,
  translateOrUnknown,
  translateSmnTrigger,
  type ObsOptions,
  type StorageRecord,
} from '@oms-sync/storage-events';
import type { FunctionGraphContext } from './context.ts';
import { getInstance } from './instance.ts';

/**
 * The function: takes an event of OBS, by its OBS trigger, by EventGrid or in a message of SMN, and gives the report.
 *
 * Throws, so that FunctionGraph delivers the event again or hands it to the failure destination, if the settings are
 * wrong, if nobody understands the event, or if something of it could neither be requested nor written down.
 */
export async function handler(event: unknown, context: FunctionGraphContext): Promise<Report> {
  const deadline = Date.now() + context.getRemainingTimeInMilliSeconds();
  const { settings, oms, logBucket } = getInstance(context);
  const runtimeLogger = context.getLogger();
  runtimeLogger.setLevel?.(settings.logLevel.toUpperCase());
  return synchronize(translate(event, settings), {
    settings,
    oms,
    logBucket,
    logger: new Logger(settings.logLevel, (level, line) => runtimeLogger[level](line)),
    clock: systemClock,
    random: Math.random,
    deadline,
    requestId: context.getRequestID(),
  });
}

function translate(event: unknown, options: ObsOptions): StorageRecord[] {
  return translateOrUnknown('event', () =>
    isSmnTriggerEvent(event)
      ? translateSmnTrigger(event, (message) => translateObs(message, options))
      : translateObs(event, options),
  );
}
