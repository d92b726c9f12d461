import { readFileSync } from 'node:fs';
import path from 'node:path';
import { damage } from './inputs.ts';
import { makeText } from './hostile-values.ts';
import { mutateText } from './mutations.ts';
import type { Random } from './random.ts';

/** A file of the tool's working folder, or of the log bucket under `logs/`. */
export interface ToolFile {
  readonly name: string;
  readonly body: Buffer;
}

/** One call of the tool. */
export interface ToolInput {
  readonly index: number;
  readonly args: readonly string[];
  readonly files: readonly ToolFile[];
  readonly stdin: Buffer;
}

/** Calls that people make; `FILE` stands for a file that is there. */
const calls: readonly (readonly string[])[] = [
  ['failed', 'list'],
  ['--json', 'failed', 'list', '--limit', '1000'],
  ['failed', 'list', '--code', 'OMS.0064', '--older-than', '1h', '--prefix', 'a'],
  ['failed', 'show', 'failed/one'],
  ['failed', 'export', 'exported'],
  ['failed', 'replay'],
  ['failed', 'replay', '--dry-run', '--rate', '500'],
  ['failed', 'clear', '--yes', '--newer-than', '7d'],
  ['status', '--since', '24h', '--count-for', '1'],
  ['--json', 'status', '--max-age', '90m'],
  ['request', 'photos/a.jpg', 'photos/b c.jpg', '--rate', '1000'],
  ['request', '-'],
  ['request', '-', '--null', '--dry-run'],
  ['backfill', '--inventory', 's3:inventory/manifest.json', '--since', '2020-01-01'],
  ['backfill', '--inventory', 'az:rule.csv', '--min-size', '1', '--max-size', '10M'],
  ['backfill', '--inventory', 'gs:objects.csv', '--dry-run'],
  ['backfill', '--inventory', 's3:a.parquet', '--parallel', '2'],
  ['backfill', '--source', 'file:///FOLDER/source', '--until', 'now'],
  ['reconcile', '--source', 'file:///FOLDER/source', '--destination', 'file:///FOLDER/source'],
  [
    'reconcile',
    '--source-inventory',
    's3:a.parquet',
    '--destination',
    'file:///FOLDER/source',
    '--jsonl',
    '-',
  ],
  ['doctor', '--timeout', '1'],
  ['--env-file', 'oms.env', 'failed', 'list'],
];

const csv =
  'Name,Last-Modified,Content-Length\n"photos/a",2026-01-02T03:04:05Z,3\n"photos/b, c",2026-01-02T03:04:05Z,3\n';
const rows = '"photos","a%2Bb","v1","true","false","3","2026-01-02T03:04:05.000Z","e"\n';
const manifest = {
  sourceBucket: 'photos',
  fileFormat: 'CSV',
  fileSchema: 'Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag',
  files: [{ key: 'inventories/photos/inventory/1.csv', size: rows.length }],
};

/** The files that calls read, before anything is done to them. */
export function readToolFiles(root: string): readonly ToolFile[] {
  return [
    { name: 'inventory/manifest.json', body: Buffer.from(JSON.stringify(manifest)) },
    { name: 'inventory/1.csv', body: Buffer.from(rows) },
    { name: 'rule.csv', body: Buffer.from(csv) },
    { name: 'objects.csv', body: Buffer.from('bucket,name,size,updated\nphotos,a,3,2026-01-02T03:04:05Z\n') },
    {
      name: 'a.parquet',
      body: readFileSync(path.join(root, 'packages/listing/fixtures/s3-inventory.parquet')),
    },
    { name: 'oms.env', body: Buffer.from('log_level=debug\n# a comment\ninclude_prefix="photos/"\n') },
    { name: 'source/photos/a.jpg', body: Buffer.from('a') },
  ];
}

/**
 * Makes a call.
 *
 * @param seeds the files that the tool reads, among them lists that it has written itself.
 */
export function makeToolInput(
  seeds: readonly ToolFile[],
  folder: string,
  index: number,
  random: Random,
): ToolInput {
  const call = random.pick(calls) ?? [];
  const options = { other: () => undefined, inProcess: false };
  const args = call.map((arg) => {
    const text = arg.replace('/FOLDER', folder);
    // An address of elsewhere would be asked for; a letter that is changed makes one of those that are not there.
    return random.chance(0.07)
      ? arg.includes('://')
        ? text.slice(0, -1)
        : mutateText(arg, random, options)
      : text;
  });
  if (random.chance(0.1)) args.splice(random.below(args.length + 1), 0, makeText(random));
  if (random.chance(0.05)) args.splice(random.below(args.length), 1);
  const files = seeds.map(({ name, body }) => ({
    name,
    body: name.startsWith('source/') || random.chance(0.4) ? body : change(body, random),
  }));
  const names = Array.from({ length: random.below(30) }, () => makeText(random));
  return {
    index,
    // Nothing else can be said to a process: no NUL, and no lone surrogates.
    args: args.map((arg) => arg.replace(/[\0\p{Surrogate}]/gu, '').slice(0, 10_000)),
    files,
    stdin: Buffer.from(names.join(random.chance(0.5) ? '\n' : '\0')),
  };
}

/** Once or a few times: as JSON or a text, or as bytes. */
function change(body: Buffer, random: Random): Buffer {
  let bytes = body.toString('latin1');
  for (let count = 1 + random.below(3); count > 0; count--) {
    bytes = random.chance(0.5)
      ? damage(bytes, random)
      : Buffer.from(
          mutateText(Buffer.from(bytes, 'latin1').toString('utf8'), random, {
            other: () => undefined,
            inProcess: false,
          }),
        ).toString('latin1');
  }
  return Buffer.from(bytes, 'latin1');
}
