// Bundles the project in the current folder with esbuild, as its package.json says under "bundle":
//   outdir   where the files go, from the root of the workspace
//   format   "cjs" or "esm"
//   target   the oldest Node.js that must run it, "node18"
//   entries  { name of the file in outdir: source file }
//   external packages that the platform supplies at run time
//   pages    { name in outdir: source file of a script or a style sheet for browsers }
//   files    { name in outdir: file to copy, or a folder with all that is in it, from here or from a dependency }
//   manifest what the package.json in outdir says besides
//   budgetKilobytes  the build fails when the bundle is larger: cold start is what a function user feels
import { existsSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { build } from 'esbuild';

const root = path.resolve(import.meta.dirname, '../../..');
const { name, version, bundle } = JSON.parse(await readFile('package.json', 'utf8'));
const outdir = path.join(root, bundle.outdir);

await rm(outdir, { recursive: true, force: true });
await mkdir(outdir, { recursive: true });
const extension = bundle.format === 'esm' ? '.mjs' : '.js';
const { metafile } = await build({
  entryPoints: Object.entries(bundle.entries).map(([out, entry]) => ({ in: entry, out })),
  outdir,
  outExtension: { '.js': extension },
  bundle: true,
  platform: 'node',
  target: bundle.target,
  format: bundle.format,
  external: bundle.external ?? [],
  minify: true,
  // A stack trace in a customer's log must say where.
  keepNames: true,
  legalComments: 'external',
  // Some SDKs ask where they are (import.meta.url), which CommonJS cannot say.
  ...(bundle.format === 'cjs' && {
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  }),
  absWorkingDir: process.cwd(),
  metafile: true,
  logLevel: 'warning',
});
if (bundle.pages !== undefined) {
  await build({
    entryPoints: Object.entries(bundle.pages).map(([out, entry]) => ({
      in: entry,
      out: out.replace(/\.\w+$/, ''),
    })),
    outdir,
    bundle: true,
    platform: 'browser',
    target: 'es2022',
    format: 'iife',
    minify: true,
    legalComments: 'inline',
    absWorkingDir: process.cwd(),
    logLevel: 'warning',
  });
}
// The bundle lies outside of any package of ours, so it says itself what its .js files are.
await writeFile(
  path.join(outdir, 'package.json'),
  `${JSON.stringify({ name, version, private: true, license: 'Apache-2.0', type: bundle.format === 'esm' ? 'module' : 'commonjs', ...bundle.manifest }, null, 2)}\n`,
);

for (const [name, source] of Object.entries(bundle.files ?? {}))
  await cp(findFile(source), path.join(outdir, name), { recursive: true });

for (const [file, output] of Object.entries(metafile.outputs)) {
  if (output.entryPoint === undefined) continue;
  const kilobytes = Math.ceil(output.bytes / 1000);
  console.log(`${path.relative(root, path.resolve(file))} ${kilobytes} kB`);
  if (bundle.budgetKilobytes !== undefined && kilobytes > bundle.budgetKilobytes) {
    console.error(
      `${name}: the bundle has ${kilobytes} kB, its budget in package.json is ${bundle.budgetKilobytes} kB.`,
    );
    process.exitCode = 1;
  }
}

/**
 * Where a file is: here, or in a dependency (`node_modules/…`), which npm may have put further up.
 * @param {string} file
 */
function findFile(file) {
  const places = file.startsWith('node_modules/') ? [file, path.join(root, file)] : [file];
  return places.find((place) => existsSync(place)) ?? file;
}
