import { readFailedList, type ListedObject } from '@oms-sync/core';
import type { Command } from 'commander';
import { wrapHelp } from '../help-text.ts';
import { exitCode } from '../exit-code.ts';
import type { Act } from '../program.ts';
import { showName } from '../screen.ts';
import type { Tool } from '../tool.ts';
import { advise, meanings } from './advice.ts';
import { classOf } from './filters.ts';
import { toJson } from './list.ts';
import { formatAge } from './reason-counts.ts';

/** `oms-sync failed show`. */
export function addShow(failed: Command, act: Act): void {
  failed
    .command('show')
    .description('show all that is known about one object that was not requested, and what to do about it')
    .argument('<name>', 'the name of the object, as it is')
    .addHelpText('after', wrapHelp(help))
    .action((name: string) =>
      act(async (tool) => {
        const entries = await find(tool, name);
        for (const entry of entries) {
          tool.screen.json({ ...Object(toJson(entry)), advice: advise(classOf(entry), entry.errorCode) });
          show(tool, entry);
        }
        if (entries.length > 0) return exitCode.allWell;
        tool.screen.note(`${showName(name)} is neither on the failed list nor parked.`);
        return exitCode.foundWrong;
      }),
    );
}

async function find(tool: Tool, name: string): Promise<ListedObject[]> {
  const found: ListedObject[] = [];
  const progress = tool.screen.progress('looking through the lists', 'entries of that name');
  try {
    for (const list of ['failed_object', 'parked_object'] as const) {
      const entries = readFailedList({
        ...tool.store,
        settings: tool.settings,
        list,
        isWanted: (other) => other === name,
      });
      for await (const entry of entries) {
        found.push(entry);
        progress.update(found.length);
      }
    }
  } finally {
    progress.stop();
  }
  return found;
}

function show({ screen, settings }: Tool, entry: ListedObject): void {
  const reasonClass = classOf(entry);
  const since = `${entry.recordedAt} (${formatAge(entry.recordedAt, Date.now())} ago)`;
  const source = [entry.store, entry.bucket].filter((part) => part !== undefined).join('://');
  const isOther = entry.syncTaskId !== undefined && entry.syncTaskId !== settings.syncTaskId;
  const rows: [string, string | undefined][] = [
    [entry.isName ? 'name' : 'no name', entry.name],
    ['list', entry.list === 'parked_object' ? 'parked: no replay tries it again by itself' : 'failed'],
    ['since', since],
    ['requests with it', String(entry.attempts)],
    ['source', source === '' ? undefined : source],
    ['task', entry.syncTaskId && `${entry.syncTaskId}${isOther ? ' (not that of the settings)' : ''}`],
    ['event', [entry.eventTime, entry.eventId].filter((part) => part !== undefined).join('  ') || undefined],
    ['log object', entry.key],
    ['in hand', entry.inHandUntil === undefined ? undefined : 'of a replay, or of one that was cut off'],
    ['class', `${reasonClass}: ${meanings.get(reasonClass) ?? 'not one of ours'}`],
    ['code', entry.errorCode],
    ['message', entry.errorMessage],
    ['what to do', advise(reasonClass, entry.errorCode)],
  ];
  for (const [label, text] of rows) {
    if (text !== undefined) screen.line(`${screen.paint('bold', label.padEnd(16))}  ${showName(text)}`);
  }
  screen.line();
}

const help = `
Both lists are looked at: the failed one and the parked one.

Exit code: 0 it is shown; 1 it is on neither list.`;
