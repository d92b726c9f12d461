import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readRows } from './inventory-rows.ts';
import { planInventory } from './inventory-manifest.ts';
import { makeObjectReader } from './inventory-objects.ts';
import type { Pages, StoredObject } from './stored-object.ts';

/** Whose inventory it is: S3 Inventory, OBS bucket inventory, Azure Blob inventory, Google's Storage Insights. */
export const inventoryVendors = ['s3', 'obs', 'az', 'gs'] as const;

export type InventoryVendor = (typeof inventoryVendors)[number];

/** What a store has written down about all its objects, in files of this machine. */
export interface Inventory {
  readonly vendor: InventoryVendor;
  /** The bucket that it is about, if it says so. */
  readonly bucket: string | undefined;
  /** What tells it from another one: its files, with their sizes and checksums. */
  readonly fingerprint: string;
  /** Rows, if it says so: objects, and what is left out. */
  readonly rows: number | undefined;
  /**
   * Its objects as they are now, always in the same order, which is none of the names. Left out are versions that are not
   * the current one, delete markers, snapshots, and the folders of a hierarchical namespace.
   *
   * @throws {InventoryError} for a file that is cut off, or is not what the manifest says.
   */
  list(): Pages;
}

/** An inventory cannot be read, or not to its end. */
export class InventoryError extends Error {
  override readonly name = 'InventoryError';
  readonly file: string;

  constructor(file: string, message: string, cause?: unknown) {
    super(`inventory ${file}: ${message}`, { cause });
    this.file = file;
  }
}

/** What an inventory consists of. */
export interface InventoryPlan {
  readonly bucket?: string | undefined;
  readonly files: readonly InventoryFile[];
  /** Rows of all files. */
  readonly rows?: number | undefined;
  readonly csv: {
    /** Where the files have no header. */
    readonly columns?: readonly string[];
    readonly delimiter?: string | undefined;
  };
}

export interface InventoryFile {
  readonly file: string;
  /** In bytes. */
  readonly size: number;
  /** In hexadecimal digits. */
  readonly md5: string | undefined;
  readonly rows: number | undefined;
}

/**
 * Opens an inventory that lies on this machine.
 *
 * @param location its manifest, a data file, or a folder with either.
 * @throws {InventoryError}
 */
export async function openInventory(vendor: InventoryVendor, location: string): Promise<Inventory> {
  const plan = await planInventory(vendor, location);
  const rowsOfFiles = plan.files.map(({ rows }) => rows);
  const rows = rowsOfFiles.every((count) => count !== undefined)
    ? rowsOfFiles.reduce((sum, count) => sum + count, 0)
    : undefined;
  return {
    vendor,
    bucket: plan.bucket,
    fingerprint: fingerprintOf(plan),
    rows: plan.rows ?? rows,
    list: () => listInventory(vendor, plan, location),
  };
}

function fingerprintOf({ files }: InventoryPlan): string {
  const entries = files.map(({ file, size, md5 }) => [file, size, md5 ?? null]);
  return createHash('sha256').update(JSON.stringify(entries)).digest('hex').slice(0, 16);
}

async function* listInventory(vendor: InventoryVendor, plan: InventoryPlan, location: string): Pages {
  let total = 0;
  for (const { file, md5, rows } of plan.files) {
    // All of it, before any of it counts.
    if (md5 !== undefined) await checkMd5(file, md5);
    const { columns, batches } = await readRows(file, plan.csv);
    const readObject = makeObjectReader(vendor, columns, file);
    let count = 0;
    for await (const batch of batches) {
      count += batch.length;
      const objects: StoredObject[] = [];
      for (const row of batch) {
        const object = readObject(row);
        if (object !== undefined) objects.push(object);
      }
      if (objects.length > 0) yield objects;
    }
    if (rows !== undefined && rows !== count) throw wrongCount(file, count, rows);
    total += count;
  }
  if (plan.rows !== undefined && plan.rows !== total) throw wrongCount(location, total, plan.rows);
}

function wrongCount(file: string, found: number, expected: number): InventoryError {
  return new InventoryError(file, `${found} rows where its manifest says ${expected}: something is missing`);
}

async function checkMd5(file: string, expected: string): Promise<void> {
  const hash = createHash('md5');
  for await (const chunk of createReadStream(file)) if (chunk instanceof Uint8Array) hash.update(chunk);
  if (hash.digest('hex') === expected.toLowerCase()) return;
  throw new InventoryError(file, 'it has another MD5 than its manifest says: fetch it again');
}
