import { ObjectFolder } from '@oms-sync/log-bucket';

/** How the lists are laid out, as `log_layout` says. */
export type Layout = 'object' | 'list';

/** What the lists of a log bucket say of each name. */
export interface Lists {
  readonly requested: ReadonlySet<string>;
  /** With the class of the reason, where there is one. */
  readonly failed: ReadonlyMap<string, string | undefined>;
  /** Everything that is written there, to be searched for keys. */
  readonly text: string;
}

/** A file of many names, in whatever layout; anything else is the log object of one name. */
const listFile = /\/\d{8}T\d{6}\.\d{3}Z-[\da-f-]{36}\.(txt|jsonl)$/;
/** What a replay has in hand, or has given up: those names stand in the file of the reasons alone. */
const replayFile = /\/(failed_object\/\.replay|parked_object)\//;

/** Reads the lists of a log bucket that lies in a folder, as an operator would find them. */
export function readLists(folder: string): Promise<Lists> {
  const objects = new ObjectFolder(folder);
  return collectLists(async (prefix) => {
    const found = await objects.list(prefix);
    return Promise.all(found.map(async ({ key }) => ({ key, body: String(await objects.read(key)) })));
  });
}

/**
 * Reads the lists of any log bucket.
 *
 * @param readAll gives the objects whose key begins with a prefix.
 */
export async function collectLists(readAll: (prefix: string) => Promise<File[]>): Promise<Lists> {
  const read = (list: 'success_object' | 'failed_object' | 'parked_object') =>
    readAll(`oms_source_record/${list}/`);
  const succeeded = await read('success_object');
  const failed = [...(await read('failed_object')), ...(await read('parked_object'))];
  const reasons = new Map(failed.flatMap(readEntries).map(({ name, reason }) => [name, reason]));
  return {
    requested: new Set(succeeded.flatMap(readNames)),
    failed: new Map(failed.flatMap(readNames).map((name) => [name, reasons.get(name)])),
    text: [...succeeded, ...failed].map(({ key, body }) => `${key}\n${body}`).join('\n'),
  };
}

export interface File {
  readonly key: string;
  readonly body: string;
}

interface Entry {
  readonly name: string;
  readonly reason: string | undefined;
}

/** The names that are on a list by this file. Reasons alone, without the file that OMS takes, put none on it. */
function readNames(file: File): string[] {
  const kind = listFile.exec(file.key)?.[1];
  if (kind === 'txt') return linesOf(file).map(decodeURIComponent);
  if (kind === 'jsonl' && !replayFile.test(file.key)) return [];
  return readEntries(file).map(({ name }) => name);
}

/** What a file says beside the names. */
function readEntries(file: File): Entry[] {
  const kind = listFile.exec(file.key)?.[1];
  if (kind === 'txt') return [];
  return (kind === 'jsonl' ? linesOf(file) : [file.body]).map(readEntry);
}

function linesOf({ body }: File): string[] {
  return body.split('\n').slice(0, -1);
}

function readEntry(json: string): Entry {
  const entry: unknown = JSON.parse(json);
  const field = (name: string) => {
    const value: unknown = typeof entry === 'object' && entry !== null ? Reflect.get(entry, name) : undefined;
    return typeof value === 'string' ? value : undefined;
  };
  return { name: field('name') ?? '', reason: field('reason_class') };
}
