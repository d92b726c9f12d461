import { sortRecords, type Settings } from '@oms-sync/core';
import { exitCode, UsageError, type ExitCode } from '../exit-code.ts';
import { ListFileWriter, obsEndpointOf, openTarget } from '../list-files.ts';
import {
  Migration,
  readDestinationKeys,
  startListTasks,
  startPrefixTask,
  type StartedTasks,
} from '../migration-task.ts';
import { formatCount, formatNumberOf } from '../screen.ts';
import type { Tool } from '../tool.ts';
import { toRecord } from './run.ts';
import type { BackfillSource } from './source.ts';
import { selectObject, type Selection } from './state.ts';

export interface MigrationOptions {
  /** What is listed; undefined for all of the task's source bucket. */
  readonly source: BackfillSource | undefined;
  readonly isInventory: boolean;
  /** What names begin with. */
  readonly prefix: string;
  readonly selection: Selection;
  /** `obs://bucket/prefix`, for list files. */
  readonly lists: string | undefined;
  readonly isWatched: boolean;
  readonly isDryRun: boolean;
}

/**
 * Has OMS copy what was there before the events, by migration tasks instead of synchronization requests: one for a
 * prefix, which OMS lists by itself, where that says which objects are meant; else one for each list file that is written.
 *
 * @throws {UsageError} naming what does not go together.
 */
export async function migrate(tool: Tool, options: MigrationOptions): Promise<ExitCode> {
  const migration = await Migration.open(tool);
  try {
    checkSource(migration, options.source);
    const started = isPrefix(tool.settings, options)
      ? await migratePrefix(tool, migration, options)
      : await migrateLists(tool, migration, options);
    return started.isWell ? exitCode.allWell : exitCode.foundWrong;
  } finally {
    migration.close();
  }
}

/** OMS copies from the bucket of the synchronization task, whatever was listed. */
function checkSource({ source: { bucket } }: Migration, source: BackfillSource | undefined): void {
  const listed = source?.origin.bucket?.replace(/^.*\//, ''); // In Azure, the account stands in front.
  if (listed === undefined || listed === bucket) return;
  throw new UsageError(
    `--source: OMS copies from the bucket of the synchronization task, ${bucket}: expected that one, found ${listed}`,
  );
}

/** Can a task say by itself which objects are meant? */
function isPrefix({ filter }: Settings, { isInventory, selection }: MigrationOptions): boolean {
  const { until, minSize, maxSize } = selection;
  const { includePrefix, excludePrefix, includeSuffix, excludeSuffix } = filter;
  const filters = [...includePrefix, ...excludePrefix, ...includeSuffix, ...excludeSuffix];
  const bounds = [until, minSize, maxSize].filter((bound) => bound !== undefined);
  return !isInventory && bounds.length === 0 && filters.length === 0;
}

async function migratePrefix(
  { screen }: Tool,
  migration: Migration,
  { prefix, selection: { since }, isWatched, isDryRun }: MigrationOptions,
): Promise<StartedTasks> {
  const what = prefix === '' ? 'all objects' : `the objects whose names begin with ${JSON.stringify(prefix)}`;
  const ends = `from ${migration.source.bucket} to ${migration.destination.bucket}`;
  if (isDryRun) {
    screen.line(`Would have OMS copy ${what} ${ends}, by a migration task that lists them itself.`);
    screen.json({ dry_run: true, via: 'migration-task', prefix });
    return { tasks: [], isWell: true };
  }
  screen.line(`OMS is to copy ${what} ${ends}.`);
  const started = await startPrefixTask(screen, migration, { prefix, since, isWatched });
  screen.json({ via: 'migration-task', prefix, tasks: started.tasks });
  return started;
}

async function migrateLists(
  tool: Tool,
  migration: Migration,
  { source, selection, lists, isWatched, isDryRun }: MigrationOptions,
): Promise<StartedTasks> {
  if (source === undefined) throw new UsageError('--source: expected the bucket that is to be listed');
  if (lists === undefined) {
    throw new UsageError(
      '--lists: expected obs://bucket/prefix in the region of the destination, for files with the names: a migration task cannot choose by --until, size, inventory or the filters of the settings',
    );
  }
  const { screen, settings } = tool;
  const target = openTarget(lists, {
    credentials: readDestinationKeys(tool),
    endpoint: obsEndpointOf(tool.lookUp, migration.destination.region, settings.obsEndpoint),
  });
  const { bucket } = target;
  if (bucket === undefined) throw new UsageError(`--lists: expected obs://bucket/prefix, found ${lists}`);
  const stem = `backfill-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
  const dryTarget = { write: (name: string) => Promise.resolve(name) };
  const writer = new ListFileWriter(isDryRun ? dryTarget : target, stem);
  await writeNames(tool, source, selection, writer);
  const { files, tooLong } = writer;
  const names = files.reduce((sum, file) => sum + file.names, 0);
  screen.line(
    isDryRun
      ? `Would write ${formatNumberOf(names, 'name')}, and have OMS copy them. Nothing is written (--dry-run).`
      : `${formatNumberOf(names, 'name')} in ${formatNumberOf(files.length, 'list file')}.`,
  );
  if (tooLong.length > 0) screen.note(`${formatCount(tooLong.length)} are too long for a list file.`);
  const keys = isDryRun ? [] : files.map((file) => `${bucket.prefix}${file.name}`);
  const started = await startListTasks(screen, migration, { bucket: bucket.name, keys, isWatched });
  const { tasks, isWell } = started;
  screen.json({ dry_run: isDryRun, via: 'migration-task', names, too_long: tooLong.length, tasks });
  return { tasks, isWell: isWell && tooLong.length === 0 };
}

async function writeNames(
  { screen, settings }: Tool,
  source: BackfillSource,
  selection: Selection,
  writer: ListFileWriter,
): Promise<void> {
  const progress = screen.progress('listing', 'objects', source.total);
  let listed = 0;
  try {
    for (const part of await source.findParts(1)) {
      for await (const page of source.list(part)) {
        const selected = page.filter((object) => selectObject(selection, object));
        const records = selected.map((object) => toRecord(object, source.origin));
        for (const name of sortRecords(records, settings).names.keys()) await writer.add(name);
        progress.update((listed += page.length));
      }
    }
    await writer.finish();
  } finally {
    progress.stop();
  }
}
