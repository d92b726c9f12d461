// Mutation testing (npm run mutate): changes the sources one place at a time, and counts the changes that no test
// notices. Takes the names of packages, and `file=…` to look at some of their files only; otherwise all of
// `storage-events` and `core`. Survivors are listed; those that may survive are explained in docs/mutation-survivors.md.
// Fails below 90 %.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../../..');
const folder = '.stryker';
const leastScore = 90;
/** What may be mutated: all of their sources. */
const packages = ['storage-events', 'core'];

const [files, names] = [true, false].map((isFile) =>
  process.argv.slice(2).filter((argument) => argument.startsWith('file=') === isFile),
);
const chosen = packages.filter((name) => names?.length === 0 || names?.includes(name));
mkdirSync(path.join(root, folder), { recursive: true });
const scores = chosen.map((name) => ({ name, score: mutate(name) }));
for (const { name, score } of scores) console.log(`${name}: ${score.toFixed(1)} %`);
process.exitCode = scores.length > 0 && scores.every(({ score }) => score >= leastScore) ? 0 : 1;

/**
 * Mutates one package.
 * @param {string} name
 */
function mutate(name) {
  const report = path.join(folder, `${name}.json`);
  const config = path.join(folder, `${name}.config.json`);
  const sources = files?.length ? files.map((file) => file.slice('file='.length)) : ['**/*.ts'];
  const options = {
    testRunner: 'vitest',
    plugins: ['@stryker-mutator/vitest-runner'],
    vitest: { configFile: 'vitest.mutation.config.ts', related: false },
    mutate: [
      ...sources.map((file) => `packages/${name}/src/${file}`),
      '!**/*.test.ts',
      '!**/*.test-help.ts',
      '!**/*.d.ts',
    ],
    // The tests of the package alone; what they import from other projects is not copied, so not mutated.
    ignorePatterns: [
      'dist',
      '.nx',
      '.sandbox',
      '.fuzz',
      'apps',
      'docs',
      'tools',
      'packages/*',
      `!packages/${name}`,
    ],
    // Stryker would read it with a TypeScript older than ours. There is nothing in it that Vite needs.
    tsconfigFile: 'none.json',
    coverageAnalysis: 'perTest',
    timeoutMS: 8000,
    // A core stays free.
    concurrency: Math.max(1, availableParallelism() - 1),
    incremental: true,
    incrementalFile: path.join(folder, `${name}.incremental.json`),
    reporters: ['progress-append-only', 'json'],
    jsonReporter: { fileName: report },
    tempDirName: path.join(folder, `${name}.sandbox`),
    allowConsoleColors: false,
  };
  writeFileSync(path.join(root, config), JSON.stringify(options));
  const stryker = path.join(root, 'node_modules/@stryker-mutator/core/bin/stryker.js');
  const { status } = spawnSync(process.execPath, [stryker, 'run', config], { cwd: root, stdio: 'inherit' });
  return status === 0 ? readScore(path.join(root, report)) : 0;
}

/**
 * Lists the survivors, and gives the share of the mutants that did not survive, in percent.
 * @param {string} report
 */
function readScore(report) {
  /** @type {{ files: Record<string, { source: string, mutants: { status: string, mutatorName: string, replacement: string, location: { start: { line: number } } }[] }> }} */
  const { files: found } = JSON.parse(readFileSync(report, 'utf8'));
  let killed = 0;
  let survived = 0;
  for (const [file, { source, mutants }] of Object.entries(found)) {
    for (const { status, mutatorName, replacement, location } of mutants) {
      if (status === 'Killed' || status === 'Timeout') killed++;
      if (status !== 'Survived' && status !== 'NoCoverage') continue;
      survived++;
      const line = source.split('\n')[location.start.line - 1]?.trim() ?? '';
      console.log(
        `${file}:${location.start.line} ${mutatorName}: ${line}  ==>  ${replacement.replace(/\s+/g, ' ').slice(0, 80)}`,
      );
    }
  }
  return (100 * killed) / (killed + survived);
}
