import {
  readFailedList,
  type FailedListName,
  type FailedObject,
  type ListedObject,
  type Selection,
} from '@oms-sync/core';
import { InvalidArgumentError, type Command } from 'commander';
import { parseTime } from '../options.ts';
import type { Tool } from '../tool.ts';

const reasonClasses = ['passing', 'refused', 'identity', 'quota', 'invalid', 'unknown'] as const;

/** The options that say which entries of the failed list are meant. */
export interface Filters {
  readonly prefix?: string;
  /** Classes of reasons. */
  readonly class?: ReadonlySet<string>;
  /** Milliseconds since 1970. */
  readonly olderThan?: number;
  readonly newerThan?: number;
  readonly parked?: true;
  readonly anyTask?: true;
}

/** Adds them to a command. */
export function addFilters(command: Command): Command {
  return command
    .option('--prefix <prefix>', 'only names that begin with it')
    .option(
      '--class <classes>',
      `only these classes of reasons, comma-separated: ${reasonClasses.join(', ')} (no reason is written down)`,
      parseClasses,
    )
    .option(
      '--older-than <time>',
      'on the list since before then: 12h, 7d or 2026-01-31T12:00:00Z',
      parseTime,
    )
    .option('--newer-than <time>', 'on the list since then or later', parseTime)
    .option('--parked', 'the list of what replays have given up, instead of the failed list');
}

/** Adds the option for entries of other tasks, where they are left alone without it. */
export function addAnyTask(command: Command): Command {
  return command.option(
    '--any-task',
    'entries of other synchronization tasks too, such as the one that this task has replaced',
  );
}

function parseClasses(text: string): ReadonlySet<string> {
  const classes = text.split(',').map((part) => part.trim());
  const known: readonly string[] = reasonClasses;
  if (!classes.every((name) => known.includes(name))) {
    throw new InvalidArgumentError(`Expected some of ${reasonClasses.join(', ')}, separated by commas.`);
  }
  return new Set(classes);
}

/** The class of the reason; `unknown` where the entry has none, as in the lists of Huawei's template. */
export function classOf({ reasonClass }: FailedObject): string {
  return reasonClass ?? 'unknown';
}

export function listOf({ parked }: Filters): FailedListName {
  return parked === true ? 'parked_object' : 'failed_object';
}

/** `failed list`, for sentences. */
export function describeList(filters: Filters): string {
  return listOf(filters) === 'parked_object' ? 'list of parked objects' : 'failed list';
}

/** Is an entry meant? Of whatever task. */
export function selectBy(filters: Filters): (entry: FailedObject) => boolean {
  const { prefix = '', class: classes, olderThan, newerThan } = filters;
  return (entry) => {
    // A time that cannot be read is of no age, so neither filter means it.
    const time = Date.parse(entry.recordedAt);
    return (
      entry.name.startsWith(prefix) &&
      classes?.has(classOf(entry)) !== false &&
      (olderThan === undefined || time < olderThan) &&
      (newerThan === undefined || time >= newerThan)
    );
  };
}

export function selectionOf(filters: Filters): Selection {
  return { list: listOf(filters), selects: selectBy(filters), ofAnyTask: filters.anyTask === true };
}

/**
 * Reads the entries that are meant, and shows how far it is: those of this task, unless {@link Filters.anyTask} says that
 * it does not matter.
 */
export async function* readSelected(
  tool: Tool,
  filters: Filters,
): AsyncGenerator<ListedObject, void, undefined> {
  const { settings } = tool;
  const { prefix = '' } = filters;
  const selects = selectBy(filters);
  const entries = readFailedList({
    ...tool.store,
    settings,
    list: listOf(filters),
    isWanted: (name) => name.startsWith(prefix),
  });
  const progress = tool.screen.progress('reading the list', 'entries');
  let count = 0;
  try {
    for await (const entry of entries) {
      progress.update(++count);
      const isOfTask = entry.syncTaskId === undefined || entry.syncTaskId === settings.syncTaskId;
      if ((isOfTask || filters.anyTask === true) && selects(entry)) yield entry;
    }
  } finally {
    progress.stop();
  }
}
