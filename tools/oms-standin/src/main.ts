import { parseCommandLine, runCommand, usage, UsageError } from './command-line.ts';
import { Refusal } from './answers.ts';

async function main(): Promise<void> {
  const command = parseCommandLine(process.argv.slice(2), process.env);
  if (command.help) {
    process.stdout.write(usage);
    return;
  }
  // Listened for from the start: whoever reads the first line may stop the program at once.
  const stopped = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => resolve());
  });
  const standin = await runCommand(command, (line) => process.stdout.write(`${line}\n`));
  await stopped;
  await standin.close();
}

function fail(error: unknown): void {
  // A TypeError is an option that the stand-in does not take, a Refusal a task that it does not.
  const isUsage = error instanceof UsageError || error instanceof TypeError || error instanceof Refusal;
  const hint = isUsage ? '\nTry --help.' : '';
  process.stderr.write(`oms-standin: ${error instanceof Error ? error.message : String(error)}${hint}\n`);
  process.exitCode = isUsage ? 2 : 1;
}

main().catch(fail);
