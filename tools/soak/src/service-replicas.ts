// npm run service-replicas: replicas of the service on a broker, both of which are killed. See README.md.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { whyNoRabbitmq } from '@oms-sync/peers/rabbitmq';
import { chooseSeed, readCount, runCommand } from '@oms-sync/testing';
import { countWrong, describeWrong, number } from './verdict-text.ts';
import { runReplicas, type ReplicasResult, type ReplicasSample } from './replicas-run.ts';

const help = `npm run service-replicas -- [options]

Three replicas of the built service share the queue of a real RabbitMQ, before a stand-in of OMS that takes 50 ms for each
request. Notifications come over HTTP, and events to the exchange of the broker. One replica after the other is killed and
started again, and once, in the middle, the broker is. Exits 1 if a name is lost.

  --seconds N      how long (default 180)
  --kill-every N   seconds from one kill to the next (default 10)
  --short          15 seconds, a kill every 3 seconds
  --seed N         of the kills (default: a new one, which is printed)
  --help           this text
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string' },
      'kill-every': { type: 'string' },
      short: { type: 'boolean', default: false },
      seed: { type: 'string', default: chooseSeed() },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const seconds = readCount('--seconds', values.seconds ?? (values.short ? '15' : '180'), 10);
  const killEvery = readCount('--kill-every', values['kill-every'] ?? (values.short ? '3' : '10'), 1);
  const seed = readCount('--seed', values.seed);
  const lack = whyNoRabbitmq();
  if (lack !== undefined) {
    console.error(`There is no RabbitMQ on this machine. This run ${lack}`);
    return 1;
  }
  console.log(
    `three replicas on RabbitMQ for ${seconds} s, a kill every ${killEvery} s, the broker killed once, --seed ${seed}\n`,
  );
  const result = await runReplicas({
    seconds,
    killEverySeconds: killEvery,
    seed,
    omsMs: 50,
    dist: path.join(process.cwd(), 'dist'),
    onSample: show,
  });
  return conclude(result);
}

const showEverySeconds = 5;
let lastShown = 0;

function show({ second, acknowledged, confirmed, listed, kills, brokerRestarts }: ReplicasSample): void {
  if (second - lastShown < showEverySeconds) return;
  lastShown = second;
  console.log(
    `${second.toFixed(0).padStart(5)} s  ${number(acknowledged)} by HTTP  ${number(confirmed)} by the exchange  ${number(listed)} requested  ${kills} kills  ${brokerRestarts} of the broker`,
  );
}

/** Prints what was tried and what came out; gives the exit code. */
function conclude(result: ReplicasResult): number {
  const { verdict, sent, acknowledged, confirmed, failed, deadLetters, messagesLeft } = result;
  const { kills, brokerRestarts, requests, repeats, second } = result;
  const isWhole = verdict.requested + failed >= sent && messagesLeft === 0 && deadLetters === 0;
  console.log(`
names      ${number(acknowledged)} acknowledged over HTTP, ${number(confirmed)} confirmed by the exchange, ${number(repeats)} sent again; ${number(verdict.requested)} on the success list, ${number(failed)} on the failed list, in ${number(requests)} requests
time       ${second.toFixed(0)} s with ${kills} kills of replicas and ${brokerRestarts} of the broker: ${number(Math.round(verdict.requested / second))} objects a second
queue      ${number(messagesLeft)} messages left, ${number(deadLetters)} dead letters
${describeWrong(verdict)}`);
  if (!isWhole) console.log(`missing    not everything was settled`);
  const isProven = kills > 0 && brokerRestarts > 0 && acknowledged > 0 && confirmed > 0;
  return countWrong(verdict) === 0 && isWhole && isProven ? 0 : 1;
}

runCommand(main, help);
