import { createHash } from 'node:crypto';
import { access, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { isSystemError } from '@oms-sync/log-bucket';
import { InventoryError, type InventoryFile, type InventoryPlan, type InventoryVendor } from './inventory.ts';

/**
 * Finds out what an inventory consists of.
 *
 * @param location a manifest, a data file, or a folder with either.
 * @throws {InventoryError}
 */
export async function planInventory(vendor: InventoryVendor, location: string): Promise<InventoryPlan> {
  try {
    const isFolder = (await stat(location)).isDirectory();
    const manifest = isFolder ? await findManifest(location) : location;
    if (manifest !== undefined && manifest.endsWith('.json')) return await readManifest(vendor, manifest);
    return await planFiles(vendor, isFolder ? await findDataFiles(location) : [location], location);
  } catch (error) {
    if (isSystemError(error)) throw new InventoryError(location, error.message, error);
    throw error;
  }
}

async function findManifest(folder: string): Promise<string | undefined> {
  const names = (await readdir(folder)).filter((name) => /manifest\.json$/i.test(name));
  if (names.length > 1) {
    throw new InventoryError(folder, `it holds several manifests, name one of them: ${names.join(', ')}`);
  }
  return names[0] === undefined ? undefined : path.join(folder, names[0]);
}

async function findDataFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => /\.(csv|csv\.gz|parquet|orc)$/i.test(name)).sort();
  if (names.length === 0) {
    throw new InventoryError(
      folder,
      'it holds neither a manifest.json nor files that end in .csv, .csv.gz or .parquet',
    );
  }
  return names.map((name) => path.join(folder, name));
}

/** Files without a manifest: nothing says how many there should be, so that is up to whoever names them. */
async function planFiles(
  vendor: InventoryVendor,
  files: readonly string[],
  location: string,
): Promise<InventoryPlan> {
  if ((vendor === 's3' || vendor === 'obs') && files.some((file) => /\.csv(\.gz)?$/i.test(file))) {
    throw new InventoryError(
      location,
      'the CSV files of this inventory have no header: name the manifest.json beside them, which says what their columns are',
    );
  }
  return { files: await Promise.all(files.map((file) => toFile(file, {}))), csv: {} };
}

// --- manifests ---

async function readManifest(vendor: InventoryVendor, file: string): Promise<InventoryPlan> {
  const text = await readFile(file, 'utf8');
  await checkManifest(file, text);
  let manifest: unknown;
  try {
    manifest = JSON.parse(text);
  } catch (error) {
    throw new InventoryError(file, 'it is no JSON: was it cut off?', error);
  }
  if (!isRecord(manifest)) throw new InventoryError(file, 'it is no manifest');
  return readers[vendor](manifest, file);
}

