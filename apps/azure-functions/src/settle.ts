import type { InvocationContext } from '@azure/functions';
import { InstanceKeeper, type Instance, type Invocation, type LogSink, type Report } from '@oms-sync/core';
import { openAzureBlob } from '@oms-sync/log-bucket/azure-blob';
import { openFile } from '@oms-sync/log-bucket/file';
import { openObs } from '@oms-sync/log-bucket/obs';
import type { StorageRecord } from '@oms-sync/storage-events';

const instances = new InstanceKeeper({ az: openAzureBlob, obs: openObs, file: openFile });

/**
 * Settles everything that one invocation received. The host throws the report away.
 *
 * Throws, so that the host tells Event Grid to deliver the event again, or leaves the message in its queue, if the
 * settings are wrong, if nobody understands the event, or if something of it could neither be requested nor written
 * down.
 */
export async function settle(
  records: readonly StorageRecord[],
  context: InvocationContext,
  invocation: Pick<Invocation, 'deadline' | 'canRedeliver'>,
): Promise<Report> {
  const { instance, log } = findInstance(context);
  const { report, problem } = await instance.synchronize(records, {
    ...invocation,
    requestId: context.invocationId,
    log,
  });
  if (problem) throw problem;
  return report;
}

/** The instance of the app, and the logger of an invocation. */
export function findInstance(context: InvocationContext): { instance: Instance; log: LogSink } {
  const log: LogSink = (level, line) => context[level](line);
  return { instance: instances.get((name) => process.env[name], log), log };
}
