import type { Replay } from '@oms-sync/core';
import type { Command } from 'commander';
import { wrapHelp } from '../help-text.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { abortOnInterrupt } from '../interrupt.ts';
import { parsePositive } from '../options.ts';
import type { Act } from '../program.ts';
import { formatCount, formatNumberOf } from '../screen.ts';
import { showReport } from '../sums.ts';
import type { Tool } from '../tool.ts';
import { addAnyTask, addFilters, describeList, readSelected, selectionOf, type Filters } from './filters.ts';
import { countKeys } from './key-count.ts';
import { ReasonCounts } from './reason-counts.ts';

interface ReplayOptions extends Filters {
  readonly rate?: number;
  readonly dryRun?: true;
}

/** `oms-sync failed replay`. */
export function addReplay(failed: Command, act: Act): void {
  addAnyTask(addFilters(failed.command('replay')))
    .description('request again what is on the failed list, and take off it what OMS accepts')
    .option('--rate <names>', 'no more than so many names a second', parsePositive)
    .option('--dry-run', 'count what would be requested, and do nothing')
    .addHelpText('after', wrapHelp(help))
    .action((options: ReplayOptions) =>
      act((tool) => (options.dryRun === true ? showPlan(tool, options) : replay(tool, options))),
    );
}

async function showPlan(tool: Tool, options: ReplayOptions): Promise<ExitCode> {
  const { screen } = tool;
  const counts = new ReasonCounts();
  for await (const entry of readSelected(tool, options)) {
    if (entry.isName) counts.add(entry);
  }
  screen.json({ dry_run: true, counts });
  screen.line(`Would request ${formatNumberOf(counts.total, 'object')} again.`);
  if (counts.total > 0) counts.show(screen);
  return exitCode.allWell;
}

async function replay(tool: Tool, options: ReplayOptions): Promise<ExitCode> {
  const { screen } = tool;
  const instance = tool.openInstance({ namesPerSecond: options.rate });
  const total = await countKeys(tool, options);
  const progress = screen.progress('replay', 'log objects of the list', total);
  const interrupt = abortOnInterrupt(screen, 'Stops after what it has in hand; once more to stop at once.');
  try {
    const result = await instance.replay(
      { log: tool.log, deadline: Infinity },
      {
        ...selectionOf(options),
        signal: interrupt.signal,
        onProgress: ({ keys }) => progress.update(keys),
      },
    );
    progress.stop();
    return showResult(tool, options, result);
  } finally {
    progress.stop();
    interrupt.stop();
  }
}

function showResult(tool: Tool, options: ReplayOptions, result: Replay): ExitCode {
  const { screen } = tool;
  const { report, parked, isComplete, ofOtherTasks, inHand, codes, problem } = result;
  screen.json({
    ...report,
    parked,
    is_complete: isComplete,
    of_other_tasks: ofOtherTasks,
    in_hand: inHand,
    codes: Object.fromEntries(codes),
    problem: problem?.message,
  });
  showReport(screen, report, {
    requested: 'OMS has taken the request: off the list',
    unrequested: 'on the list again, with the new reason',
    returned: 'on the list as before',
    merged: 'the same name stood there more than once',
  });
  if (codes.size > 0) {
    screen.line();
    screen.table(['code', 'objects'], [...codes]);
  }
  if (parked > 0)
    screen.line(`\n${formatCount(parked)} of them are parked: see oms-sync failed list --parked.`);
  if (!isComplete) {
    screen.note(`It ended before the end of the ${describeList(options)}: run it again for the rest.`);
  }
  if (inHand > 0) {
    screen.note(
      `${formatNumberOf(inHand, 'file')} of the list is in hand of another replay, or of one that was cut off: run it again in two minutes.`,
    );
  }
  if (ofOtherTasks > 0) {
    screen.note(
      `${formatCount(ofOtherTasks)} of other synchronization tasks are left alone: see --any-task.`,
    );
  }
  if (problem !== undefined) screen.note(problem.message);
  const isDone =
    isComplete && inHand === 0 && problem === undefined && report.unrequested + report.returned === 0;
  return isDone ? exitCode.allWell : exitCode.foundWrong;
}

const help = `
It goes through the same sync run as the function apps: merged, batched, retried, a refused batch split until the culprit
stands alone. What OMS accepts goes to the success list; what it does not stays, with the new reason. It walks the whole
list, however long; name filters of the settings do not count. Nothing is lost if it is stopped, killed, or runs beside
the replay of a function: just run it again. It stops early if OMS is away or accepts nobody.

For millions of objects a migration task is the right engine: oms-sync failed export --as-migration-task.

Exit code: 0 all that was meant is requested; 1 something is left on the list.

Examples:
  oms-sync failed replay --dry-run
  oms-sync failed replay --class passing,identity --rate 100
  oms-sync failed replay --parked --prefix photos/`;
