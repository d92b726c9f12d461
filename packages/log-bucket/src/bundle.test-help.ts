import { build } from 'esbuild';

/** Bundles a script of this folder as the apps are. */
export async function bundle(script: string, outfile: string): Promise<void> {
  await build({
    stdin: { contents: script, resolveDir: import.meta.dirname },
    outfile,
    bundle: true,
    minify: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // @azure/storage-common (12.4.1, crc64.js) and `open` below @azure/identity need to know where they are, and a
    // bundle of CommonJS has no import.meta.
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: 'const bundleUrl = require("node:url").pathToFileURL(__filename).href;' },
  });
}
