import type { AddCommand } from '../program.ts';
import { exitCode } from '../exit-code.ts';

/** `oms-sync request`: names from arguments or standard input. */
export const addRequest: AddCommand = (program, act) => {
  program
    .command('request')
    .description('Request objects by their names')
    .argument('<names...>', 'names of objects')
    .action((names: string[]) =>
      act(async (tool) => {
        const records = names.map(
          (name) => ({ kind: 'created', name, store: 'obs', bucket: undefined }) as const,
        );
        const { report } = await tool
          .openInstance()
          .synchronize(records, { deadline: Infinity, requestId: undefined, log: tool.log });
        tool.screen.json(report);
        return report.requested === report.received ? exitCode.allWell : exitCode.foundWrong;
      }),
    );
};
