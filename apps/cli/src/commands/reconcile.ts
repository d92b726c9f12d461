import { selectName } from '@oms-sync/core';
import { wrapHelp } from '../help-text.ts';
import { exitCode, UsageError, type ExitCode } from '../exit-code.ts';
import { parsePositive, parseTime } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { findLists, openBuckets, type BucketFlags, type Buckets, type Origin } from '../reconcile/buckets.ts';
import { GapRequests } from '../reconcile/gap-requests.ts';
import { toLine, type Gap } from '../reconcile/gap.ts';
import { OutputFile } from '../reconcile/output-file.ts';
import { readReasons } from '../reconcile/reasons.ts';
import { reconcile } from '../reconcile/reconciliation.ts';
import { renderReport } from '../reconcile/report-page.ts';
import { ReportRows } from '../reconcile/report-rows.ts';
import { describeResult, showResult, toJson } from '../reconcile/result-view.ts';
import type { Totals } from '../reconcile/totals.ts';
import { formatNumberOf } from '../screen.ts';
import { addSourceOptions, sourceHelp } from '../source.ts';
import type { Tool } from '../tool.ts';

interface ReconcileOptions extends BucketFlags {
  readonly since?: number;
  readonly until?: number;
  readonly ignoreExtra?: true;
  readonly reasons: boolean;
  readonly request?: true;
  readonly dryRun?: true;
  /** Names a second. */
  readonly rate?: number;
  readonly html?: string;
  readonly jsonl?: string;
}

/** `oms-sync reconcile`: what is at the source, and not, or not as it is now, at the destination? */
export const addReconcile: AddCommand = (program, act) => {
  const command = program
    .command('reconcile')
    .summary('compare source and destination, and request what is missing')
    .description(wrapHelp(description))
    .option('--source <address>', 'the source bucket, such as s3://photos')
    .option(
      '--source-inventory <vendor:path>',
      'an inventory of the source instead, on this machine: s3:folder, obs:, az:, gs:',
    )
    .requiredOption('--destination <address>', 'the destination bucket, obs://bucket');
  addSourceOptions(command)
    .option(
      '--destination-endpoint <address>',
      "the OBS domain name of the destination's region; obs_endpoint if left out",
    )
    .option('--prefix <text>', 'only names that begin with it')
    .option('--since <time>', 'leave out what changed before: 2026-01-31, 12h, 7d', parseTime)
    .option(
      '--until <time>',
      'leave out what changed later, as too fresh to judge; the start of this run if left out',
      parseTime,
    )
    .option('--ignore-extra', 'objects at the destination only do not count as a difference')
    .option('--no-reasons', 'do not look at the failed lists for why an object is missing')
    .option('--request', 'request what is missing or stale from OMS')
    .option('--dry-run', 'with --request: only say how many would be requested')
    .option('--rate <names>', 'with --request: no more names a second than that', parsePositive)
    .option('--html <file>', 'write a report for people, one file that opens in any browser')
    .option('--jsonl <file>', 'write each difference as a line of JSON; - for standard output')
    .addHelpText('after', wrapHelp(helpAfter))
    .action((options: ReconcileOptions) => act((tool) => runReconcile(tool, options)));
};

async function runReconcile(tool: Tool, options: ReconcileOptions): Promise<ExitCode> {
  checkOptions(tool, options);
  const buckets = await openBuckets(tool, options);
  const files: OutputFile[] = [];
  const openFile = async (option: string, name: string | undefined) => {
    if (name === undefined || name === '-') return undefined;
    const file = await OutputFile.open(option, name);
    files.push(file);
    return file;
  };
  try {
    const html = await openFile('--html', options.html);
    const jsonl = await openFile('--jsonl', options.jsonl);
    return await compareAndReport(tool, options, buckets, { html, jsonl });
  } finally {
    await Promise.all(files.map((file) => file.close()));
  }
}

interface Files {
  readonly html: OutputFile | undefined;
  readonly jsonl: OutputFile | undefined;
}

async function compareAndReport(
  tool: Tool,
  options: ReconcileOptions,
  buckets: Buckets,
  files: Files,
): Promise<ExitCode> {
  const startedAt = Date.now();
  const rows = new ReportRows();
  const { result, requests, unreadLines } = await compare(tool, options, buckets, {
    startedAt,
    onGap: async (gap) => {
      const line = `${toLine(gap)}\n`;
      if (files.html !== undefined) rows.add(gap);
      if (options.jsonl === '-') tool.screen.raw(line);
      await files.jsonl?.write(line);
    },
  });
  const { counts, summary } = result;
  const extra = options.ignoreExtra ? 0 : counts.extra;
  const totals: Totals = {
    ...result,
    source: buckets.source.address,
    destination: buckets.destination.address,
    prefix: buckets.prefix,
    startedAt,
    seconds: (Date.now() - startedAt) / 1000,
    isEqual: counts.missing + counts.stale + extra === 0,
    hasReasons: options.reasons,
    requests,
  };
  const report = { totals, summary, folders: summary.findTopFolders() };
  const wholeList = options.jsonl === '-' ? undefined : options.jsonl;
  await files.html?.write(renderReport({ ...report, rows, wholeList }));
  await files.html?.finish();
  await files.jsonl?.finish();
  if (unreadLines > 0) {
    tool.screen.note(`${formatNumberOf(unreadLines, 'line')} of OMS's failed lists could not be understood.`);
  }
  if (options.jsonl === '-') tool.screen.note(describeResult(totals));
  else showResult(tool.screen, report);
  tool.screen.json(toJson(report));
  return judge(totals);
}

