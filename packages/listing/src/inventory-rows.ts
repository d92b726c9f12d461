import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { TextDecoder } from 'node:util';
import { createGunzip } from 'node:zlib';
import { parse } from 'csv-parse';
import { parquetMetadataAsync, parquetRead, parquetSchema, type AsyncBuffer } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { InventoryError, type InventoryPlan } from './inventory.ts';

/** The rows of a data file, batch by batch, each with its values in the order of the columns. */
export interface Rows {
  readonly columns: readonly string[];
  readonly batches: AsyncIterable<readonly (readonly unknown[])[]>;
}

const rowsABatch = 1000;

/**
 * Opens a data file. Nothing in it is passed over: a file that ends too early, a row with other columns than the rest, or
 * bytes that are no UTF-8 are errors.
 *
 * @throws {InventoryError} so do the batches.
 */
export async function readRows(file: string, csv: InventoryPlan['csv']): Promise<Rows> {
  return /\.parquet$/i.test(file) ? readParquet(file) : readCsv(file, csv);
}

// --- CSV ---

async function readCsv(file: string, { columns, delimiter = ',' }: InventoryPlan['csv']): Promise<Rows> {
  const records = csvRecords(file, delimiter);
  if (columns !== undefined) return { columns, batches: inBatches(records, columns.length, file) };
  const header = await records.next();
  if (header.done === true) throw new InventoryError(file, 'it is empty, and should have a header at least');
  const found = header.value.map(String);
  return { columns: found, batches: inBatches(records, found.length, file) };
}

async function* csvRecords(file: string, delimiter: string): AsyncGenerator<readonly unknown[]> {
  const parser = parse({ delimiter, bom: true });
  const bytes = createReadStream(file);
  // What fails on the way ends the parser, which is what is read.
  const unpacked = /\.gz$/i.test(file) ? pipeline(bytes, createGunzip(), () => undefined) : bytes;
  pipeline(Readable.from(decode(unpacked)), parser, () => undefined);
  try {
    for await (const record of parser as AsyncIterable<unknown>) if (Array.isArray(record)) yield record;
  } catch (error) {
    throw unreadable(file, error);
  } finally {
    bytes.destroy();
  }
}

async function* decode(bytes: AsyncIterable<unknown>): AsyncGenerator<string> {
  const decoder = makeDecoder();
  for await (const chunk of bytes)
    if (chunk instanceof Uint8Array) yield decoder.decode(chunk, { stream: true });
  yield decoder.decode();
}

async function* inBatches(
  records: AsyncIterable<readonly unknown[]>,
  columnCount: number,
  file: string,
): Rows['batches'] extends AsyncIterable<infer Batch> ? AsyncGenerator<Batch> : never {
  let batch: (readonly unknown[])[] = [];
  for await (const record of records) {
    if (record.length !== columnCount) {
      throw new InventoryError(
        file,
        `a row has ${record.length} columns, not ${columnCount}: fetch it again`,
      );
    }
    batch.push(record);
    if (batch.length < rowsABatch) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

// --- Parquet ---

async function readParquet(file: string): Promise<Rows> {
  try {
    const buffer = await openBuffer(file);
    const metadata = await parquetMetadataAsync(buffer);
    const columns = parquetSchema(metadata).children.map(({ element }) => element.name);
    return { columns, batches: parquetRows(file, buffer, metadata, columns) };
  } catch (error) {
    throw unreadable(file, error);
  }
}

async function* parquetRows(
  file: string,
  buffer: AsyncBuffer,
  metadata: Awaited<ReturnType<typeof parquetMetadataAsync>>,
  columns: readonly string[],
): AsyncGenerator<readonly (readonly unknown[])[]> {
  const decoder = makeDecoder();
  let rowStart = 0;
  for (const group of metadata.row_groups) {
    const rowEnd = rowStart + Number(group.num_rows);
    let rows: unknown[][] = [];
    try {
      await parquetRead({
        file: buffer,
        metadata,
        columns: [...columns],
        compressors,
        rowStart,
        rowEnd,
        parsers: { stringFromBytes: (bytes: Uint8Array) => decoder.decode(bytes) },
        onComplete: (read) => (rows = read),
      });
    } catch (error) {
      throw unreadable(file, error);
    }
    if (rows.length !== rowEnd - rowStart) {
      throw new InventoryError(
        file,
        `${rows.length} rows where it says ${rowEnd - rowStart}: fetch it again`,
      );
    }
    for (let start = 0; start < rows.length; start += rowsABatch) yield rows.slice(start, start + rowsABatch);
    rowStart = rowEnd;
  }
}

async function openBuffer(file: string): Promise<AsyncBuffer> {
  const handle = await open(file, 'r');
  const { size } = await handle.stat();
  await handle.close();
  return {
    byteLength: size,
    async slice(start, end = size) {
      const opened = await open(file, 'r');
      try {
        const bytes = new ArrayBuffer(end - start);
        const { bytesRead } = await opened.read(new Uint8Array(bytes), 0, end - start, start);
        if (bytesRead !== end - start) throw new RangeError('the file ends before its rows do');
        return bytes;
      } finally {
        await opened.close();
      }
    },
  };
}

// --- both ---

function makeDecoder(): TextDecoder {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
}

function unreadable(file: string, error: unknown): InventoryError {
  if (error instanceof InventoryError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new InventoryError(file, `it cannot be read to its end (${reason}): fetch it again`, error);
}
