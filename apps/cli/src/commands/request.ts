import { sortRecords, type Instance, type StorageRecord, type Synchronization } from '@oms-sync/core';
import { wrapHelp } from '../help-text.ts';
import { exitCode, UsageError, type ExitCode } from '../exit-code.ts';
import { abortOnInterrupt } from '../interrupt.ts';
import { readNames, type InputName } from '../name-input.ts';
import { parsePositive } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { formatCount, showName } from '../screen.ts';
import { addReports, emptyReport, showReport } from '../sums.ts';
import type { Tool } from '../tool.ts';

interface RequestOptions {
  readonly null?: true;
  readonly rate?: number;
  readonly dryRun?: true;
}

/** Names that are settled together; between two such parts there may be an end. */
const namesInAPart = 1000;

/** `oms-sync request`: names from arguments or standard input. */
export const addRequest: AddCommand = (program, act) => {
  program
    .command('request')
    .description('request objects by their names')
    .argument('<names...>', 'names of objects, as they are; - reads them from standard input, a name a line')
    .option('-0, --null', 'with -: names end with a NUL byte, as of find -print0')
    .option('--rate <names>', 'no more than so many names a second', parsePositive)
    .option('--dry-run', 'say what would be requested, and send and write nothing')
    .addHelpText('after', wrapHelp(help))
    .action((names: string[], options: RequestOptions) =>
      act((tool) => {
        if (names.includes('-') && names.length > 1) {
          throw new UsageError('expected names, or - alone for standard input, found both');
        }
        if (options.null === true && names[0] !== '-') {
          throw new UsageError('--null is for names from standard input: add -');
        }
        const input =
          names[0] === '-'
            ? readNames(process.stdin, options.null === true ? 'null' : 'newline')
            : names.map((name) => ({ name }));
        return request(tool, input, options);
      }),
    );
};

async function request(
  tool: Tool,
  input: AsyncIterable<InputName> | Iterable<InputName>,
  options: RequestOptions,
): Promise<ExitCode> {
  const { screen } = tool;
  const requester = new Requester(tool, options);
  const progress = screen.progress('request', 'names');
  const interrupt = abortOnInterrupt(screen, 'Stops after what it has in hand; once more to stop at once.');
  // It may be waiting for a name that never comes.
  interrupt.signal.addEventListener('abort', () => process.stdin.destroy());
  let part: InputName[] = [];
  try {
    for await (const name of input) {
      part.push(name);
      if (part.length < namesInAPart) continue;
      await requester.request(part);
      progress.update(requester.report.received);
      part = [];
      if (requester.isOver || interrupt.signal.aborted) break;
    }
    if (part.length > 0) await requester.request(part);
  } catch (error) {
    if (!interrupt.signal.aborted) throw error;
  } finally {
    progress.stop();
    interrupt.stop();
    // Whoever writes into it need not wait for a reader any more.
    process.stdin.destroy();
  }
  return requester.conclude(interrupt.signal.aborted);
}

/** Requests names, part by part. */
class Requester {
  report = emptyReport;
  /** Nothing more is begun: nobody would be accepted, or outcomes cannot be written down. */
  isOver = false;
  readonly #tool: Tool;
  readonly #isDryRun: boolean;
  readonly #instance: Instance;
  readonly #codes = new Map<string, number>();
  #problem: string | undefined;

  constructor(tool: Tool, { rate, dryRun }: RequestOptions) {
    this.#tool = tool;
    this.#isDryRun = dryRun === true;
    this.#instance = tool.openInstance({ namesPerSecond: rate });
  }

  async request(part: readonly InputName[]): Promise<void> {
    const records = part.map(toRecord);
    if (this.#isDryRun) return this.#plan(records);
    const { log } = this.#tool;
    const result = await this.#instance.synchronize(records, { deadline: Infinity, log });
    this.report = addReports(this.report, result.report);
    this.#note(result);
  }

  conclude(isInterrupted: boolean): ExitCode {
    const { screen } = this.#tool;
    const { report } = this;
    screen.json({
      ...(this.#isDryRun && { dry_run: true }),
      ...report,
      codes: Object.fromEntries(this.#codes),
      problem: this.#problem,
    });
    const dryWords = { requested: 'would be requested', unrequested: 'no name: would go on the failed list' };
    showReport(screen, report, this.#isDryRun ? dryWords : {});
    if (this.#codes.size > 0) {
      screen.line();
      screen.table(['code', 'objects'], [...this.#codes]);
    }
    if (this.#problem !== undefined) screen.note(this.#problem);
    if (this.isOver || isInterrupted) {
      screen.note(
        `It ended before the end of the input, after ${formatCount(report.received)} names. To request one twice does no harm: run it again with all of them.`,
      );
    }
    const isDone = !this.isOver && !isInterrupted && report.unrequested + report.returned === 0;
    return isDone ? exitCode.allWell : exitCode.foundWrong;
  }

  #note({ report, fates, problem }: Synchronization): void {
    const classes = new Set<string>();
    for (const fate of fates) {
      if (fate.kind !== 'unrequested') continue;
      const { code, class: reasonClass } = fate.reason;
      this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
      classes.add(reasonClass);
    }
    this.#problem ??= problem?.message;
    // No other name would fare better, and each would become an entry of the failed list.
    const isAcceptedNobody = report.requested === 0 && classes.has('identity');
    this.isOver ||= isAcceptedNobody || problem !== undefined;
  }

  /** What {@link request} would do, as far as nobody has to be asked. */
  #plan(records: readonly StorageRecord[]): void {
    const { settings, screen } = this.#tool;
    const sorted = sortRecords(records, settings);
    for (const name of sorted.names.keys()) screen.line(showName(name));
    for (const { name, outcome } of sorted.invalid) {
      const reason = outcome.kind === 'unrequested' ? outcome.reason : undefined;
      if (reason !== undefined) this.#codes.set(reason.code, (this.#codes.get(reason.code) ?? 0) + 1);
      screen.note(`${showName(name)}: ${reason?.message}`);
    }
    this.report = addReports(this.report, {
      received: records.length,
      requested: sorted.names.size,
      unrequested: sorted.invalid.length,
      filtered: sorted.filtered.size,
      merged: sorted.merged.size,
      returned: 0,
    });
  }
}

function toRecord(input: InputName): StorageRecord {
  const origin = { store: undefined, bucket: undefined };
  return 'name' in input
    ? { ...origin, kind: 'created', name: input.name }
    : {
        ...origin,
        kind: 'invalid',
        text: input.text,
        reason: `these bytes are no UTF-8, so they are no name: ${input.text}`,
      };
}

const help = `
What becomes of each name goes on the lists of the log bucket, as in the function apps: requested ones on the success list,
others on the failed list, with the reason. Names are taken as they are: not URL-decoded, never changed; the filters of
the settings count. Any number of names can come from standard input. With - a carriage return before a line's end and a
byte order mark at the beginning do not count; names with line ends in them need --null. After -- a name may begin with
a minus.

The result are the sums: received = requested + unrequested + filtered + merged + returned.

Exit code: 0 everything is requested, filtered or merged; 1 something is not.

Examples:
  oms-sync request photos/a.jpg "photos/b c.jpg"
  find . -type f -printf '%P\\0' | oms-sync request - --null --rate 500
  oms-sync --json failed list --limit 1000000 | jq -r 'select(.name).name' \\
    | oms-sync request -`;
