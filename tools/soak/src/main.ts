// npm run soak: the function at full speed for an hour. See README.md.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chooseSeed, readCount, runCommand } from '@oms-sync/testing';
import { countWrong, describeWrong, number } from './verdict-text.ts';
import { drawSvg, drawText } from './curve.ts';
import { phases } from './faults.ts';
import { measureGrowth, type Growth } from './growth.ts';
import { runSoak, type Sample, type SoakResult } from './soak-run.ts';

const help = `npm run soak -- [options]

Runs the built function at full speed against stand-ins of OMS and the log bucket, with faults coming and going. Exits 1
if a name is lost, or if memory, handles or latency have grown after the warm-up.

  --seconds N   how long (default 3600)
  --short       60 seconds
  --seed N      of the faults (default: a new one, which is printed)
  --svg FILE    where the curve goes (default dist/soak.svg)
  --help        this text
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      short: { type: 'boolean', default: false },
      seed: { type: 'string', default: chooseSeed() },
      svg: { type: 'string', default: 'dist/soak.svg' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const seconds = readCount('--seconds', values.seconds ?? (values.short ? '60' : '3600'), 60);
  const seed = readCount('--seed', values.seed);
  // Each quarter of the run sees calms: a short run changes faster.
  const phaseSeconds = Math.min(30, Math.max(1.25, seconds / 48));
  console.log(
    `${seconds} s at full speed, --seed ${seed}; every ${phaseSeconds} s: ${phases.map(({ name }) => name).join(', ')}\n`,
  );
  const result = await runSoak({
    seconds,
    seed,
    phaseSeconds,
    dist: path.join(process.cwd(), 'dist'),
    onSample: show,
  });
  const svg = path.resolve(values.svg);
  await mkdir(path.dirname(svg), { recursive: true });
  await writeFile(svg, drawSvg(result.samples));
  return conclude(result, path.relative(process.cwd(), svg));
}

const showEverySeconds = 5;
let lastShown = -Infinity;

function show({ second, phase, namesPerSecond, medianMs, p99Ms, heapUsed, rss, handles }: Sample): void {
  if (second - lastShown < showEverySeconds) return;
  lastShown = second;
  const megabytes = (bytes: number) => `${Math.round(bytes / 1024 / 1024)} MB`;
  console.log(
    `${String(Math.round(second)).padStart(5)} s  ${String(Math.round(namesPerSecond)).padStart(6)} names/s  median ${medianMs.toFixed(0)} ms, 99 % ${p99Ms.toFixed(0)} ms  heap ${megabytes(heapUsed)} of ${megabytes(rss)}, ${handles} handles  ${phase}`,
  );
}

/** Prints what was tried and what came out; gives the exit code. */
function conclude(result: SoakResult, svg: string): number {
  const { samples, verdict, sent, invocations, requests, failed } = result;
  const growth = measureGrowth(samples);
  const grown = growth.filter(({ after, limit }) => !(after <= limit));
  console.log(`
${drawText(samples)}

${growth.map(describe).join('\n')}

names      ${number(sent)} sent in ${number(invocations)} invocations and ${number(requests)} requests: ${number(verdict.requested)} on the success list, ${number(failed)} on the failed list
${describeWrong(verdict)}
grown      ${grown.length === 0 ? 'nothing' : grown.map(({ what }) => what).join(', ')}
curve      ${svg}`);
  return countWrong(verdict) === 0 && grown.length === 0 && sent > 0 ? 0 : 1;
}

function describe({ what, unit, before, after, limit }: Growth): string {
  const verdict = after <= limit ? 'as before' : 'GROWN';
  return `${what.padEnd(20)} second quarter ${before.toFixed(1)} ${unit}, last quarter ${after.toFixed(1)} ${unit} (at most ${limit.toFixed(1)}): ${verdict}`;
}

runCommand(main, help);
