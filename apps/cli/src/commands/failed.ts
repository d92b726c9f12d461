import { addClear } from '../failed/clear.ts';
import { addExport } from '../failed/export.ts';
import { addList } from '../failed/list.ts';
import { addReplay } from '../failed/replay.ts';
import { addShow } from '../failed/show.ts';
import type { AddCommand } from '../program.ts';

/** `oms-sync failed`: what was not requested, and what becomes of it. */
export const addFailed: AddCommand = (program, act) => {
  const failed = program
    .command('failed')
    .description('list, show, export, replay or clear what is on the failed list');
  for (const add of [addList, addShow, addExport, addReplay, addClear]) add(failed, act);
};
