// npm run fuzz: hostile input for every entry point of every app. See README.md.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chooseSeed, readCount, runCommand, UsageError } from '@oms-sync/testing';
import { entryPointNames, receiverNames, type EntryPointName } from './entry-point.ts';
import { inputsInAGroup, type BenchData } from './messages.ts';
import { runBench, type BenchResult } from './bench-process.ts';

const help = `npm run fuzz -- [options]

Feeds mutated real events to every entry point of every built app, and looks what becomes of them.

  --inputs N       how many inputs, over all entry points (default 100000)
  --short          5000 inputs
  --seed N         makes the same inputs again (default: a new one, which is printed)
  --entry NAME     one entry point only: ${entryPointNames.join(', ')}
  --index N        one input only, of one entry point
  --jobs N         processes at a time (default: one for each core)
  --out FOLDER     where the failing inputs go (default .fuzz)
  --help           this text
`;

/** Both layouts of the lists, and both answers to a fault. */
const variants = [
  { log_layout: 'object', on_failure: 'record' },
  { log_layout: 'list', on_failure: 'redeliver' },
] as const;

/** The time of one process of the tool is enough for so many inputs of others. */
const inputsForAProcess = 20;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      inputs: { type: 'string' },
      short: { type: 'boolean', default: false },
      seed: { type: 'string', default: chooseSeed() },
      entry: { type: 'string' },
      index: { type: 'string' },
      jobs: { type: 'string', default: String(availableParallelism()) },
      out: { type: 'string', default: '.fuzz' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const seed = readCount('--seed', values.seed);
  const index = values.index === undefined ? undefined : readCount('--index', values.index);
  const chosen = entryPointNames.filter((name) => values.entry === undefined || name === values.entry);
  if (chosen.length === 0) throw new UsageError(`Unknown --entry '${values.entry}'`);
  if (index !== undefined && chosen.length > 1) throw new UsageError('--index needs --entry');
  const each = Math.ceil(
    readCount('--inputs', values.inputs ?? (values.short ? '5000' : '100000')) /
      chosen.length /
      variants.length,
  );
  console.log(
    `seed ${seed}, ${index === undefined ? `${each * variants.length} inputs` : `input ${index}`} for each of ${chosen.length} entry points`,
  );

  // The lists are written and deleted for each input: in memory, where there is such a place.
  const scratch = mkdtempSync(path.join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'oms-sync-fuzz-'));
  const results: BenchResult[] = [];
  const waiting = chosen.flatMap((entryPoint) =>
    variants.map((settings, half) => {
      const range = chooseRange(entryPoint, each, half, index);
      return makeData({ entryPoint, settings, seed, ...range }, scratch);
    }),
  );
  const work = async () => {
    for (let data = waiting.shift(); data !== undefined; data = waiting.shift()) {
      const bench = fileURLToPath(new URL(`${benchOf(data.entryPoint)}.js`, import.meta.url));
      const result = await runBench(data, bench, (line) => console.log(line));
      results.push(result);
      report(result, values.out, seed);
    }
  };
  const startedAt = Date.now();
  try {
    await Promise.all(Array.from({ length: Math.max(1, readCount('--jobs', values.jobs)) }, work));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  const failures = results.reduce((sum, { failures }) => sum + failures.length, 0);
  const tried = results.reduce((sum, { tried }) => sum + tried, 0);
  console.log(
    `${tried} inputs in ${Math.round((Date.now() - startedAt) / 1000)} s, ${failures} failures${failures === 0 ? '' : ` (in ${values.out})`}; again with --seed ${seed}`,
  );
  return failures === 0 ? 0 : 1;
}

function benchOf(name: EntryPointName): string {
  if (name === 'cli') return 'tool-bench';
  return isReceiver(name) ? 'service-bench' : 'bench';
}

function isReceiver(name: EntryPointName): boolean {
  return receiverNames.some((receiver) => receiver === name);
}

/** Which inputs one bench gets; the service gets whole groups, and the tool fewer, as each is a process of its own. */
function chooseRange(
  name: EntryPointName,
  each: number,
  half: number,
  index: number | undefined,
): Pick<BenchData, 'from' | 'to'> {
  if (index !== undefined) {
    const group = isReceiver(name) ? inputsInAGroup : 1;
    const from = Math.floor(index / group) * group;
    return { from, to: from + group };
  }
  const count = Math.ceil(name === 'cli' ? each / inputsForAProcess : each);
  const from = isReceiver(name) ? Math.ceil((count * half) / inputsInAGroup) * inputsInAGroup : count * half;
  return { from, to: from + count };
}

function makeData(
  task: Pick<BenchData, 'entryPoint' | 'settings' | 'seed' | 'from' | 'to'>,
  scratch: string,
): BenchData {
  const folder = path.join(scratch, `${task.entryPoint}-${task.settings['log_layout']}`);
  mkdirSync(folder, { recursive: true });
  return { ...task, folder, progress: `${folder}.progress`, root: process.cwd() };
}

/** What was tried, and what came of it. */
function report(
  { data, tried, outcomes, slowestMs, grownBytes, failures }: BenchResult,
  out: string,
  seed: number,
): void {
  const { entryPoint, settings } = data;
  const counts = Object.entries(outcomes).sort(([, a], [, b]) => b - a);
  console.log(
    `${entryPoint}, ${settings['log_layout']}: ${tried} inputs, slowest ${Math.round(slowestMs)} ms, heap +${Math.round(grownBytes / 1e6)} MB`,
  );
  for (const [outcome, count] of counts) console.log(`  ${String(count).padStart(7)} ${outcome}`);
  for (const { index, problems, report } of failures) {
    mkdirSync(out, { recursive: true });
    const file = path.join(out, `${entryPoint}-${seed}-${index}.txt`);
    writeFileSync(file, `${problems.join('\n')}\n\n${report}\n`);
    console.log(`  FAILED ${file}: ${problems.join('; ').slice(0, 400)}`);
  }
}

runCommand(main, help);
