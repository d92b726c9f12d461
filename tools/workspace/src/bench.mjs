// npm run bench: how fast two listings are compared, and in how much memory. Each size runs in a process of its own.
// Exits 1 if it is slower, or takes more memory, than docs/guides/reconcile.md promises.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildSync } from 'esbuild';

const root = path.resolve(import.meta.dirname, '../../..');
const leastKeysPerSecond = 300_000;
const mostMegabytes = 200;

const { values } = parseArgs({ options: { short: { type: 'boolean', default: false } } });
const sizes = values.short ? [100_000, 1_000_000] : [1_000_000, 10_000_000];
const folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-bench-'));
const outfile = path.join(folder, 'comparison.mjs');
buildSync({
  entryPoints: [path.join(root, 'packages/listing/src/comparison.bench.ts')],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
});
console.log(
  'Comparing two listings of so many keys each; a second of CPU is one of one core, all threads counted.\n',
);
console.log('      keys   seconds   keys/s   keys per CPU second   peak memory');
let isGood = true;
for (const keys of sizes) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [outfile, '--keys', String(keys)], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  /** @type {{ seconds: number, cpuSeconds: number, peakBytes: number }} */
  const { seconds, cpuSeconds, peakBytes } = JSON.parse(stdout);
  const perCpuSecond = keys / cpuSeconds;
  const megabytes = peakBytes / 1e6;
  const count = (/** @type {number} */ number) => Math.round(number).toLocaleString('en');
  console.log(
    `${count(keys).padStart(10)}${seconds.toFixed(1).padStart(10)}${count(keys / seconds).padStart(9)}${count(perCpuSecond).padStart(22)}${`${count(megabytes)} MB`.padStart(14)}`,
  );
  isGood &&= perCpuSecond >= leastKeysPerSecond && megabytes < mostMegabytes;
}
rmSync(folder, { recursive: true, force: true });
if (!isGood) {
  console.error(
    `Expected at least ${leastKeysPerSecond.toLocaleString('en')} keys per second of one core, in less than ${mostMegabytes} MB.`,
  );
  process.exitCode = 1;
}
