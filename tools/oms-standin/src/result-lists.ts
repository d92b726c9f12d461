import type { ObjectFolder } from '@oms-sync/log-bucket';
import { encodeObjectName } from './object-names.ts';

/** What became of one name of a request. */
export type CopyResult = { readonly name: string; readonly time: number } & (
  | { readonly outcome: 'success'; readonly size: number }
  | { readonly outcome: 'ignored' }
  | { readonly outcome: 'failed'; readonly errorCode: string; readonly message: string }
);

/** Where the lists of a synchronization task lie in its destination bucket. */
export function listsPrefix(taskId: string): string {
  return `oms/syncTask/${taskId}/`;
}

/** Writes OMS's result lists into a destination bucket, each list into a file of its own: two never meet. */
export class ResultLists {
  #count = 0;

  /** @returns the key of the list of failed objects, if there is one. */
  async write(
    destination: ObjectFolder,
    prefix: string,
    time: number,
    results: readonly CopyResult[],
  ): Promise<string | undefined> {
    this.#count += 1;
    const file = `${time}-${this.#count}`;
    let failedKey: string | undefined;
    for (const outcome of ['success', 'failed', 'ignored'] as const) {
      const lines = results.filter((result) => result.outcome === outcome).map(asLine);
      if (lines.length === 0) continue;
      const key = `${prefix}${outcome}_object_lists/${file}.${outcome}_list.txt`;
      await destination.write(key, `${lines.join('\n')}\n`);
      if (outcome === 'failed') failedKey = key;
    }
    return failedKey;
  }
}

/** Encoded name; of a failed one: error code, time, encoded name, name, message. */
function asLine(result: CopyResult): string {
  const encoded = encodeObjectName(result.name);
  if (result.outcome !== 'failed') return encoded;
  const columns = [
    result.errorCode,
    new Date(result.time).toISOString(),
    encoded,
    result.name,
    result.message,
  ];
  // A tab or a line end in a name or a message would tear the columns apart; the encoded name has them still.
  return columns.map((column) => column.replaceAll(/\p{Cc}/gu, ' ')).join('\t');
}
