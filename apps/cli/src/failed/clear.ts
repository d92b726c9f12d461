import confirm from '@inquirer/confirm';
import { clearFailedList } from '@oms-sync/core';
import type { Command } from 'commander';
import { wrapHelp } from '../help-text.ts';
import { exitCode, UsageError, type ExitCode } from '../exit-code.ts';
import { abortOnInterrupt } from '../interrupt.ts';
import type { Act } from '../program.ts';
import { formatCount, showName } from '../screen.ts';
import type { Tool } from '../tool.ts';
import { addAnyTask, addFilters, describeList, readSelected, selectionOf, type Filters } from './filters.ts';
import { ReasonCounts } from './reason-counts.ts';

interface ClearOptions extends Filters {
  readonly yes?: true;
  readonly dryRun?: true;
}

/** `oms-sync failed clear`. */
export function addClear(failed: Command, act: Act): void {
  addAnyTask(addFilters(failed.command('clear')))
    .description(
      'remove entries from the failed list without requesting them: for what is settled by other means',
    )
    .option('--yes', 'do not ask')
    .option('--dry-run', 'say what would be removed, and do nothing')
    .addHelpText('after', wrapHelp(help))
    .action((options: ClearOptions) => act((tool) => clear(tool, options)));
}

async function clear(tool: Tool, options: ClearOptions): Promise<ExitCode> {
  const { screen } = tool;
  // Before anything is read: whoever cannot be asked must have said yes.
  if (options.yes !== true && options.dryRun !== true && !process.stdin.isTTY) {
    throw new UsageError('failed clear asks before it removes anything, and there is no terminal: add --yes');
  }
  // What is written from now on is not counted, so it is not removed either.
  const before = Date.now();
  const { counts, examples } = await count(tool, options);
  if (counts.total === 0 || options.dryRun === true) {
    screen.json({ dry_run: options.dryRun, counts, removed: 0 });
    screen.line(
      counts.total === 0
        ? `The ${describeList(options)} has no such entry.`
        : `Would remove ${counts.summary}`,
    );
    return exitCode.allWell;
  }
  screen.note(`${counts.summary}; such as ${examples.map(showName).join(', ')}`);
  if (options.yes !== true && !(await ask(counts.total, options))) {
    screen.note('Nothing is removed.');
    return exitCode.foundWrong;
  }
  return remove(tool, options, before, counts);
}

async function count(
  tool: Tool,
  options: ClearOptions,
): Promise<{ readonly counts: ReasonCounts; readonly examples: readonly string[] }> {
  const counts = new ReasonCounts();
  const examples: string[] = [];
  for await (const entry of readSelected(tool, options)) {
    if (entry.inHandUntil !== undefined && entry.inHandUntil > Date.now()) continue;
    counts.add(entry);
    if (examples.length < 3) examples.push(entry.name);
  }
  return { counts, examples };
}

async function ask(count: number, options: ClearOptions): Promise<boolean> {
  const entries = count === 1 ? 'this entry' : `these ${formatCount(count)} entries`;
  const message = `Remove ${entries} of the ${describeList(options)} for good, without requesting them?`;
  try {
    return await confirm({ message, default: false }, { output: process.stderr });
  } catch (error) {
    // Ctrl-C at the question.
    if (error instanceof Error && error.name === 'ExitPromptError') return false;
    throw error;
  }
}

async function remove(
  tool: Tool,
  options: ClearOptions,
  before: number,
  counts: ReasonCounts,
): Promise<ExitCode> {
  const { screen, store, settings } = tool;
  const progress = screen.progress('clear', 'entries', counts.total);
  const interrupt = abortOnInterrupt(screen, 'Stops after what it has in hand.');
  try {
    const { removed, problem } = await clearFailedList({
      ...store,
      settings,
      selection: selectionOf(options),
      before,
      signal: interrupt.signal,
      onProgress: (done) => progress.update(done),
    });
    progress.stop();
    screen.json({ counts, removed, problem: problem?.message });
    screen.line(`${formatCount(removed)} removed.`);
    if (problem !== undefined) screen.note(problem.message);
    const isDone = problem === undefined && !interrupt.signal.aborted && removed >= counts.total;
    return isDone ? exitCode.allWell : exitCode.foundWrong;
  } finally {
    progress.stop();
    interrupt.stop();
  }
}

const help = `
It says what it is about to remove, and asks. What came on the list after that stays on it.

Exit code: 0 removed, or there was nothing to remove; 1 something of it is left, or the answer was no; 2 there is nobody to
ask, and no --yes.

Examples:
  oms-sync failed clear --class invalid --dry-run
  oms-sync failed clear --prefix tmp/ --older-than 30d --yes
  oms-sync failed clear --parked`;
