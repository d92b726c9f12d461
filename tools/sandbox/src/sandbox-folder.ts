import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '@oms-sync/testing';

/** Tells a folder of a sandbox, which may be emptied, from somebody's own. */
const mark = '.oms-sync-sandbox';

/**
 * Makes a folder, or empties that of the last sandbox.
 *
 * @throws {UsageError} if it holds something else.
 */
export async function makeEmpty(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const entries = await readdir(folder);
  if (entries.length > 0 && !entries.includes(mark)) {
    throw new UsageError(`${folder} is not empty, and not the folder of a sandbox: choose another --folder`);
  }
  for (const entry of entries) await rm(path.join(folder, entry), { recursive: true });
  await writeFile(
    path.join(folder, mark),
    'The folder of a sandbox of oms-sync: its next start empties it.\n',
  );
}
