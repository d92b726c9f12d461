import { LogBucketError, type LogBucket } from '@oms-sync/core';
import { behind } from './listing.ts';
import { isSystemError, ObjectFolder } from './object-folder.ts';
import { wrongStore, type LogBucketOpener } from './open.ts';

export interface FileLogBucketOptions {
  /** The folder that holds the objects. It is made on the first write. */
  readonly folder: string;
}

/** What may be over by the next call: too many open files, a full disk, a network disk that is away. */
const passingCodes = new Set(['EAGAIN', 'EBUSY', 'EINTR', 'EMFILE', 'ENFILE', 'ENOSPC', 'ETIMEDOUT']);

/** {@link openFileLogBucket} for the table of `openLogBucket`. */
export const openFile: LogBucketOpener = ({ logBucket }) => {
  if (logBucket.store !== 'file') throw wrongStore(logBucket.store, ['file']);
  return openFileLogBucket({ folder: logBucket.folder });
};

/** The lists in a folder of this machine. A file has no content type, so that is dropped. */
export function openFileLogBucket({ folder }: FileLogBucketOptions): LogBucket {
  const objects = new ObjectFolder(folder);
  return {
    prepare: () => Promise.resolve(),
    put: (key, body) => attempt('put', key, () => objects.write(key, body)),
    get: (key) => attempt('get', key, async () => (await objects.read(key))?.toString('utf8')),
    async *list(prefix, { after } = {}) {
      const isBehind = behind(after);
      const listed = await attempt('list', prefix, () => objects.list(prefix));
      yield* listed.filter(({ key }) => isBehind(key));
    },
    delete: (key) => attempt('delete', key, () => objects.delete(key)),
  };
}

// --- faults ---

async function attempt<Result>(
  operation: LogBucketError['operation'],
  key: string,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    const code = isSystemError(error) ? error.code : error instanceof Error ? error.name : 'Unknown';
    throw new LogBucketError({
      operation,
      key,
      code,
      passing: passingCodes.has(code),
      message: error instanceof Error ? error.message : String(error),
      cause: error,
    });
  }
}
