import { createHash } from 'node:crypto';
import { sortRecords, type StorageRecord } from '@oms-sync/core';
import { Option, type Command } from 'commander';
import { wrapHelp } from '../help-text.ts';
import { Checkpoint, CheckpointError, type Identity } from '../backfill/checkpoint.ts';
import { manyObjects, recommendation, showOutcome } from '../backfill/outcome.ts';
import { migrate } from '../backfill/migration.ts';
import { runBackfill, type BackfillOptions } from '../backfill/run.ts';
import { folderOf, openInventorySource, openListedSource, type BackfillSource } from '../backfill/source.ts';
import { emptyTotals, type Selection } from '../backfill/state.ts';
import { exitCode, UsageError, type ExitCode } from '../exit-code.ts';
import { abortOnInterrupt } from '../interrupt.ts';
import { migrationKeysHelp } from '../migration-task.ts';
import { parseParallel, parsePositive, parseSize, parseTime } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { addSourceOptions, sourceHelp, type SourceFlags } from '../source.ts';
import type { Tool } from '../tool.ts';

interface Flags extends SourceFlags {
  readonly source?: string;
  readonly inventory?: string;
  readonly prefix?: string;
  readonly since?: GivenTime;
  readonly until?: GivenTime;
  readonly minSize?: number;
  readonly maxSize?: number;
  readonly rate?: number;
  readonly parallel: number;
  readonly via: 'events' | 'migration-task';
  readonly lists?: string;
  readonly watch?: true;
  readonly dryRun?: true;
  readonly checkpoint?: string;
}

/** A time, and how it was written. */
interface GivenTime {
  readonly text: string;
  readonly at: number;
}

/** `oms-sync backfill`: requests the objects that were there before the events. */
export const addBackfill: AddCommand = (program, act) => {
  addOptions(program.command('backfill'))
    .description('request the objects that were in the source bucket before its events were on')
    .addHelpText('after', wrapHelp(help))
    .action((flags: Flags) => act((tool) => backfill(tool, flags)));
};

function addOptions(command: Command): Command {
  const time = (text: string): GivenTime => ({ text, at: parseTime(text) });
  command.option(
    '--source <bucket>',
    'the source bucket, which is listed: obs://bucket, s3://bucket/folder, …',
  );
  addSourceOptions(command);
  return command
    .option(
      '--inventory <kind:path>',
      'instead of listing it: the inventory that the store has written, fetched to this machine; s3:, obs:, az: or gs: with a manifest.json, a folder or a file',
    )
    .option('--prefix <text>', 'only objects whose whole name begins so')
    .option('--since <time>', 'only objects modified then or later', time)
    .option('--until <time>', 'only objects modified before', time)
    .option('--min-size <bytes>', 'only objects of that size or larger', parseSize)
    .option('--max-size <bytes>', 'only objects of that size or smaller', parseSize)
    .option('--rate <number>', 'request no more than so many objects a second', parsePositive)
    .option('--parallel <number>', 'so many parts of the bucket side by side', parseParallel, 8)
    .addOption(
      new Option(
        '--via <engine>',
        'how OMS gets to know: by synchronization events, or by a migration task, which is the better way for more than a million objects',
      )
        .choices(['events', 'migration-task'])
        .default('events'),
    )
    .option(
      '--lists <bucket>',
      "with --via migration-task: obs://bucket/prefix in the destination's region, for files of names; needed when something else than --prefix and --since says which objects are meant",
    )
    .option('--watch', 'with --via migration-task: follow the tasks to their end')
    .option('--dry-run', 'count objects and bytes, and send nothing')
    .option(
      '--checkpoint <file>',
      'where it writes down how far it is (default: .oms-sync-backfill-….json in this folder, a name of its own for each set of options)',
    );
}

