import type { ObjectFolder } from '@oms-sync/log-bucket';
import { decodeObjectName, decodeUtf8 } from './object-names.ts';

/** A migration task fails with one of the codes of OMS's migration failure reasons. */
export class TaskFailure extends Error {
  override readonly name = 'TaskFailure';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

const maxFileBytes = 1024 * 1024 * 1024;
const maxLineLength = 65_535;

/**
 * Reads the list file of a list migration, with the rules of OMS's user guide.
 *
 * @param contentType undefined if it is not known.
 * @throws {TaskFailure}
 */
export async function readListFile(
  bucket: ObjectFolder,
  key: string,
  contentType: string | undefined,
): Promise<readonly string[]> {
  const file = await bucket.read(key);
  if (file === undefined) throw new TaskFailure('TRF.0013', 'The list file does not exist');
  if (file.length > maxFileBytes) throw new TaskFailure('TRF.0014', 'The list file is larger than 1,024 MB');
  if (!key.endsWith('.txt') || (contentType !== undefined && contentType !== 'text/plain')) {
    throw new TaskFailure('TRF.0019', 'The list file must be a .txt of the content type text/plain');
  }
  const text = decodeUtf8(file);
  if (text === undefined || text.startsWith('\u{FEFF}')) {
    throw new TaskFailure('TRF.0016', 'The list file must be UTF-8 without BOM');
  }
  const lines = text.split('\n').filter((line) => line !== '');
  if (lines.length === 0) throw new TaskFailure('TRF.0017', 'The list file is empty');
  return lines.map((line) => {
    if (line.length > maxLineLength) throw new TaskFailure('TRF.0018', 'A line of the list file is too long');
    const name = decodeObjectName(line);
    if (name === undefined) throw new TaskFailure('TRF.0016', 'A line of the list file is not URL-encoded');
    return name;
  });
}
