import { parseLogBucket } from '@oms-sync/core';
import { bucketOf, findKeyRanges, type ObjectSource, type Pages } from '@oms-sync/listing';
import { openInventoryOf, openSourceOf, type SourceFlags } from '../source.ts';
import type { Tool } from '../tool.ts';
import type { BackfillOptions } from './run.ts';
import type { Part } from './state.ts';

/** Where a backfill gets its objects from. */
export interface BackfillSource extends Pick<BackfillOptions, 'list' | 'origin'> {
  /** As people write it. */
  readonly address: string;
  /** What tells it from another one of the same address. */
  readonly fingerprint?: string | undefined;
  /** How many objects there are, if that is known beforehand. */
  readonly total?: number | undefined;
  /** What can be listed side by side. */
  findParts(parallel: number): Promise<Part[]>;
}

/** Parts for each worker: they are of different sizes, and whoever is done takes the next. */
const partsAWorker = 4;
/** Pages that are asked for to find one part. */
const probesAPart = 3;

/** A bucket that is listed. */
export function openListedSource(
  tool: Tool,
  text: string,
  flags: SourceFlags & { readonly prefix?: string },
): BackfillSource {
  const source = openSourceOf(tool, text, flags);
  const parsed = parseLogBucket(text);
  const origin =
    'value' in parsed
      ? { store: parsed.value.store, bucket: bucketOf(parsed.value) }
      : { store: 'file', bucket: undefined };
  return {
    address: source.address,
    origin,
    list: (part) => listRest(source, part),
    async findParts(parallel) {
      const count = parallel * partsAWorker;
      const { prefix = '' } = flags;
      const ranges = await findKeyRanges(source, { prefix, count, maxProbes: count * probesAPart });
      return ranges.map((range) => ({ range, passed: 0, isDone: false }));
    },
  };
}

/** The folder in an address: what all names in it begin with. */
export function folderOf(address: string): string {
  const parsed = parseLogBucket(address);
  return 'value' in parsed ? parsed.value.prefix : '';
}

/** What a part has behind its last name that is settled. */
export function listRest(source: ObjectSource, { range, last }: Part): Pages {
  if (last === undefined) return source.list(range);
  return source.isOrdered
    ? source.list({ ...range, after: last })
    : listBehind(() => source.list(range), last);
}

/**
 * Of a listing in an order of its own, what comes behind a name: that order is the same each time, and no comparison of
 * names says which it is (a hierarchical namespace lists `a/1` before `a-b`). All of it, if the name is gone meanwhile.
 */
async function* listBehind(list: () => Pages, last: string): Pages {
  let isBehind = false;
  for await (const page of list()) {
    if (isBehind) {
      yield page;
      continue;
    }
    const index = page.findIndex(({ name }) => name === last);
    isBehind = index !== -1;
    if (isBehind) yield page.slice(index + 1);
  }
  if (!isBehind) yield* list();
}

/**
 * An inventory, `s3:folder` or `az:file`.
 *
 * @throws {UsageError} if there is none that can be read.
 */
export async function openInventorySource(text: string, prefix = ''): Promise<BackfillSource> {
  const inventory = await openInventoryOf('--inventory', text);
  return {
    address: text,
    fingerprint: inventory.fingerprint,
    origin: { store: inventory.vendor, bucket: inventory.bucket },
    total: prefix === '' ? inventory.rows : undefined,
    // The same rows come in the same order each time.
    list: ({ passed }) => skip(withPrefix(inventory.list(), prefix), passed),
    findParts: () => Promise.resolve([{ range: { prefix }, passed: 0, isDone: false }]),
  };
}

async function* withPrefix(pages: Pages, prefix: string): Pages {
  for await (const page of pages) yield page.filter(({ name }) => name.startsWith(prefix));
}

async function* skip(pages: Pages, count: number): Pages {
  let left = count;
  for await (const page of pages) {
    const rest = page.slice(left);
    left -= page.length - rest.length;
    if (rest.length > 0) yield rest;
  }
}
