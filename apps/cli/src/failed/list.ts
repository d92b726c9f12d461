import type { ListedObject } from '@oms-sync/core';
import type { Command } from 'commander';
import { wrapHelp } from '../help-text.ts';
import { exitCode } from '../exit-code.ts';
import { parsePositive } from '../options.ts';
import type { Act } from '../program.ts';
import { formatCount } from '../screen.ts';
import { addFilters, classOf, describeList, readSelected, type Filters } from './filters.ts';
import { formatAge, ReasonCounts } from './reason-counts.ts';

interface ListOptions extends Filters {
  readonly limit: number;
}

const defaultLimit = 50;

/** `oms-sync failed list`. */
export function addList(failed: Command, act: Act): void {
  addFilters(failed.command('list'))
    .description('show what is on the failed list, and how often each reason occurs')
    .option('--limit <count>', 'entries to show; all are counted', parsePositive, defaultLimit)
    .addHelpText('after', wrapHelp(help))
    .action((options: ListOptions) =>
      act(async (tool) => {
        const { screen } = tool;
        const counts = new ReasonCounts();
        const shown: ListedObject[] = [];
        for await (const entry of readSelected(tool, { ...options, anyTask: true })) {
          counts.add(entry);
          if (counts.total > options.limit) continue;
          screen.json(toJson(entry));
          shown.push(entry);
        }
        screen.json({ counts });
        if (counts.total === 0) {
          screen.line(`The ${describeList(options)} has no such entry.`);
          return exitCode.allWell;
        }
        screen.table(['name', 'class', 'code', 'tries', 'on the list for'], shown.map(toRow));
        const left = counts.total - shown.length;
        if (left > 0) screen.line(`… and ${formatCount(left)} more (--limit)`);
        screen.line();
        counts.show(screen);
        return exitCode.foundWrong;
      }),
    );
}

function toRow(entry: ListedObject): (string | number)[] {
  return [
    entry.isName ? entry.name : `${entry.name} (no name)`,
    classOf(entry),
    entry.errorCode ?? '',
    entry.attempts,
    formatAge(entry.recordedAt, Date.now()),
  ];
}

/** An entry for machines, with the fields of the list itself (docs/lists.md). */
export function toJson(entry: ListedObject): unknown {
  return {
    ...(entry.isName ? { name: entry.name } : { invalid_name: entry.name }),
    list: entry.list,
    reason_class: classOf(entry),
    error_code: entry.errorCode,
    error_message: entry.errorMessage,
    attempts: entry.attempts,
    first_recorded_at: entry.recordedAt,
    event_time: entry.eventTime,
    event_id: entry.eventId,
    source_store: entry.store,
    source_bucket: entry.bucket,
    sync_task_id: entry.syncTaskId,
    log_object: entry.key,
  };
}

const help = `
Entries come in the order of the list, of whatever synchronization task. With --json: a line for each, up to --limit,
and a last one {"counts": …}.

Exit code: 0 there is no such entry; 1 there are some.

Examples:
  oms-sync failed list
  oms-sync failed list --prefix photos/2026/ --class refused --older-than 1d
  oms-sync --json failed list --limit 1000000 | jq -r 'select(.name).name'`;
