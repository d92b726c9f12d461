// npm start: the product at work on this machine. See README.md.
import path from 'node:path';
import { parseArgs } from 'node:util';
import { platforms } from '@oms-sync/function-hosts';
import { runCommand, UsageError } from '@oms-sync/testing';
import { FirstRound, type Arrivals } from './first-round.ts';
import { makeEmpty } from './sandbox-folder.ts';
import { startSandbox, type Sandbox } from './sandbox.ts';
import { Screen } from './screen.ts';
import { WatchedRounds } from './watched-rounds.ts';

const help = `npm start -- [options]

Starts a source bucket, the built function, a stand-in of OMS, a log bucket and a destination bucket on this
machine, synchronizes a few objects, and keeps watching the source bucket.

  --platform NAME  functiongraph (default), aws-lambda, azure-functions, gcf, or all: whose function it is
  --once           one round, then exit: 0 if every object arrived, else 1
  --folder FOLDER  where everything lies (default .sandbox); emptied at the start, if a sandbox was there
  --help           this text
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      once: { type: 'boolean', default: false },
      folder: { type: 'string', default: '.sandbox' },
      platform: { type: 'string', default: 'functiongraph' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const chosen = platforms.filter(({ name }) => values.platform === name || values.platform === 'all');
  if (chosen.length === 0) throw new UsageError(`Unknown --platform '${values.platform}'`);
  const screen = new Screen(process.stdout);
  const folder = path.resolve(values.folder);
  await makeEmpty(folder);
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  const sandboxes: Sandbox[] = [];
  const watched: WatchedRounds[] = [];
  try {
    const summary = new Map<string, Arrivals>();
    const watching: (() => Promise<WatchedRounds>)[] = [];
    for (const platform of chosen) {
      if (summary.size > 0) screen.line('\n');
      const logLines: string[] = [];
      const place = values.platform === 'all' ? path.join(folder, platform.name) : folder;
      const sandbox = await startSandbox(place, platform, process.cwd(), (line) => logLines.push(line));
      sandboxes.push(sandbox);
      summary.set(platform.name, await new FirstRound(sandbox, screen, logLines).play());
      watching.push(() => WatchedRounds.start(sandbox, screen, logLines));
    }
    if (chosen.length > 1) {
      screen.title('All platforms');
      for (const [name, { arrived, of }] of summary) {
        const verdict = `${arrived} of ${of} arrived`;
        screen.item(`${name.padEnd(16)} ${screen.paint(arrived === of ? 'green' : 'red', verdict)}`);
      }
    }
    if (values.once) return [...summary.values()].every(({ arrived, of }) => arrived === of) ? 0 : 1;
    for (const watch of watching) watched.push(await watch());
    await stopped;
    screen.line('\nStopping.');
    return 0;
  } finally {
    for (const rounds of watched) await rounds.stop();
    for (const sandbox of sandboxes) await sandbox.stop();
  }
}

runCommand(main, help);
