// npm run service: the service at work on this machine. See README.md.
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { runCommand } from '@oms-sync/testing';
import { samples } from './samples.ts';
import { makeEmpty } from './sandbox-folder.ts';
import { Screen } from './screen.ts';
import { formatNotification, startServiceSandbox, type ServiceSandbox } from './service-sandbox.ts';

const help = `npm run service -- [options]

Starts the built service with its queue, a stand-in of OMS, a log bucket and a destination bucket on this machine, sends
it a few notifications, and goes on with one a second until Ctrl-C.

  --once           a few notifications, then stop: 0 if every object arrived, else 1
  --folder FOLDER  where everything lies (default .sandbox-service); emptied at the start, if a sandbox was there
  --help           this text
`;

/** How long the first objects may take to arrive. */
const arriveWithinMs = 30_000;
const lookEveryMs = 50;
const notifyEveryMs = 1000;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      folder: { type: 'string', default: '.sandbox-service' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const folder = path.resolve(values.folder);
  await makeEmpty(folder);
  const screen = new Screen(process.stdout);
  const interrupted = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());
  const sandbox = await startServiceSandbox(folder, process.cwd(), (line) => showTrouble(screen, line));
  let hasArrived = false;
  let exitCode: number | null = null;
  try {
    hasArrived = await playFirstRound(sandbox, screen, interrupted.signal);
    if (!values.once && !interrupted.signal.aborted) {
      showPlaces(sandbox, screen);
      await keepNotifying(sandbox, interrupted.signal);
    }
  } finally {
    exitCode = await sandbox.stop();
  }
  screen.line(`\nThe service has stopped with exit code ${exitCode}.`);
  if (exitCode !== 0) return 1;
  return hasArrived || !values.once ? 0 : 1;
}

/** @returns whether every object arrived as it is. */
async function playFirstRound(
  sandbox: ServiceSandbox,
  screen: Screen,
  signal: AbortSignal,
): Promise<boolean> {
  screen.title(
    `${samples.length} objects are put into the source bucket, and the service is notified of each`,
  );
  for (const { name, body } of samples) {
    await sandbox.source.write(name, body);
    const status = await sandbox.notify(name);
    screen.item(`${status}  ${screen.name(name)}`);
  }
  const giveUpAt = Date.now() + arriveWithinMs;
  const missing = new Map(samples.map(({ name, body }) => [name, body]));
  while (missing.size > 0 && Date.now() < giveUpAt && !signal.aborted) {
    for (const [name, body] of missing) {
      const copy = await sandbox.destination.read(name);
      if (copy?.equals(Buffer.from(body)) === true) missing.delete(name);
    }
    if (missing.size > 0) await sleep(lookEveryMs);
  }
  for (const name of missing.keys()) screen.item(`${screen.paint('red', 'MISSING')}  ${screen.name(name)}`);
  const verdict = `${samples.length - missing.size} of ${samples.length} arrived at the destination`;
  screen.item(screen.paint(missing.size === 0 ? 'green' : 'red', verdict));
  return missing.size === 0;
}

function showPlaces({ address, omsUrl, webhookToken, source }: ServiceSandbox, screen: Screen): void {
  const show = (what: string, where: string) =>
    screen.item(`${what.padEnd(14)} ${screen.paint('cyan', where)}`);
  screen.title('The service goes on, with a notification a second. Ctrl-C stops.');
  show('dashboard', address.href);
  show('metrics', new URL('/metrics', address).href);
  show('ready?', new URL('/readyz', address).href);
  show('source bucket', source.root);
  screen.title('Notify it of an object by hand');
  screen.item(
    `curl -H 'Authorization: Bearer ${webhookToken}' ${new URL('/notifications/webhook', address).href} -d '${formatNotification('by-hand.txt')}'`,
  );
  screen.title('Make OMS refuse, be away, or well again');
  const faults = `${omsUrl}/standin/faults`;
  screen.item(`curl -X PUT ${faults} -d '[{"kind":"answer","status":400,"errorCode":"OMS.0064"}]'`);
  screen.item(`curl -X PUT ${faults} -d '[{"kind":"reset","when":"before"}]'`);
  screen.item(`curl -X DELETE ${faults}`);
}

async function keepNotifying(sandbox: ServiceSandbox, signal: AbortSignal): Promise<void> {
  for (let number = 1; !signal.aborted; number++) {
    const name = `traffic/${String(number).padStart(6, '0')}.txt`;
    await sandbox.source.write(name, `object ${number}`);
    await sandbox.notify(name);
    await sleep(notifyEveryMs, undefined, { signal }).catch(() => undefined); // Ctrl-C ends the wait.
  }
}

/** Of the log of the service, what is no good news. */
function showTrouble(screen: Screen, line: string): void {
  if (/"level":"(warn|error)"/.test(line)) screen.item(screen.paint('dim', line));
}

runCommand(main, help);
