import { isFolder, listKeys, listPrefix } from '@oms-sync/core';
import type { Tool } from '../tool.ts';
import { listOf, type Filters } from './filters.ts';

/** How many log objects and files a list has: what progress is measured by. */
export async function countKeys({ screen, store, settings }: Tool, filters: Filters): Promise<number> {
  const progress = screen.progress('counting the list', 'log objects');
  let count = 0;
  try {
    for await (const object of listKeys(listPrefix(settings.logBucket, listOf(filters)), store)) {
      if (!isFolder(object)) progress.update(++count);
    }
  } finally {
    progress.stop();
  }
  return count;
}
