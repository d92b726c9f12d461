import { ObjectFolder } from '@oms-sync/log-bucket';
import type { Lists } from './oracle.ts';

/**
 * Reads the lists of a log bucket in a folder, whichever their layout.
 *
 * @param list one of them only.
 */
export async function readLists(folder: string, list: '' | 'success_object/' = ''): Promise<Lists> {
  const objects = new ObjectFolder(folder);
  const lists = { requested: [] as string[], unrequested: [] as string[], invalid: [] as string[], text: '' };
  for (const { key } of await objects.list(`oms_source_record/${list}`)) {
    const body = (await objects.read(key))?.toString('utf8') ?? '';
    lists.text += body.length < 100_000 ? body : '';
    const isSuccess = key.startsWith('oms_source_record/success_object/');
    for (const line of body.split('\n').filter((line) => line !== '')) {
      if (!line.startsWith('{')) {
        // The .txt of the failed list repeats what its .jsonl has.
        if (isSuccess) lists.requested.push(decodeURIComponent(line));
        continue;
      }
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- a line of ours; what is missing shows as such
      const entry = JSON.parse(line) as { readonly name?: string; readonly invalid_name?: string };
      if (entry.invalid_name !== undefined) lists.invalid.push(entry.invalid_name);
      else (isSuccess ? lists.requested : lists.unrequested).push(String(entry.name));
    }
  }
  return lists;
}
