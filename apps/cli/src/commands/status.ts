import { LogBucketError, OmsError, OmsSyncTasks, systemClock } from '@oms-sync/core';
import { InvalidArgumentError, Option } from 'commander';
import { wrapHelp } from '../help-text.ts';
import type { Finding } from '../doctor/finding.ts';
import { exitCode, UsageError, type ExitCode } from '../exit-code.ts';
import { parsePositive, parseTime } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { judge } from '../status/judgement.ts';
import { formatOverview } from '../status/overview-view.ts';
import { askOms, countLists, type Overview } from '../status/overview.ts';
import type { Tool } from '../tool.ts';

interface StatusOptions {
  /** Text that {@link parseTime} reads: what is ago moves on with `--watch`. */
  readonly since: string;
  /** In seconds; true for the usual. */
  readonly watch?: number | true;
  /** In milliseconds. */
  readonly maxAge: number;
  /** In seconds. */
  readonly countFor: number;
}

const usualWatchSeconds = 60;
/** Counting is listing, and listing costs: with `--watch`, so many times as long nothing is counted. */
const restFactor = 9;

/** `oms-sync status`: what is going on, and is it well? */
export const addStatus: AddCommand = (program, act) => {
  program
    .command('status')
    .summary('what is going on: the task, its statistics, our lists, the gap between them')
    .description(wrapHelp(description))
    .option('--since <time>', 'how far back: 24h, 7d, or a time such as 2026-01-31', checkTime, '24h')
    .option(
      '--watch [seconds]',
      `show it again every so many seconds (${usualWatchSeconds}), until Ctrl-C`,
      parsePositive,
    )
    .addOption(
      new Option('--max-age <time>', 'what is unrequested for longer is wrong')
        .argParser(parseAge)
        .default(3_600_000, '1h'),
    )
    .option(
      '--count-for <seconds>',
      'how long the lists may be counted; then what was counted is a lower bound',
      parsePositive,
      30,
    )
    .addHelpText('after', wrapHelp(helpAfter))
    .action((options: StatusOptions) => act((tool) => runStatus(tool, options)));
};

async function runStatus(tool: Tool, options: StatusOptions): Promise<ExitCode> {
  const { settings } = tool;
  const tasks = new OmsSyncTasks(settings);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort());
  let code: ExitCode = exitCode.allWell;
  try {
    for (;;) {
      const overview = await orStopped(look(tool, tasks, options), stop.signal);
      if (overview === undefined) return code;
      const findings = judge(overview, { taskId: settings.syncTaskId, maxAgeMs: options.maxAge });
      code = findings.some(({ verdict }) => verdict === 'wrong') ? exitCode.foundWrong : exitCode.allWell;
      show(tool, overview, findings, options);
      if (options.watch === undefined) return code;
      const countedMs = overview.lists instanceof LogBucketError ? 0 : overview.lists.tookMs;
      await systemClock.sleep(Math.max(secondsOf(options.watch) * 1000, restFactor * countedMs), stop.signal);
      if (stop.signal.aborted) return code;
    }
  } finally {
    tasks.close();
  }
}

/** Looks at OMS and at the lists, side by side. */
async function look(
  tool: Tool,
  tasks: OmsSyncTasks,
  { since, watch, countFor }: StatusOptions,
): Promise<Overview> {
  const now = Date.now();
  const from = parseTime(since);
  if (from >= now) throw new UsageError('--since: expected a time in the past.');
  const progress = watch === undefined ? tool.screen.progress('counting our lists', 'entries') : undefined;
  let counted = 0;
  const onCounted = (entries: number) => {
    counted += entries;
    progress?.update(counted);
  };
  try {
    const [oms, lists] = await Promise.all([
      askOms(tasks, tool.settings, { from, now }),
      countLists(tool.logBucket, tool.settings, { from, now, countForMs: countFor * 1000, onCounted }),
    ]);
    return { now, from, oms, lists };
  } finally {
    progress?.stop();
  }
}

/** What comes of something, or undefined if it is stopped before. */
async function orStopped<Result>(result: Promise<Result>, signal: AbortSignal): Promise<Result | undefined> {
  const over = new AbortController();
  const stopped = new Promise<undefined>((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined), { once: true, signal: over.signal });
  });
  return Promise.race([result, stopped]).finally(() => over.abort());
}

function show(
  { screen }: Tool,
  overview: Overview,
  findings: readonly Finding[],
  { watch }: StatusOptions,
): void {
  screen.json(toJson(overview, findings));
  const lines = formatOverview(overview, findings, screen);
  if (watch !== undefined) {
    screen.clear();
    lines.push(
      '',
      screen.paint(
        'dim',
        `${new Date(overview.now).toISOString()}, again in ${secondsOf(watch)} s; Ctrl-C ends`,
      ),
    );
  }
  for (const line of lines) screen.line(line);
}

function toJson({ now, from, oms, lists }: Overview, findings: readonly Finding[]) {
  const { statistics } = oms;
  return {
    time: new Date(now).toISOString(),
    since: new Date(from).toISOString(),
    task: oms.answer.task,
    statistics: statistics instanceof OmsError ? undefined : statistics,
    lists: lists instanceof LogBucketError ? undefined : lists,
    findings,
  };
}

function secondsOf(watch: number | true): number {
  return watch === true ? usualWatchSeconds : watch;
}

/** Reads how long something may take, such as `90m`, in milliseconds. */
function parseAge(text: string): number {
  const seconds = Math.round((Date.now() - parseTime(text)) / 1000);
  if (seconds > 0) return seconds * 1000;
  throw new InvalidArgumentError('Expected how long it may be, such as 90m, 12h or 7d.');
}

/** Checks a time, and leaves it as it is. */
function checkTime(text: string): string {
  parseTime(text);
  return text;
}

const description = `Show what is going on, and whether it is well: the task, what OMS has done over time, how much
is on our own lists, and whether OMS received what we requested. Changes nothing.

What the figures say, and what they cannot say:
  OMS's counts      are of requests and of copies, for all senders of the task. A request that is
                    taken is not yet a copy. The line of the month is OMS's own calendar month.
  Our lists         hold an object once, however often it was requested (layout object), or a line
                    for each request (layout list).
  gap               compares the same time on both sides, but for the newest 10 minutes. Fewer at
                    OMS than on our lists is a gap. More is usual: repeats, and other senders.
                    It cannot show events that never came: that is what reconcile is for.

Counting lists every log object, 1,000 a request. It ends after --count-for seconds.`;

const helpAfter = `
Exit code: 0 all is well (there may be warnings); 1 something is wrong: the task does not run or is
not known, an object is unrequested for longer than --max-age, there is a gap, the lists cannot be
read; 2 called wrongly or misconfigured.

Examples:
  oms-sync status --env-file oms.env
  oms-sync status --since 7d
  oms-sync status --watch 30
  oms-sync status --json | jq .lists.unrequested.entries`;