const help = `${sourceHelp}

Times: 2026-01-31, 2026-01-31T12:00:00Z (without a zone: UTC), 90m, 12h or 7d ago, or now. Sizes: 0, 500k, 10M, 2G.

It can be stopped (Ctrl-C: after what is in hand) or killed at any time: the same command goes on, and no object is
skipped. Objects may be requested twice, which OMS skips. Those that could not be requested are on the failed list.
Objects that were requested are on the success list, in files of names (log_layout=list, whatever the settings say).

Examples:
  oms-sync backfill --source s3://photos --dry-run
  oms-sync backfill --source obs://photos/2024 --until now
  oms-sync backfill --source az://account/photos --since 2026-01-01 --rate 200
  oms-sync backfill --inventory s3:inventory/2026-01-31T01-00Z/manifest.json
  oms-sync backfill --via migration-task --prefix 2024/ --watch
  oms-sync backfill --via migration-task --source s3://photos --until now \\
    --lists obs://lists-north4/oms

Inventories: S3 Inventory (CSV, Parquet), OBS bucket inventory (CSV), Azure Blob inventory (CSV, Parquet), Storage
Insights of Google Cloud (CSV, Parquet). They must have name, size and time of modification. Objects that came after an
inventory was written are not in it: have the events on before.

A migration task copies from the source bucket of the synchronization task, without requests from here; what it could not
copy is on OMS's own list in the destination bucket, and oms-sync reconcile finds it.
${migrationKeysHelp}`;

async function backfill(tool: Tool, flags: Flags): Promise<ExitCode> {
  if (flags.via === 'migration-task') return backfillByMigration(tool, flags);
  if (flags.lists !== undefined || flags.watch === true) {
    throw new UsageError('--lists and --watch go with --via migration-task');
  }
  const source = await openBackfillSource(tool, flags);
  const isDryRun = flags.dryRun === true;
  const identity = identify(tool, source, flags);
  const checkpoint = isDryRun ? undefined : new Checkpoint(flags.checkpoint ?? fileFor(identity), identity);
  const begun = await checkpoint?.read();
  if (begun !== undefined) tool.screen.note(`Going on from ${checkpoint?.file ?? ''}.`);
  const selection = begun?.selection ?? selectionOf(flags);
  const totals = begun?.totals ?? emptyTotals();
  const synchronize = isDryRun ? countOnly(tool) : synchronizer(tool, flags.rate);
  const progress = tool.screen.progress(isDryRun ? 'counting' : 'backfill', 'objects', source.total);
  const interrupt = abortOnInterrupt(tool.screen, 'Stopping after what is in hand; once more stops at once.');
  const noteMany = recommendOnce(tool, isDryRun);
  noteMany(source.total ?? 0);
  try {
    const { parallel } = flags;
    const parts = begun?.parts ?? (await source.findParts(parallel));
    const halt = await runBackfill(parts, totals, {
      list: source.list,
      origin: source.origin,
      selection,
      synchronize,
      checkpoint,
      parallel,
      chunkSize: chunkSizeFor(flags),
      onProgress: ({ listed, received }) => {
        progress.update(listed);
        noteMany(received);
      },
      stop: interrupt.signal,
    });
    progress.stop();
    if (halt === undefined) await checkpoint?.remove();
    const checkpointFile = halt === undefined || totals.listed === 0 ? undefined : checkpoint?.file;
    showOutcome(tool.screen, { source: source.address, isDryRun, totals, halt, checkpointFile });
    return halt === undefined && totals.unrequested === 0 ? exitCode.allWell : exitCode.foundWrong;
  } catch (error) {
    progress.stop();
    if (checkpoint !== undefined && totals.listed > 0) {
      tool.screen.note(`The same command goes on from where it was (${checkpoint.file}).`);
    }
    if (!(error instanceof CheckpointError)) throw error;
    tool.screen.note(error.message);
    return exitCode.foundWrong;
  } finally {
    interrupt.stop();
  }
}

