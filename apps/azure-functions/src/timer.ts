import type { InvocationContext, Timer } from '@azure/functions';
import type { Report } from '@oms-sync/core';
import { readFunctionTimeoutMs } from './host-options.ts';
import { findInstance } from './settle.ts';

/** Replays the failed list. Throws if the lists can't be read or written; what is left is for the next run. */
export async function handleTimer(_timer: Timer, context: InvocationContext): Promise<Report> {
  const deadline = Date.now() + readFunctionTimeoutMs();
  const { instance, log } = findInstance(context);
  const { report, problem } = await instance.replay({ deadline, requestId: context.invocationId, log });
  if (problem) throw problem;
  return report;
}
