// Runs all tests (arguments go to Vitest), then looks at what the run printed:
//   - a key of the tests in it is a leak, and fails the run;
//   - tests that were skipped are named in the last lines; those that `-t` did not select are only counted;
//   - the table of the conformance suite comes last but for those, whichever of its files ran.
// Ends with a plain line "N passed, N failed".
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { formatTable } from './conformance-table.mjs';

const root = path.resolve(import.meta.dirname, '../../..');
const keys = JSON.parse(readFileSync(path.join(root, 'tools/testing/src/test-keys.json'), 'utf8'));
const scratch = mkdtempSync(path.join(tmpdir(), 'oms-sync-test-'));
const resultFile = path.join(scratch, 'result.json');
const outcomes = path.join(scratch, 'conformance');

const vitest = spawn(
  process.execPath,
  [
    path.join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${resultFile}`,
    ...process.argv.slice(2),
  ],
  {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...(process.stdout.isTTY && { FORCE_COLOR: '1' }),
      OMS_SYNC_CONFORMANCE_OUTCOMES: outcomes,
    },
  },
);
let printed = '';
for (const name of /** @type {const} */ (['stdout', 'stderr'])) {
  vitest[name].on('data', (/** @type {Buffer} */ chunk) => {
    printed += chunk.toString();
    process[name].write(chunk);
  });
}
const code = await new Promise((resolve) => vitest.on('close', resolve));
const result = readResult();
const table = formatTable(outcomes);
rmSync(scratch, { recursive: true, force: true });

const leaked = Object.entries(keys).filter(([, key]) => printed.includes(key));
for (const [name] of leaked) console.error(`The output of the tests shows the ${name} that they use.`);
if (table !== undefined) console.log(`${table}\n`);
for (const name of result.skipped) console.log(`Not run: ${name}`);
if (result.unselected > 0) console.log(`${result.unselected} tests not selected`);
const failed = result.failed + leaked.length + (code !== 0 && result.failed === 0 ? 1 : 0);
console.log(
  `${result.passed} passed, ${failed} failed${result.skipped.length > 0 ? `, ${result.skipped.length} skipped` : ''}`,
);
process.exitCode = failed === 0 ? 0 : 1;

/**
 * @typedef {{ status: string, ancestorTitles: string[], title: string }} TestResult
 * @typedef {{ numPassedTests: number, numFailedTests: number, testResults: { assertionResults: TestResult[] }[] }} RunResult
 * @returns {{ passed: number, failed: number, skipped: string[], unselected: number }}
 */
function readResult() {
  if (!existsSync(resultFile)) {
    console.error('Vitest left no result.');
    return { passed: 0, failed: 0, skipped: [], unselected: 0 };
  }
  /** @type {RunResult} */
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(resultFile, 'utf8'));
  const notRun = testResults
    .flatMap((file) => file.assertionResults)
    .filter(({ status }) => status !== 'passed' && status !== 'failed');
  const skipped = notRun.filter(isSelected);
  return {
    passed: numPassedTests,
    failed: numFailedTests,
    skipped: skipped.map(formatTitle),
    unselected: notRun.length - skipped.length,
  };
}

/**
 * Does `-t` name it, as Vitest reads that? All tests are, if it is not there.
 * @param {TestResult} test
 */
function isSelected({ ancestorTitles, title }) {
  const { values } = parseArgs({
    options: { testNamePattern: { type: 'string', short: 't', default: '' } },
    strict: false, // The other options are Vitest's own.
  });
  return new RegExp(String(values.testNamePattern)).test([...ancestorTitles, title].join(' '));
}

/**
 * The titles from the outside in, without those that the next one says again.
 * @param {TestResult} test
 */
function formatTitle({ ancestorTitles, title }) {
  const titles = [...ancestorTitles, title];
  return titles.filter((outer, index) => !titles[index + 1]?.includes(outer)).join(' > ');
}
