import type { Command } from 'commander';
import { wrapHelp } from '../help-text.ts';
import { exitCode, UsageError, type ExitCode } from '../exit-code.ts';
import { ListFileWriter, obsEndpointOf, openTarget, type ListFileTarget } from '../list-files.ts';
import { Migration, migrationKeysHelp, readDestinationKeys, startListTasks } from '../migration-task.ts';
import type { Act } from '../program.ts';
import { formatCount, formatNumberOf } from '../screen.ts';
import type { Tool } from '../tool.ts';
import { addAnyTask, addFilters, describeList, readSelected, type Filters } from './filters.ts';

interface ExportOptions extends Filters {
  readonly asMigrationTask?: true;
  readonly watch?: true;
  readonly dryRun?: true;
}

/** `oms-sync failed export`. */
export function addExport(failed: Command, act: Act): void {
  addAnyTask(addFilters(failed.command('export')))
    .description(
      'write the names on the failed list as list files of OMS, or hand them to OMS as a list migration',
    )
    .argument('<target>', 'a folder, or obs://bucket/prefix')
    .option(
      '--as-migration-task',
      'have OMS copy them: a list migration task for each file; the target is in OBS then',
    )
    .option('--watch', 'follow the tasks to their end')
    .option('--dry-run', 'count the names, and write and start nothing')
    .addHelpText('after', wrapHelp(help))
    .action((target: string, options: ExportOptions) => act((tool) => exportList(tool, target, options)));
}

async function exportList(tool: Tool, text: string, options: ExportOptions): Promise<ExitCode> {
  const { screen, settings, lookUp } = tool;
  if (options.watch === true && options.asMigrationTask !== true) {
    throw new UsageError('--watch follows the tasks of --as-migration-task');
  }
  const migration = options.asMigrationTask === true ? await Migration.open(tool) : undefined;
  const region = migration?.destination.region;
  const target = openTarget(text, {
    credentials: readDestinationKeys(tool),
    endpoint: obsEndpointOf(lookUp, region, settings.obsEndpoint),
  });
  if (migration !== undefined && target.bucket === undefined) {
    throw new UsageError(
      `--as-migration-task: OMS reads the list files from OBS: expected obs://bucket in the destination's region, found ${JSON.stringify(text)}`,
    );
  }
  const writer = await writeFiles(tool, options, target);
  const { files, tooLong } = writer;
  const count = files.reduce((sum, { names }) => sum + names, 0);
  for (const { place, names } of files) screen.line(`${place}  ${formatNumberOf(names, 'name')}`);
  if (count === 0) screen.line(`The ${describeList(options)} has no such entry.`);
  if (tooLong.length > 0) {
    screen.note(
      `${formatCount(tooLong.length)} are too long for a list file, such as ${tooLong[0]?.slice(0, 80)}…`,
    );
  }
  const tasks =
    migration === undefined || options.dryRun === true
      ? undefined
      : await startListTasks(screen, migration, {
          bucket: target.bucket?.name ?? '',
          keys: files.map(({ name }) => `${target.bucket?.prefix ?? ''}${name}`),
          isWatched: options.watch === true,
        });
  screen.json({
    dry_run: options.dryRun,
    files: files.map(({ place, names }) => ({ place, names })),
    names: count,
    too_long: tooLong.length,
    tasks: tasks?.tasks,
  });
  if (options.dryRun === true) screen.line('Nothing is written (--dry-run).');
  return tooLong.length === 0 && tasks?.isWell !== false ? exitCode.allWell : exitCode.foundWrong;
}

async function writeFiles(
  tool: Tool,
  options: ExportOptions,
  target: ListFileTarget,
): Promise<ListFileWriter> {
  const stem = `failed-objects-${new Date().toISOString().replace(/[-:]|\.\d+/g, '')}`;
  const dryTarget: ListFileTarget = { ...target, write: (name) => Promise.resolve(name) };
  const writer = new ListFileWriter(options.dryRun === true ? dryTarget : target, stem);
  for await (const { name, isName } of readSelected(tool, options)) {
    if (isName) await writer.add(name);
  }
  await writer.finish();
  return writer;
}

const help = `
The files are what OMS takes as the input of an object list migration: .txt, UTF-8 without BOM, one URL-encoded name a line,
text/plain in OBS; as many files as it takes. A bucket for them must be in the destination's region, and the first object
of a list must still be there, or OMS refuses the list.

The entries stay on the failed list. When the tasks have succeeded, remove them: oms-sync failed clear with the same
filters and --older-than the time of the export. No replay may run meanwhile, not even a scheduled one: what it has in hand
while the list is read can be missing in the files, and would be cleared all the same.
${migrationKeysHelp}

Exit code: 0 written, and with --watch succeeded; 1 a name does not fit, or a task failed.

Examples:
  oms-sync failed export ./lists
  oms-sync failed export obs://lists-north4/oms --as-migration-task --watch`;
