// npm run chaos: functions killed at random moments. See README.md.
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { platforms } from '@oms-sync/function-hosts';
import { chooseSeed, readCount, runCommand, UsageError } from '@oms-sync/testing';
import { runBackfillKills } from './backfill-run.ts';
import { runKills, type KillRunResult, type Moment, type Scenario } from './kill-run.ts';
import type { Finding } from './verdict.ts';

const help = `npm run chaos -- [options]

Sends names through the built functions against stand-ins of OMS and the log bucket, kills the functions' processes at
random moments, delivers again what was not acknowledged, and compares: everything that was sent is requested or on the
failed list, and nothing else is. Exits 1 if not.

  --kills N        how many kills (default 500), shared out between the scenarios
  --short          50 kills
  --seed N         of the names, the batches, the faults and the moments (default: a new one, which is printed)
  --platform NAME  functiongraph, aws-lambda, azure-functions, gcf, or all (default)
  --backfill N     instead: kills the operator's tool ten times on its way through N objects (1000000, say)
  --help           this text
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      kills: { type: 'string' },
      short: { type: 'boolean', default: false },
      seed: { type: 'string', default: chooseSeed() },
      backfill: { type: 'string' },
      platform: { type: 'string', default: 'all' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const seed = readCount('--seed', values.seed);
  if (values.backfill !== undefined) {
    return killBackfill(readCount('--backfill', values.backfill), seed);
  }
  const kills = readCount('--kills', values.kills ?? (values.short ? '50' : '500'));
  const scenarios = listScenarios(values.platform);
  const startedAt = Date.now();
  console.log(`${kills} kills in ${scenarios.length} scenarios, --seed ${seed}\n`);
  console.log(row(['platform', 'store', 'layout', 'kills', 'sent', 'requested', 'failed list', 'problems']));

  let killed = 0;
  const results: KillRunResult[] = [];
  const waiting = scenarios.map((scenario, index) => ({ scenario, index }));
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { scenario, index } = next;
      const share =
        Math.floor(((index + 1) * kills) / scenarios.length) - Math.floor((index * kills) / scenarios.length);
      const result = await runKills({
        scenario,
        kills: share,
        seed: seed + index,
        dist: path.join(process.cwd(), 'dist'),
        onKill: () => {
          if (++killed % 50 === 0) console.log(`… ${killed} of ${kills} kills, ${seconds(startedAt)} s`);
        },
      });
      results.push(result);
      show(scenario, result);
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
  return conclude(results, seed, startedAt);
}

const backfillKills = 10;

async function killBackfill(objects: number, seed: number): Promise<number> {
  console.log(
    `${backfillKills} kills on the way through ${objects.toLocaleString('en')} objects, --seed ${seed}`,
  );
  const result = await runBackfillKills({
    objects,
    kills: backfillKills,
    seed,
    dist: path.join(process.cwd(), 'dist'),
    onKill: (received) => console.log(`killed after ${received.toLocaleString('en')} names`),
  });
  showFindings(result.findings);
  const wrong = sum(result.findings.map(({ names }) => names.length));
  const rate = Math.round(objects / (result.milliseconds / 1000));
  console.log(`
kills      ${result.kills}
requested  ${objects.toLocaleString('en')} objects, ${(result.received - objects).toLocaleString('en')} more than once
lost       ${wrong === 0 ? '0' : `${wrong} names are wrong, see above`}
time       ${Math.round(result.milliseconds / 1000)} s, ${rate.toLocaleString('en')} objects a second, --seed ${seed}`);
  return wrong === 0 ? 0 : 1;
}

/** Every platform with both stores and both layouts. */
function listScenarios(name: string): Scenario[] {
  const chosen = platforms.filter((platform) => name === platform.name || name === 'all');
  if (chosen.length === 0) throw new UsageError(`Unknown --platform '${name}'`);
  return (['object', 'list'] as const).flatMap((layout) =>
    (['file', 'obs'] as const).flatMap((store) => chosen.map((platform) => ({ platform, store, layout }))),
  );
}

function show({ platform, store, layout }: Scenario, result: KillRunResult): void {
  const { kills, sent, requested, failed, findings } = result;
  const cells = [sum(Object.values(kills)), sent, requested, failed, findings.length];
  console.log(row([platform.name, store, layout, ...cells.map(String)]));
  showFindings(findings);
}

function showFindings(findings: readonly Finding[]): void {
  for (const { problem, names } of findings) {
    console.log(
      `  ${names.length} ${problem}: ${names
        .slice(0, 5)
        .map((name) => JSON.stringify(name))
        .join(', ')}`,
    );
  }
}

/** Prints what was tried and what was lost; gives the exit code. */
function conclude(results: readonly KillRunResult[], seed: number, startedAt: number): number {
  const count = (read: (result: KillRunResult) => number) => sum(results.map(read)).toLocaleString('en');
  const moments: readonly Moment[] = [
    'before the first request',
    'between request and answer',
    'after the answer',
  ];
  const byMoment = moments.map((moment) => `${count(({ kills }) => kills[moment])} ${moment}`).join(', ');
  const wrong = sum(results.flatMap(({ findings }) => findings.map(({ names }) => names.length)));
  console.log(`
kills      ${count(({ kills }) => sum(Object.values(kills)))}: ${byMoment}
invocations ${count(({ deliveries }) => deliveries)} deliveries, ${count(({ replays }) => replays)} replays
names      ${count(({ sent }) => sent)} sent, ${count(({ requested }) => requested)} on the success list, ${count(({ failed }) => failed)} on the failed list
lost       ${wrong === 0 ? '0' : `${wrong} names or lines are wrong, see above`}
time       ${seconds(startedAt)} s, --seed ${seed}`);
  return wrong === 0 ? 0 : 1;
}

function row([platform = '', store = '', layout = '', ...numbers]: readonly string[]): string {
  return [
    platform.padEnd(16),
    store.padEnd(6),
    layout.padEnd(8),
    ...numbers.map((cell) => cell.padStart(12)),
  ].join('');
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function seconds(since: number): number {
  return Math.round((Date.now() - since) / 1000);
}

runCommand(main, help);