async function backfillByMigration(tool: Tool, flags: Flags): Promise<ExitCode> {
  if (flags.rate !== undefined || flags.checkpoint !== undefined) {
    throw new UsageError(
      '--rate and --checkpoint go with --via events: a migration task is OMS at work by itself',
    );
  }
  const isAll = flags.source === undefined && flags.inventory === undefined;
  const folder = flags.source === undefined ? '' : folderOf(flags.source);
  const { prefix = folder } = flags;
  if (!prefix.startsWith(folder)) {
    throw new UsageError(`--prefix: expected one that begins with the folder of --source, ${folder}`);
  }
  return migrate(tool, {
    source: isAll ? undefined : await openBackfillSource(tool, flags),
    isInventory: flags.inventory !== undefined,
    prefix,
    selection: selectionOf(flags),
    lists: flags.lists,
    isWatched: flags.watch === true,
    isDryRun: flags.dryRun === true,
  });
}

async function openBackfillSource(tool: Tool, flags: Flags): Promise<BackfillSource> {
  const { source, inventory, prefix } = flags;
  if (source !== undefined && inventory === undefined) return openListedSource(tool, source, flags);
  if (inventory !== undefined && source === undefined) return openInventorySource(inventory, prefix);
  throw new UsageError('--source or --inventory: expected one of them: what objects are there?');
}

/** @throws {UsageError} if no object could be meant. */
function selectionOf({ since, until, minSize, maxSize }: Flags): Selection {
  if (since !== undefined && until !== undefined && since.at >= until.at) {
    throw new UsageError('--since: expected a time before that of --until');
  }
  if (minSize !== undefined && maxSize !== undefined && minSize > maxSize) {
    throw new UsageError('--min-size: expected no more than --max-size');
  }
  return { since: since?.at, until: until?.at, minSize, maxSize };
}

/** What must be the same for a backfill to go on. */
function identify({ settings }: Tool, source: BackfillSource, flags: Flags): Identity {
  return {
    source: source.address,
    'inventory files': source.fingerprint,
    '--prefix': flags.prefix,
    '--since': flags.since?.text,
    '--until': flags.until?.text,
    '--min-size': flags.minSize?.toString(),
    '--max-size': flags.maxSize?.toString(),
    sync_task_id: settings.syncTaskId,
    'include_… and exclude_…': JSON.stringify(settings.filter),
  };
}

function fileFor(identity: Identity): string {
  const hash = createHash('sha256').update(JSON.stringify(identity)).digest('hex');
  return `.oms-sync-backfill-${hash.slice(0, 12)}.json`;
}

const objectsAChunk = 1000;
/** A chunk takes no longer, so that stopping does not either, and little is done again after a kill. */
const chunkSeconds = 10;

function chunkSizeFor({ rate = Infinity, parallel }: Flags): number {
  return Math.max(10, Math.min(objectsAChunk, Math.floor((rate * chunkSeconds) / parallel)));
}

function synchronizer(tool: Tool, namesPerSecond: number | undefined): BackfillOptions['synchronize'] {
  const instance = tool.openInstance({ layout: 'list', namesPerSecond });
  return (records) => instance.synchronize(records, { deadline: Infinity, log: tool.log });
}

/** What a run would send. */
function countOnly({ settings }: Tool): BackfillOptions['synchronize'] {
  return (records: readonly StorageRecord[]) => {
    const filtered = sortRecords(records, settings).filtered.size;
    const report = {
      received: records.length,
      requested: 0,
      unrequested: 0,
      filtered,
      merged: 0,
      returned: 0,
    };
    return Promise.resolve({ report, fates: [] });
  };
}

/** Says once that there is a better way for so many objects; a dry run says it at its end. */
function recommendOnce({ screen }: Tool, isDryRun: boolean): (objects: number) => void {
  let isDone = isDryRun;
  return (objects) => {
    if (isDone || objects <= manyObjects) return;
    isDone = true;
    screen.note(recommendation);
  };
}
