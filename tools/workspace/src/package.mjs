// Zips dist/apps/<app> into dist/<app>.zip: same commit, same bytes (sorted entries, one fixed time).
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { zipSync } from 'fflate';

const root = path.resolve(import.meta.dirname, '../../..');
const app = path.basename(process.cwd());
const folder = path.join(root, 'dist/apps', app);

const files = (await readdir(folder, { recursive: true, withFileTypes: true }))
  .filter((entry) => entry.isFile())
  .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
  .sort();
/** @type {import('fflate').Zippable} */
const entries = {};
for (const file of files) entries[file] = await readFile(path.join(folder, file));

// Zip holds local time without a zone, so the same clock reading everywhere; os 3 and the attributes give rw-r--r--.
const zip = zipSync(entries, { level: 9, mtime: new Date(1980, 0, 1), os: 3, attrs: 0o100644 << 16 });
const target = path.join(root, 'dist', `${app}.zip`);
await writeFile(target, zip);
console.log(`${path.relative(root, target)} ${Math.ceil(zip.length / 1000)} kB, ${files.length} files`);
