// npm run service-load: notifications at full speed into the service, which is killed again and again. See README.md.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { chooseSeed, readCount, runCommand } from '@oms-sync/testing';
import { countWrong, describeWrong, number } from './verdict-text.ts';
import { drawRows } from './curve.ts';
import { runServiceLoad, type ServiceLoadResult, type ServiceSample } from './service-run.ts';

const help = `npm run service-load -- [options]

Sends notifications at full speed over HTTP into the built service with its embedded queue, before a stand-in of OMS that
takes 50 ms for each request. The service is killed again and again. Exits 1 if a name is lost.

  --notifications N   how many (default 1000000)
  --kill-every N      seconds from one kill to the next (default 20; 0: never)
  --connections N     of the sender (default 100)
  --short             30000 notifications, a kill every 3 seconds
  --seed N            of the kills (default: a new one, which is printed)
  --cpu-prof          the service writes a profile when it ends; with --kill-every 0
  --help              this text
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      notifications: { type: 'string' },
      'kill-every': { type: 'string' },
      connections: { type: 'string', default: '100' },
      short: { type: 'boolean', default: false },
      seed: { type: 'string', default: chooseSeed() },
      'cpu-prof': { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const notifications = readCount(
    '--notifications',
    values.notifications ?? (values.short ? '30000' : '1000000'),
  );
  const killEvery = readCount('--kill-every', values['kill-every'] ?? (values.short ? '3' : '20'));
  const connections = readCount('--connections', values.connections);
  const seed = readCount('--seed', values.seed);
  console.log(
    `${number(notifications)} notifications over ${connections} connections, a kill every ${killEvery} s, --seed ${seed}\n`,
  );
  const result = await runServiceLoad({
    notifications,
    killEverySeconds: killEvery === 0 ? 1_000_000 : killEvery,
    connections,
    seed,
    omsMs: 50,
    dist: path.join(process.cwd(), 'dist'),
    nodeOptions: values['cpu-prof'] ? ['--cpu-prof', '--cpu-prof-dir=dist'] : [],
    onSample: show,
  });
  return conclude(notifications, result);
}

const showEverySeconds = 5;
let lastShown = 0;

function show(sample: ServiceSample): void {
  if (sample.second - lastShown < showEverySeconds) return;
  lastShown = sample.second;
  const { second, acknowledgedPerSecond, listedPerSecond, backlog, rss, cpu, kills } = sample;
  console.log(
    `${second.toFixed(0).padStart(5)} s  ${per(acknowledgedPerSecond)} kept/s  ${per(listedPerSecond)} requested/s  backlog ${number(backlog).padStart(9)}  memory ${megabytes(rss)} MB  CPU ${(100 * cpu).toFixed(0)} %  ${kills} kills`,
  );
}

/** Prints what was tried and what came out; gives the exit code. */
function conclude(notifications: number, result: ServiceLoadResult): number {
  const { samples, verdict, seconds, requests, kills, repeats, failed, cpuSeconds } = result;
  const most = (read: (sample: ServiceSample) => number) => Math.max(...samples.map(read));
  console.log(`
${drawRows(
  [
    { title: 'kept a second', read: (sample) => sample.acknowledgedPerSecond },
    { title: 'requested a second', read: (sample) => sample.listedPerSecond },
    { title: 'backlog', read: (sample) => sample.backlog },
    { title: 'memory, MB', read: (sample) => sample.rss / 1024 / 1024 },
    { title: 'CPU, % of a core', read: (sample) => 100 * sample.cpu },
  ],
  samples,
)}

names      ${number(notifications)} sent, ${number(repeats)} of them again; ${number(verdict.requested)} on the success list, ${number(failed)} on the failed list, in ${number(requests)} requests
speed      ${number(Math.round(verdict.requested / seconds))} objects a second, over ${seconds.toFixed(0)} s with ${kills} kills; ${Math.round((1e6 * cpuSeconds) / verdict.requested)} µs of CPU for each
memory     ${megabytes(most(({ rss }) => rss))} MB at most, backlog ${number(most(({ backlog }) => backlog))} at most
${describeWrong(verdict)}`);
  const isComplete = verdict.requested + failed >= notifications;
  if (!isComplete) console.log(`missing    not everything was acknowledged and settled`);
  return countWrong(verdict) === 0 && isComplete && notifications > 0 ? 0 : 1;
}

function per(value: number): string {
  return number(Math.round(value)).padStart(6);
}

function megabytes(bytes: number): string {
  return String(Math.round(bytes / 1024 / 1024));
}

runCommand(main, help);
