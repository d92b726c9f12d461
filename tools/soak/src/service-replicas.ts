// npm run service-replicas: replicas on one broker, killed one after the other. See README.md.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { whyNoRabbitmq } from '@oms-sync/peers';
import { drawRows } from './curve.ts';
import { runReplicas, type ReplicasResult, type ReplicasSample } from './replicas-run.ts';

const help = `npm run service-replicas -- [options]

Three replicas of the built service share a queue of a real RabbitMQ, before a stand-in of OMS that takes 50 ms for each
request. Half of the notifications come to the replicas by HTTP, half are published to the broker. One replica after the
other is killed, and the broker is shut down once and killed once. Exits 1 if a name is lost.

  --notifications N   how many (default 400000)
  --kill-every N      seconds from one kill to the next (default 10)
  --short             30000 notifications, a kill every 3 seconds
  --seed N            of the kills (default: a new one, which is printed)
  --help              this text
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      notifications: { type: 'string' },
      'kill-every': { type: 'string' },
      short: { type: 'boolean', default: false },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const needs = whyNoRabbitmq();
  if (needs !== undefined) throw new Error(`this ${needs}`);
  const notifications = readCount(
    'notifications',
    values.notifications ?? (values.short ? '30000' : '400000'),
  );
  const killEvery = readCount('kill-every', values['kill-every'] ?? (values.short ? '3' : '10'));
  const seed = readCount('seed', values.seed ?? String(Math.floor(Math.random() * 1_000_000_000)));
  console.log(
    `${number(notifications)} notifications to 3 replicas, one killed every ${killEvery} s, --seed ${seed}\n`,
  );
  const result = await runReplicas({
    notifications,
    replicas: 3,
    killEverySeconds: killEvery,
    killsPerBrokerRestart: values.short ? 1 : 3,
    seed,
    omsMs: 50,
    dist: path.join(process.cwd(), 'dist'),
    onSample: show,
  });
  return conclude(notifications, result);
}

const showEverySeconds = 5;
let lastShown = 0;

function show(sample: ReplicasSample): void {
  if (sample.second - lastShown < showEverySeconds) return;
  lastShown = sample.second;
  const { second, acknowledgedPerSecond, listedPerSecond, backlog, kills, brokerRestarts } = sample;
  console.log(
    `${second.toFixed(0).padStart(5)} s  ${per(acknowledgedPerSecond)} kept/s  ${per(listedPerSecond)} requested/s  backlog ${number(backlog).padStart(7)}  ${kills} kills, broker restarted ${brokerRestarts} times`,
  );
}

/** Prints what was tried and what came out; gives the exit code. */
function conclude(notifications: number, result: ReplicasResult): number {
  const { samples, verdict, seconds, kills, brokerRestarts, repeats, failed, namesReceived } = result;
  const wrong = verdict.lost.length + verdict.unfounded.length + verdict.strangers.length;
  const twice = Math.max(0, namesReceived - verdict.requested);
  console.log(`
${drawRows(
  [
    { title: 'kept a second', read: (sample) => sample.acknowledgedPerSecond },
    { title: 'requested a second', read: (sample) => sample.listedPerSecond },
    { title: 'backlog', read: (sample) => sample.backlog },
  ],
  samples,
)}

names      ${number(notifications)} sent, ${number(repeats)} of them again; ${number(verdict.requested)} on the success list, ${number(failed)} on the failed list; ${number(twice)} requested more than once
speed      ${number(Math.round(verdict.requested / seconds))} objects a second, over ${seconds.toFixed(0)} s with ${kills} kills and ${brokerRestarts} restarts of the broker
lost       ${verdict.lost.length}${list(verdict.lost)}
unfounded  ${verdict.unfounded.length} on the success list, and unknown to OMS${list(verdict.unfounded)}
changed    ${verdict.strangers.length} names that were never sent${list(verdict.strangers)}`);
  const isComplete = verdict.requested + failed >= notifications;
  if (!isComplete) console.log('missing    not everything was acknowledged and settled');
  const isDisturbed = kills > 0 && brokerRestarts > 0;
  if (!isDisturbed) console.log('too short  nothing was killed, or the broker was not restarted');
  return wrong === 0 && isComplete && isDisturbed ? 0 : 1;
}

function per(value: number): string {
  return number(Math.round(value)).padStart(6);
}

function number(value: number): string {
  return value.toLocaleString('en');
}

function list(examples: readonly (string | number)[]): string {
  return examples.length === 0 ? '' : `: ${examples.slice(0, 5).join(', ')}`;
}

class UsageError extends Error {}

function readCount(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new UsageError(`--${option}: expected a whole number from 0, got '${text}'`);
}

/** Was the command called wrongly? */
function isUsageError(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS_');
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(isUsageError(error) ? `${error.message}\n\n${help}` : error);
    process.exit(isUsageError(error) ? 2 : 1);
  },
);
