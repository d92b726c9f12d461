import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';

/** One object of a folder. */
export interface FolderObject {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  readonly lastModified: Date;
}

const escapedFolder = '.escaped';
/** What a file system says when a key needs a folder where a file lies, or the other way round. */
const conflictCodes = new Set(['EISDIR', 'ENOTDIR', 'EEXIST', 'ENOTEMPTY']);

/**
 * A folder that holds objects like a bucket: any key, also those that a file system cannot hold.
 *
 * A key is the path of its file wherever the file system can have such a path, so that people find it. All others
 * (an empty, `.` or `..` part, one of over 255 bytes, `a` beside `a/b`) lie under `.escaped/`: percent-encoded, cut
 * into folders of 200 characters, the last part ending in `=`.
 *
 * A file system that folds case or normalises Unicode (macOS, Windows) cannot tell some names apart.
 */
export class ObjectFolder {
  readonly root: string;

  constructor(root: string) {
    this.root = path.resolve(root);
  }

  /** Writes an object whole or not at all, and to the disk before it resolves. */
  async write(key: string, body: string | Uint8Array): Promise<void> {
    const escaped = this.#escapedPath(key);
    const temporary = path.join(this.root, escapedFolder, `temporary-${randomUUID()}`);
    await makeFolder(path.dirname(temporary));
    try {
      const file = await open(temporary, 'wx');
      try {
        await file.writeFile(body);
        await file.sync();
      } finally {
        await file.close();
      }
      const plain = this.#plainPath(key);
      if (plain !== undefined && (await moveUnlessConflict(temporary, plain))) {
        await rm(escaped, { force: true });
        return;
      }
      await move(temporary, escaped);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** The bytes of an object, or undefined when there is none of that key. */
  async read(key: string): Promise<Buffer | undefined> {
    const file = await this.find(key);
    return file === undefined ? undefined : readFile(file.path).catch(ignoreMissing);
  }

  /** Removes an object; none of that key is no error. */
  async delete(key: string): Promise<void> {
    // Both places: a write that was cut off may have left an older body in the second.
    for (let file = await this.find(key); file !== undefined; file = await this.find(key)) {
      await rm(file.path, { force: true });
    }
  }

  /** The file that holds an object, or undefined when there is none of that key. */
  async find(key: string): Promise<{ path: string; size: number; lastModified: Date } | undefined> {
    for (const candidate of [this.#plainPath(key), this.#escapedPath(key)]) {
      if (candidate === undefined) continue;
      const found = await stat(candidate).catch(ignoreMissing);
      if (found?.isFile() === true) {
        return { path: candidate, size: found.size, lastModified: found.mtime };
      }
    }
    return undefined;
  }

  /**
   * The objects whose key begins with the prefix, in the order of the keys' UTF-8 bytes: those behind a key, and no more
   * than so many, if that is asked for.
   */
  async list(prefix = '', after = '', most = Infinity): Promise<FolderObject[]> {
    const files = new Map<string, string>();
    const start = Buffer.from(after);
    for (const file of await walk(this.root)) {
      const key = this.keyOf(file);
      if (key === undefined || !key.startsWith(prefix)) continue;
      if (after !== '' && Buffer.compare(Buffer.from(key), start) <= 0) continue;
      // The plain file counts when a write that was cut off has left both.
      if (!files.has(key) || file === this.#plainPath(key)) files.set(key, file);
    }
    const objects: FolderObject[] = [];
    for (const [key, file] of sortByKey(files)) {
      if (objects.length >= most) break;
      const found = await stat(file).catch(ignoreMissing);
      if (found !== undefined) objects.push({ key, size: found.size, lastModified: found.mtime });
    }
    return objects;
  }

  /** The key of the object that lies in a file, or undefined for a file that is none (one half written). */
  keyOf(file: string): string | undefined {
    const inRoot = `${this.root}${path.sep}`;
    // Working it out takes longer than everything else in the listing of a large folder.
    const local = file.startsWith(inRoot) ? file.slice(inRoot.length) : path.relative(this.root, file);
    const relative = local.split(path.sep).join('/');
    if (!relative.startsWith(`${escapedFolder}/`)) return relative;
    if (!relative.endsWith('=')) return undefined;
    try {
      return decodeURIComponent(relative.slice(escapedFolder.length + 1, -1).replaceAll('/', ''));
    } catch {
      return undefined; // Others have laid it there.
    }
  }

  #plainPath(key: string): string | undefined {
    const parts = key.split('/');
    const plain = parts.every(
      (part) =>
        part !== '' &&
        part !== '.' &&
        part !== '..' &&
        !part.includes('\0') &&
        !(path.sep === '\\' && /[\\:*?"<>|]/.test(part)) &&
        Buffer.byteLength(part) <= 255,
    );
    return plain && parts[0] !== escapedFolder ? path.join(this.root, ...parts) : undefined;
  }

  #escapedPath(key: string): string {
    const encoded = encodeURIComponent(key).replaceAll('.', '%2E').replaceAll('*', '%2A');
    const parts = `${encoded}=`.match(/.{1,200}=?$|.{1,200}/g) ?? [];
    return path.join(this.root, escapedFolder, ...parts);
  }
}

/** All files below a folder. (`readdir` does that by itself from Node.js 18.17 on, FunctionGraph has 18.15.) */
async function walk(folder: string, files: string[] = []): Promise<string[]> {
  const entries = (await readdir(folder, { withFileTypes: true }).catch(ignoreMissing)) ?? [];
  for (const entry of entries) {
    const entryPath = `${folder}${path.sep}${entry.name}`;
    if (entry.isDirectory()) await walk(entryPath, files);
    else if (entry.isFile()) files.push(entryPath);
  }
  return files;
}

function sortByKey(files: ReadonlyMap<string, string>): (readonly [string, string])[] {
  const sorted = [...files].map((entry) => ({ entry, bytes: Buffer.from(entry[0]) }));
  return sorted.sort((a, b) => Buffer.compare(a.bytes, b.bytes)).map(({ entry }) => entry);
}

async function moveUnlessConflict(from: string, to: string): Promise<boolean> {
  try {
    await move(from, to);
    return true;
  } catch (error) {
    if (isSystemError(error) && conflictCodes.has(error.code)) return false;
    throw error;
  }
}

async function move(from: string, to: string): Promise<void> {
  await makeFolder(path.dirname(to));
  await rename(from, to);
  await syncFolder(path.dirname(to));
}

/** Makes a folder and those above it, with their names on the disk. */
async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = path.dirname(made)) {
    await syncFolder(path.dirname(made));
  }
}

/** A name is on the disk when its folder is; the sync of a file does not see to that (fsync(2)). */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return; // It cannot open folders, and does not need to.
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreMissing(error: unknown): undefined {
  if (isSystemError(error) && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return undefined;
  throw error;
}

/** Is it an error of the operating system, with its code? */
export function isSystemError(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string';
}
