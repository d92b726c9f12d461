import { InventoryError, type InventoryVendor } from './inventory.ts';
import type { StoredObject } from './stored-object.ts';

/** The columns of one vendor, as {@link normalize} has them. */
interface Columns {
  readonly name: string;
  readonly size: string;
  readonly modified: string;
  /** It is no object of now where one of these is true, or, for a text, there. */
  readonly leftOutIf: readonly string[];
  /** It is no object of now where one of these is false. */
  readonly leftOutUnless: readonly string[];
}

/** S3 User Guide, "Amazon S3 Inventory list"; OBS has the same fields. In Parquet they are written with underscores. */
const s3Columns: Columns = {
  name: 'key',
  size: 'size',
  modified: 'lastmodifieddate',
  leftOutIf: ['isdeletemarker'],
  leftOutUnless: ['islatest'],
};

const columnsOf: Readonly<Record<InventoryVendor, Columns>> = {
  s3: s3Columns,
  obs: s3Columns,
  // "Azure Storage blob inventory", the fields of blobs.
  az: {
    name: 'name',
    size: 'contentlength',
    modified: 'lastmodified',
    leftOutIf: ['snapshot', 'deleted', 'hdiisfolder'],
    leftOutUnless: ['iscurrentversion'],
  },
  // "Storage Insights inventory reports", the fields: a version with a time of deletion is not the current one.
  gs: { name: 'name', size: 'size', modified: 'updated', leftOutIf: ['timedeleted'], leftOutUnless: [] },
};

/**
 * Makes what turns a row into an object; undefined for what is no object of now.
 *
 * @throws {InventoryError} if a column is missing that is needed; so does what it makes, for a value that is none.
 */
export function makeObjectReader(
  vendor: InventoryVendor,
  columns: readonly string[],
  file: string,
): (row: readonly unknown[]) => StoredObject | undefined {
  const { name, size, modified, leftOutIf, leftOutUnless } = columnsOf[vendor];
  const found = columns.map(normalize);
  const need = (column: string): number => {
    const index = found.indexOf(column);
    if (index !== -1) return index;
    throw new InventoryError(
      file,
      `it has no column for ${column} (it has ${columns.join(', ')}): let the inventory have name, size and time of modification`,
    );
  };
  const [nameAt, sizeAt, modifiedAt] = [need(name), need(size), need(modified)];
  const indexesOf = (wanted: readonly string[]) =>
    wanted.map((column) => found.indexOf(column)).filter((index) => index !== -1);
  const [trueAt, falseAt] = [indexesOf(leftOutIf), indexesOf(leftOutUnless)];
  const readName = makeNameReader(vendor, file);
  return (row) => {
    if (trueAt.some((index) => isSet(row[index])) || falseAt.some((index) => isFalse(row[index]))) {
      return undefined;
    }
    return {
      name: readName(row[nameAt]),
      size: readNumber(row[sizeAt], file),
      modified: readTime(row[modifiedAt], file),
    };
  };
}

/** `Last-Modified`, `last_modified` and `LastModified` are one. */
function normalize(column: string): string {
  return column.toLowerCase().replace(/[^a-z]/g, '');
}

function makeNameReader(vendor: InventoryVendor, file: string): (value: unknown) => string {
  const isParquet = /\.parquet$/i.test(file);
  let container: string | undefined;
  return (value) => {
    if (typeof value !== 'string' || value === '') throw wrongValue(file, 'name', value);
    if (vendor === 'gs') return value;
    // In CSV, keys are encoded as in forms; in Parquet they are not.
    if (vendor !== 'az') return isParquet ? value : decodeKey(value, file);
    // The container stands in front of the name.
    const slash = value.indexOf('/');
    const found = value.slice(0, Math.max(0, slash));
    container ??= found;
    if (found !== container || slash === -1 || slash === value.length - 1) {
      throw new InventoryError(
        file,
        `it holds blobs of other containers than ${JSON.stringify(container)}, such as ${JSON.stringify(value)}: let the rule of the inventory have one container as its prefix`,
      );
    }
    return value.slice(slash + 1);
  };
}

function decodeKey(text: string, file: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (error) {
    throw new InventoryError(file, `a key that is not encoded: ${JSON.stringify(text)}`, error);
  }
}

/** `true`, or a text such as a time; not `false`, and nothing is no text. */
function isSet(value: unknown): boolean {
  return value !== null && value !== undefined && value !== '' && value !== false && !isFalse(value);
}

function isFalse(value: unknown): boolean {
  return value === false || (typeof value === 'string' && value.toLowerCase() === 'false');
}

function readNumber(value: unknown, file: string): number {
  const number =
    typeof value === 'bigint' || (typeof value === 'string' && /^\d+$/.test(value)) ? Number(value) : value;
  if (typeof number === 'number' && number >= 0) return number;
  throw wrongValue(file, 'size', value);
}

/** A time, the text of one, or milliseconds since 1970. */
function readTime(value: unknown, file: string): number {
  const time =
    value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : Number(value);
  if (value !== null && Number.isFinite(time)) return time;
  throw wrongValue(file, 'time of modification', value);
}

function wrongValue(file: string, what: string, value: unknown): InventoryError {
  return new InventoryError(file, `a row with no ${what}, but ${JSON.stringify(String(value))}`);
}
