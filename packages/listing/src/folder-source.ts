import { isUtf8 } from 'node:buffer';
import type { Dirent, Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isSystemError } from '@oms-sync/log-bucket';
import { compareNames } from './name-order.ts';
import { SourceError, type ListRange, type ObjectSource } from './object-source.ts';
import type { Pages, StoredObject } from './stored-object.ts';

const objectsAPage = 1000;
/** Files that are looked at side by side. */
const filesAtATime = 64;

/**
 * A folder of this machine as a source: its files, by their paths within it, with slashes.
 *
 * A link to a file is that file. What cannot be a source's object stops the listing: a name that is no UTF-8, and a link
 * to a folder, which is not followed. Sockets, devices and empty folders are no objects.
 */
export function openFolderSource(folder: string): ObjectSource {
  const address = pathToFileURL(folder).href;
  return {
    address,
    isOrdered: true,
    list: (range = {}) => listFolder(folder, address, range),
  };
}

async function* listFolder(folder: string, address: string, range: ListRange): Pages {
  try {
    let names: string[] = [];
    for await (const name of walk(folder, '', new Bounds(range), address)) {
      names.push(name);
      if (names.length < (range.pageSize ?? objectsAPage)) continue;
      yield await lookAt(folder, address, names);
      names = [];
    }
    if (names.length > 0) yield await lookAt(folder, address, names);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new SourceError(address, `the listing failed: ${error.message}`, error);
  }
}

/** What a range leaves of a tree. */
class Bounds {
  readonly #range: ListRange;

  constructor(range: ListRange) {
    this.#range = range;
  }

  /** May there be anything of the range among the names that begin with this one? */
  hasAnyBelow(beginning: string): boolean {
    const { prefix = '', after, before } = this.#range;
    const isOfPrefix = beginning.startsWith(prefix) || prefix.startsWith(beginning);
    const isBehind = after === undefined || after.startsWith(beginning) || compareNames(beginning, after) > 0;
    return isOfPrefix && isBehind && (before === undefined || compareNames(beginning, before) < 0);
  }

  has(name: string): boolean {
    const { prefix = '', after, before } = this.#range;
    return (
      name.startsWith(prefix) &&
      (after === undefined || compareNames(name, after) > 0) &&
      (before === undefined || compareNames(name, before) < 0)
    );
  }
}

/** The names of all files, or what may be one, in the order of their UTF-8 bytes. */
async function* walk(
  root: string,
  beginning: string,
  bounds: Bounds,
  address: string,
): AsyncGenerator<string> {
  for (const name of await readFolder(root, beginning, address)) {
    if (!name.endsWith('/')) {
      if (bounds.has(name)) yield name;
    } else if (bounds.hasAnyBelow(name)) {
      yield* walk(root, name, bounds, address);
    }
  }
}

/** What is in a folder, sorted as whole names are: those of folders end in a slash, since `a.b` stands before `a/b`. */
async function readFolder(root: string, beginning: string, address: string): Promise<string[]> {
  const entries = await readdir(path.join(root, beginning), {
    withFileTypes: true,
    encoding: 'buffer',
  }).catch((error: unknown) => {
    // A folder that went meanwhile has no objects; a root that is not there is a mistake.
    if (beginning !== '' && isMissing(error)) return [];
    throw error;
  });
  return entries
    .filter((entry) => entry.isDirectory() || entry.isFile() || entry.isSymbolicLink())
    .map((entry) => `${beginning}${readName(entry, beginning, address)}${entry.isDirectory() ? '/' : ''}`)
    .sort(compareNames);
}

function readName({ name }: Dirent<Buffer>, beginning: string, address: string): string {
  if (isUtf8(name)) return name.toString('utf8');
  throw new SourceError(
    address,
    `${JSON.stringify(beginning)} holds a name that is no UTF-8 (bytes ${name.toString('hex')}): OMS could not be told it, rename it`,
  );
}

async function lookAt(root: string, address: string, names: readonly string[]): Promise<StoredObject[]> {
  const objects: StoredObject[] = [];
  for (let start = 0; start < names.length; start += filesAtATime) {
    const part = names.slice(start, start + filesAtATime);
    const found = await Promise.all(part.map((name) => stat(path.join(root, name)).catch(ignoreMissing)));
    for (const [index, stats] of found.entries()) {
      const object = toStoredObject(part[index] ?? '', stats, address);
      if (object !== undefined) objects.push(object);
    }
  }
  return objects;
}

function toStoredObject(name: string, stats: Stats | undefined, address: string): StoredObject | undefined {
  if (stats?.isDirectory() === true) {
    throw new SourceError(
      address,
      `${JSON.stringify(name)} is a link to a folder, which is not followed: remove it, or list what it leads to`,
    );
  }
  // Gone meanwhile, or a link to nothing or to a device.
  return stats?.isFile() === true ? { name, size: stats.size, modified: stats.mtimeMs } : undefined;
}

function ignoreMissing(error: unknown): undefined {
  if (isMissing(error)) return undefined;
  throw error;
}

function isMissing(error: unknown): boolean {
  return isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
