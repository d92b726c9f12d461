// One comparison of two synthetic listings, for `npm run bench`: prints what it took as a line of JSON.
// The destination lacks a few objects, has a few that differ, and a few of its own.
import { parseArgs } from 'node:util';
import { Comparison } from './comparison.ts';
import type { Pages, StoredObject } from './stored-object.ts';

const objectsInAPage = 1000;

/** Names as buckets have them: a long common beginning, folders, digits, and now and then a character of another script. */
function makeName(index: number): string {
  const folder = Math.floor(index / 10_000);
  const script = index % 50 === 49 ? '照片' : 'photo';
  return `tenants/tenant-${String(folder).padStart(6, '0')}/photos/${String(index).padStart(12, '0')}-${script}.jpg`;
}

async function* list(
  keys: number,
  change: (index: number, object: StoredObject) => StoredObject | undefined,
): Pages {
  for (let start = 0; start < keys; start += objectsInAPage) {
    const page: StoredObject[] = [];
    const end = Math.min(keys, start + objectsInAPage);
    for (let index = start; index < end; index++) {
      const object = change(index, { name: makeName(index), size: 1000 + (index % 997), modified: index });
      if (object !== undefined) page.push(object);
    }
    // As a page of a store does, it comes later.
    yield await Promise.resolve(page);
  }
}

const { values } = parseArgs({ options: { keys: { type: 'string', default: '1000000' } } });
const keys = Number(values.keys);
const source = list(keys, (index, object) => (index % 1000 === 7 ? undefined : object));
const destination = list(keys, (index, object) => {
  if (index % 1000 === 3) return undefined;
  return { ...object, modified: keys, size: index % 1000 === 5 ? 1 : object.size };
});
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
const comparison = new Comparison({ source, destination });
let differences = 0;
for await (const found of comparison.findDifferences()) differences += found.length;
const seconds = (performance.now() - startedAt) / 1000;
const cpu = process.cpuUsage(cpuBefore);
const { same, missing, stale, extra } = comparison.counts;
const each = Math.floor(keys / 1000);
if (
  missing !== each ||
  stale !== each ||
  extra !== each ||
  differences !== 3 * each ||
  same !== keys - 3 * each
) {
  throw new Error(`wrong counts: ${JSON.stringify(comparison.counts)}`);
}
process.stdout.write(
  `${JSON.stringify({
    keys,
    seconds,
    cpuSeconds: (cpu.user + cpu.system) / 1e6,
    peakBytes: process.resourceUsage().maxRSS * 1024,
  })}\n`,
);