/** The MD5 of the manifest lies beside it, as text. */
async function checkManifest(file: string, text: string): Promise<void> {
  const checksum = await readFile(file.replace(/\.json$/, '.checksum'), 'utf8').catch((error: unknown) => {
    if (isSystemError(error) && error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (checksum === undefined) return;
  const md5 = createHash('md5').update(text);
  const [hex, base64] = [md5.copy().digest('hex'), md5.digest('base64')];
  if (![hex, base64].includes(checksum.trim()) && checksum.trim().toLowerCase() !== hex) {
    throw new InventoryError(file, 'it has another MD5 than its .checksum file says: fetch both again');
  }
}

type ReadManifest = (manifest: Fields, file: string) => Promise<InventoryPlan>;
type Fields = Readonly<Record<string, unknown>>;

/** S3 User Guide, "Locating your inventory list"; OBS has the same (OBS User Guide, "Bucket Inventories"). */
const readS3Manifest: ReadManifest = async (manifest, file) => {
  const format = textOf(manifest['fileFormat']) ?? '';
  if (!/^(csv|parquet)$/i.test(format)) throw unreadableFormat(file, format);
  const schema = textOf(manifest['fileSchema']);
  if (schema === undefined) throw new InventoryError(file, 'it has no fileSchema');
  const files = listOf(manifest['files'], file).map((entry) => {
    const fields = isRecord(entry) ? entry : {};
    return {
      key: textOf(fields['key']),
      size: numberOf(fields['size']),
      md5: textOf(fields['MD5checksum']),
      rows: numberOf(fields['inventoriedRecord']),
    };
  });
  return {
    bucket: textOf(manifest['sourceBucket']),
    csv: /^csv$/i.test(format) ? { columns: schema.split(',').map((column) => column.trim()) } : {},
    files: await locateFiles(files, file),
  };
};

/** Azure, "Azure Storage blob inventory", the section on the manifest. */
const readAzureManifest: ReadManifest = async (manifest, file) => {
  const status = textOf(manifest['status']);
  if (status !== undefined && status !== 'Succeeded') {
    throw new InventoryError(file, `the inventory run is not complete: its status is ${status}`);
  }
  const files = listOf(manifest['files'], file).map((entry) => {
    const fields = isRecord(entry) ? entry : {};
    return { key: textOf(fields['blob']), size: numberOf(fields['size']) };
  });
  const summary = isRecord(manifest['summary']) ? manifest['summary'] : {};
  return { csv: {}, rows: numberOf(summary['objectCount']), files: await locateFiles(files, file) };
};

/** Google Cloud, "Storage Insights inventory reports", the section on the manifest. */
const readGoogleManifest: ReadManifest = async (manifest, file) => {
  const names = listOf(manifest['report_shards_file_names'], file);
  const shards = numberOf(manifest['shard_count']);
  if (shards !== undefined && shards !== names.length) {
    throw new InventoryError(file, `it names ${names.length} files, and says that there are ${shards}`);
  }
  const config = isRecord(manifest['report_config']) ? manifest['report_config'] : {};
  const csv = isRecord(config['csv_options']) ? config['csv_options'] : {};
  const metadata = isRecord(config['object_metadata_report_options'])
    ? config['object_metadata_report_options']
    : {};
  const columns = metadata['metadata_fields'];
  const filters = isRecord(metadata['storage_filters']) ? metadata['storage_filters'] : {};
  return {
    bucket: textOf(filters['bucket']),
    rows: numberOf(manifest['records_processed']),
    csv: {
      delimiter: textOf(csv['delimiter']),
      // The header is a matter of choice; without one, the columns are those of the configuration.
      ...(csv['header_required'] !== true &&
        Array.isArray(columns) &&
        isRecord(config['csv_options']) && { columns: columns.map(String) }),
    },
    files: await locateFiles(
      names.map((name) => ({ key: textOf(name) })),
      file,
    ),
  };
};

const readers: Readonly<Record<InventoryVendor, ReadManifest>> = {
  s3: readS3Manifest,
  obs: readS3Manifest,
  az: readAzureManifest,
  gs: readGoogleManifest,
};

// --- files ---

interface NamedFile {
  readonly key: string | undefined;
  readonly size?: number | undefined;
  readonly md5?: string | undefined;
  readonly rows?: number | undefined;
}

async function locateFiles(named: readonly NamedFile[], manifest: string): Promise<InventoryFile[]> {
  return Promise.all(
    named.map(async ({ key, ...expected }) => {
      if (key === undefined) throw new InventoryError(manifest, 'it names a file without a name');
      return toFile(await locate(path.basename(key), manifest), expected);
    }),
  );
}

/** Data files lie beside the manifest, or where S3 has them: in `data` beside its folder. */
async function locate(name: string, manifest: string): Promise<string> {
  const folder = path.dirname(manifest);
  const places = [folder, path.join(folder, 'data'), path.join(folder, '../data')];
  for (const place of places) {
    const file = path.join(place, name);
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  throw new InventoryError(
    manifest,
    `it names ${name}, which is in none of ${places.join(', ')}: fetch it too`,
  );
}

async function toFile(file: string, expected: Omit<NamedFile, 'key'>): Promise<InventoryFile> {
  if (!/\.(csv|csv\.gz|parquet)$/i.test(file)) throw unreadableFormat(file, path.extname(file).slice(1));
  const { size } = await stat(file);
  if (expected.size !== undefined && expected.size !== size) {
    throw new InventoryError(
      file,
      `it has ${size} bytes, and its manifest says ${expected.size}: fetch it again`,
    );
  }
  return { file, size, md5: expected.md5, rows: expected.rows };
}

function unreadableFormat(file: string, format: string): InventoryError {
  return new InventoryError(
    file,
    `the format ${format === '' ? 'of the inventory' : format} cannot be read: let the inventory be written as CSV or Parquet`,
  );
}

// --- fields ---

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** A number, or its digits. */
function numberOf(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && number >= 0 ? number : undefined;
}

function listOf(value: unknown, file: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new InventoryError(file, 'it is no manifest of this kind of inventory: it names no files');
}
