import { isFolder, listPrefix } from '@oms-sync/core';
import type { Tool } from '../tool.ts';
import { listOf, type Filters } from './filters.ts';

/** How many log objects and files a list has: what progress is measured by. */
export async function countKeys({ screen, logBucket, settings }: Tool, filters: Filters): Promise<number> {
  const progress = screen.progress('counting the list', 'log objects');
  let count = 0;
  try {
    for await (const object of logBucket.list(listPrefix(settings.logBucket, listOf(filters)))) {
      if (!isFolder(object)) progress.update(++count);
    }
  } finally {
    progress.stop();
  }
  return count;
}