/** Compares the buckets, and requests what is missing or stale if that is asked for. */
async function compare(
  tool: Tool,
  options: ReconcileOptions,
  { source, origin, destination, resultLists, prefix }: Buckets,
  { startedAt, onGap }: { readonly startedAt: number; readonly onGap: (gap: Gap) => Promise<void> },
) {
  const { settings } = tool;
  const requests = openRequests(tool, options, origin);
  const unread = { count: 0 };
  const isWanted = (name: string) => name.startsWith(prefix ?? '');
  const progress = tool.screen.progress('reconcile', 'objects');
  try {
    const result = await reconcile({
      source,
      destination,
      prefix,
      since: options.since ?? -Infinity,
      until: options.until ?? startedAt,
      selects: (name) => selectName(settings.filter, name),
      isList: findLists(settings.logBucket, origin),
      reasons: options.reasons
        ? readReasons({ tool, resultLists, address: destination.address, isWanted, unread })
        : undefined,
      onGap: async (gap) => {
        await onGap(gap);
        if (gap.kind !== 'extra') await requests?.add(gap.name);
      },
      onProgress: (objects) => progress.update(objects),
    });
    return { result, requests: await requests?.finish(), unreadLines: unread.count };
  } finally {
    progress.stop();
  }
}

/** What is requested is mended as far as this command can; a dry run mends nothing. */
function judge({ isEqual, requests }: Totals): ExitCode {
  const isWell = requests === undefined || requests.isDryRun ? isEqual : requests.unrequested === 0;
  return isWell ? exitCode.allWell : exitCode.foundWrong;
}

// --- options ---

function checkOptions(tool: Tool, { request, dryRun, rate, since, until, jsonl }: ReconcileOptions): void {
  if (dryRun && !request) throw new UsageError('--dry-run: expected --request beside it');
  if (rate !== undefined && !request) throw new UsageError('--rate: expected --request beside it');
  if (since !== undefined && until !== undefined && since >= until) {
    throw new UsageError('--since: expected a time before that of --until');
  }
  if (jsonl === '-' && tool.screen.isJson) {
    throw new UsageError('--jsonl - and --json both write to standard output: give --jsonl a file');
  }
}

function openRequests(
  tool: Tool,
  { request, dryRun, rate }: ReconcileOptions,
  { store, bucket }: Origin,
): GapRequests | undefined {
  if (!request) return undefined;
  return new GapRequests({
    instance: dryRun ? undefined : tool.openInstance({ layout: 'list', namesPerSecond: rate }),
    store,
    bucket,
    log: tool.log,
  });
}

// --- help ---

const description = `Compare the source bucket with the destination bucket, name by name.

  missing  at the source only
  stale    at both, but of another size, or changed at the source since
  extra    at the destination only: reported and left alone, never deleted

Both buckets are listed once, side by side, in little memory however many
objects there are. A listing that fails or is cut off ends the command with
an error: it never counts as an empty bucket.

Each missing or stale object comes with the reason, if a failed list has it:
  unrequested: OMS.0064  it is on the failed or parked list (log bucket)
  OMS failed: NoSuchKey  it is on a failed list of OMS (destination, oms/)
  no event               on neither: no event came, or OMS is not there yet

The name filters of the settings (include_prefix and so on) apply: what they
leave out counts as filtered. The lists of OMS and oms-sync are not extra.`;

const helpAfter = `${sourceHelp}

The destination is read with destination_ak and destination_sk (destination_security_token), or hw_ak and hw_sk if they
are not set.

An inventory is as old as it is: give --until the time when it was written.

While objects still change at the source, some have just not arrived: --until 15m leaves out what
changed in the last 15 minutes. On cut-over day, when nothing changes any more, leave it away.

Exit code: 0 the buckets are equal, or with --request: everything was requested; 1 they differ, something
could not be requested, or a listing failed; 2 called wrongly or misconfigured.

Examples:
  oms-sync reconcile --source s3://photos --destination obs://photos-copy \\
    --html report.html
  oms-sync reconcile --source s3://photos --destination obs://photos-copy \\
    --until 15m --request --rate 200
  oms-sync reconcile --source s3://photos --destination obs://photos-copy \\
    --jsonl - | jq -r .name`;
