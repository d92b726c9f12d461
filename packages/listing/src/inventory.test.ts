import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { anyName, uglyNames } from '@oms-sync/testing';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { namesOf, objectsOf } from './array-source.test-help.ts';
import { InventoryError, openInventory, type InventoryVendor } from './inventory.ts';

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const time = '2026-01-02T03:04:05.678Z';
const names = ['a b+c%20.txt', '中文/日本語.jpg', '\u{1F600}.png', '\uFF5E'];

describe('an inventory', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'oms-sync-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = async (name: string, body: string | Buffer) => {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, body);
    return file;
  };
  const listed = async (vendor: InventoryVendor, location = folder) =>
    namesOf((await openInventory(vendor, location)).list());
  const faultOf = async (vendor: InventoryVendor, location = folder): Promise<string> => {
    const outcome: unknown = await listed(vendor, location).catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(InventoryError);
    return outcome instanceof Error ? outcome.message : '';
  };

  describe.each(['s3', 'obs'] as const)('of %s as CSV', (vendor) => {
    const fileSchema = 'Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, ETag';
    const rowOf = (name: string, isLatest = true, isDeleteMarker = false) =>
      [
        'photos',
        encodeKey(name),
        'v1',
        isLatest,
        isDeleteMarker,
        isDeleteMarker ? '' : name.length,
        time,
        'e',
      ]
        .map((cell) => `"${cell}"`)
        .join(',');

    /** Where S3 has it: the data beside the folder of the manifest. */
    const putInventory = async (rows: readonly string[], entry: object = {}, manifest: object = {}) => {
      const data = gzipSync(rows.map((row) => `${row}\n`).join(''));
      await put('data/1.csv.gz', data);
      const file = {
        key: 'inventories/photos/daily/data/1.csv.gz',
        size: data.length,
        MD5checksum: createHash('md5').update(data).digest('hex'),
        ...entry,
      };
      const text = JSON.stringify({
        sourceBucket: 'photos',
        fileFormat: 'CSV',
        fileSchema,
        files: [file],
        ...manifest,
      });
      await put('2026-01-02T00-00Z/manifest.json', text);
      await put('2026-01-02T00-00Z/manifest.checksum', createHash('md5').update(text).digest('hex'));
      return path.join(folder, '2026-01-02T00-00Z/manifest.json');
    };

    it('has the objects of now, with decoded names', async () => {
      const rows = [...uglyNames.map((name) => rowOf(name)), rowOf('old', false), rowOf('gone', true, true)];
      const inventory = await openInventory(
        vendor,
        await putInventory(rows, { inventoriedRecord: rows.length }),
      );
      expect(inventory).toMatchObject({ bucket: 'photos', rows: rows.length });
      const objects = await objectsOf(inventory.list());
      expect(objects.map(({ name }) => name)).toEqual(uglyNames);
      expect(objects[0]).toEqual({ name: 'plain.txt', size: 9, modified: Date.parse(time) });
    });

    it('gives any names back', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(anyName, { minLength: 1, maxLength: 20 }), async (generated) => {
          const manifest = await putInventory(generated.map((name) => rowOf(name)));
          expect(await listed(vendor, path.dirname(manifest))).toEqual(generated);
        }),
        { numRuns: 30 },
      );
    });

    it.each([
      ['another size', { size: 1 }, {}, /it has \d+ bytes, and its manifest says 1/],
      ['another MD5', { MD5checksum: '0'.repeat(32) }, {}, /another MD5/],
      ['fewer rows', { inventoriedRecord: 3 }, {}, /1 rows where its manifest says 3/],
      ['a file that is not there', { key: 'data/2.csv.gz' }, {}, /it names 2\.csv\.gz, which is in none of/],
      ['other columns', {}, { fileSchema: 'Bucket, Key, Size' }, /no column for lastmodifieddate/],
      ['more columns', {}, { fileSchema: `${fileSchema}, More` }, /a row has 8 columns, not 9/],
      ['ORC', {}, { fileFormat: 'ORC' }, /the format ORC cannot be read/],
      ['no files', {}, { files: undefined }, /names no files/],
    ])('with %s is an error', async (_what, entry, manifest, message) => {
      expect(await faultOf(vendor, await putInventory([rowOf('a')], entry, manifest))).toMatch(message);
    });

    it('that is cut off is an error, with or without a checksum', async () => {
      const manifest = await putInventory(
        Array.from({ length: 1000 }, (_, index) => rowOf(`name ${index}`)),
        { size: undefined },
      );
      await truncate(path.join(folder, 'data/1.csv.gz'), 2000);
      expect(await faultOf(vendor, manifest)).toMatch(/another MD5/);
      await put(
        '2026-01-02T00-00Z/manifest.json',
        JSON.stringify({ fileFormat: 'CSV', fileSchema, files: [{ key: '1.csv.gz' }] }),
      );
      expect(await faultOf(vendor, manifest)).toMatch(/\.checksum/);
      await rm(path.join(folder, '2026-01-02T00-00Z/manifest.checksum'));
      expect(await faultOf(vendor, manifest)).toMatch(/cannot be read to its end \(unexpected end of file\)/);
    });

    it.each([
      ['a key that is not encoded', rowOf('a').replace('"a"', '"%zz"'), /a key that is not encoded: "%zz"/],
      ['no size', rowOf('a').replace('"1"', '""'), /no size/],
      ['no time', rowOf('a').replace(time, 'then'), /no time of modification/],
      ['an open quote', '"photos","a', /cannot be read to its end/],
    ])('with a row of %s is an error', async (_what, row, message) => {
      expect(await faultOf(vendor, await putInventory([rowOf('b'), row]))).toMatch(message);
    });

    it('without its manifest is refused', async () => {
      await put('1.csv.gz', gzipSync(`${rowOf('a')}\n`));
      expect(await faultOf(vendor)).toMatch(/have no header: name the manifest\.json/);
    });
  });

  it('of S3 as Parquet has the objects of now, with names as they are', async () => {
    await copyFile(path.join(fixtures, 's3-inventory.parquet'), path.join(folder, 'a.parquet'));
    const objects = await objectsOf((await openInventory('s3', folder)).list());
    expect(objects.map(({ name }) => name)).toEqual([...names, '\uFEFFbom', 'x/']);
    expect(objects[1]).toEqual({ name: '中文/日本語.jpg', size: 2, modified: Date.parse(time) });
  });

  it('as Parquet that is cut off is an error', async () => {
    const file = path.join(folder, 'a.parquet');
    for (const bytes of [0, 10, 400]) {
      await copyFile(path.join(fixtures, 's3-inventory.parquet'), file);
      await truncate(file, bytes);
      expect(await faultOf('s3', file)).toMatch(/cannot be read to its end/);
    }
  });

  describe('of Azure', () => {
    const header = 'Name,Last-Modified,Content-Length,hdi_isfolder,Snapshot,IsCurrentVersion,Deleted';
    const rowOf = (name: string, ...flags: string[]) =>
      [
        `"photos/${name.replaceAll('"', '""')}"`,
        '2026-01-02T03:04:05Z',
        3,
        ...flags,
        ...['', '', '', ''].slice(flags.length),
      ].join(',');

    it('as CSV has the objects of now, without their container', async () => {
      const rows = [
        ...uglyNames.map((name) => rowOf(name)),
        rowOf('folder', 'true'),
        rowOf('snapshot', '', '2026-01-01T00:00:00.0000000Z'),
        rowOf('old', '', '', 'false'),
        rowOf('gone', '', '', '', 'true'),
        rowOf('now', 'false', '', 'true', 'false'),
      ];
      const data = [header, ...rows].map((row) => `${row}\n`).join('');
      await put('rule.csv', data);
      const files = [{ blob: '2026/01/02/rule/rule.csv', size: Buffer.byteLength(data) }];
      const summary = { objectCount: rows.length, totalObjectSize: 1 };
      await put('rule-manifest.json', JSON.stringify({ files, status: 'Succeeded', summary }));
      expect(await listed('az')).toEqual([...uglyNames, 'now']);
      await put(
        'rule-manifest.json',
        JSON.stringify({ files, status: 'Succeeded', summary: { objectCount: 99 } }),
      );
      expect(await faultOf('az')).toMatch(/rows where its manifest says 99/);
      await put('rule-manifest.json', JSON.stringify({ files, status: 'Pending' }));
      expect(await faultOf('az')).toMatch(/its status is Pending/);
    });

    it('of several containers is refused', async () => {
      const file = await put('a.csv', `${header}\n${rowOf('a')}\n${rowOf('a').replace('photos', 'other')}\n`);
      expect(await faultOf('az', file)).toMatch(/other containers than "photos", such as "other\/a"/);
    });

    it('with bytes that are no UTF-8 is an error', async () => {
      const file = await put('a.csv', Buffer.from(`${header}\n${rowOf('\u00ff')}\n`, 'latin1'));
      expect(await faultOf('az', file)).toMatch(/cannot be read to its end/);
    });

    it('as Parquet has the objects of now', async () => {
      expect(await listed('az', path.join(fixtures, 'azure-blob-inventory.parquet'))).toEqual(names);
    });
  });

  describe('of Google', () => {
    const columns = ['bucket', 'name', 'size', 'updated', 'timeDeleted'];
    const rows = [...uglyNames.map((name) => [name, '']), ['old', time]].map(([name = '', deleted]) =>
      ['photos', `"${name.replaceAll('"', '""')}"`, '3', time, deleted].join('|'),
    );
    const manifest = (isHeaderRequired: boolean, more: object = {}) =>
      JSON.stringify({
        report_config: {
          csv_options: { delimiter: '|', header_required: isHeaderRequired },
          object_metadata_report_options: {
            metadata_fields: columns,
            storage_filters: { bucket: 'photos' },
          },
        },
        records_processed: rows.length,
        shard_count: 1,
        report_shards_file_names: ['report_0.csv'],
        ...more,
      });

    it.each([true, false])('as CSV has the objects of now; with a header: %s', async (hasHeader) => {
      await put(
        'report_0.csv',
        [...(hasHeader ? [columns.join('|')] : []), ...rows].map((row) => `${row}\n`).join(''),
      );
      await put('report_manifest.json', manifest(hasHeader));
      const inventory = await openInventory('gs', folder);
      expect(inventory).toMatchObject({ bucket: 'photos', rows: rows.length });
      expect(await namesOf(inventory.list())).toEqual(uglyNames);
    });

    it('with fewer files than shards, or fewer rows, is an error', async () => {
      await put('report_0.csv', `${columns.join('|')}\n`);
      await put('manifest.json', manifest(true, { shard_count: 2 }));
      expect(await faultOf('gs')).toMatch(/it names 1 files, and says that there are 2/);
      await put('manifest.json', manifest(true));
      expect(await faultOf('gs')).toMatch(/0 rows where its manifest says/);
    });

    it('as Parquet has the objects of now', async () => {
      expect(await listed('gs', path.join(fixtures, 'storage-insights.parquet'))).toEqual(names);
    });
  });

  it.each([
    ['nothing', () => Promise.resolve(), /neither a manifest\.json nor files/],
    [
      'two manifests',
      () => Promise.all([put('a-manifest.json', '{}'), put('b-manifest.json', '{}')]),
      /several/,
    ],
    ['half a manifest', () => put('manifest.json', '{"files": ['), /is no JSON/],
    ['ORC files', () => put('a.orc', 'ORC'), /the format orc cannot be read/],
  ])('in a folder with %s is an error', async (_what, fill, message) => {
    await fill();
    expect(await faultOf('gs')).toMatch(message);
  });

  it('that is not there is an error', async () => {
    expect(await faultOf('s3', path.join(folder, 'manifest.json'))).toMatch(/ENOENT/);
  });

  it('has another fingerprint with other files', async () => {
    const file = await put('a.csv', 'Name,Last-Modified,Content-Length\n');
    const { fingerprint } = await openInventory('az', file);
    expect((await openInventory('az', file)).fingerprint).toBe(fingerprint);
    await put('a.csv', 'Name,Last-Modified,Content-Length\nphotos/a,2026-01-01,1\n');
    expect((await openInventory('az', file)).fingerprint).not.toBe(fingerprint);
  });
});

/** As in forms: what S3 writes. */
function encodeKey(name: string): string {
  return encodeURIComponent(name).replaceAll('%20', '+').replaceAll('%2F', '/');
}
