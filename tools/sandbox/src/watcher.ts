import { once } from 'node:events';
import { watch } from 'chokidar';
import type { Change } from '@oms-sync/function-hosts';
import type { ObjectFolder } from '@oms-sync/log-bucket';

/** Changes that come within this time go into one event. */
const gatheringMs = 200;

/**
 * Watches the source bucket: whatever is put into its folder, changed or removed is handed over, in bunches.
 *
 * @returns a function that ends the watching.
 */
export async function watchBucket(
  bucket: ObjectFolder,
  onChanges: (changes: readonly Change[]) => void,
): Promise<() => Promise<void>> {
  const gathered = new Map<string, Change>();
  let timer: NodeJS.Timeout | undefined;
  const gather = (kind: Change['kind']) => (file: string) => {
    const name = bucket.keyOf(file);
    if (name === undefined) return;
    gathered.set(name, { name, kind });
    timer ??= setTimeout(() => {
      timer = undefined;
      const changes = [...gathered.values()];
      gathered.clear();
      onChanges(changes);
    }, gatheringMs);
  };
  const watcher = watch(bucket.root, {
    ignoreInitial: true,
    // An object is there when it is whole: a file that still grows is none yet.
    awaitWriteFinish: { stabilityThreshold: 200, pollInterval: 50 },
  });
  watcher.on('add', gather('created')).on('change', gather('created')).on('unlink', gather('removed'));
  await once(watcher, 'ready');
  return async () => {
    clearTimeout(timer);
    await watcher.close();
  };
}
