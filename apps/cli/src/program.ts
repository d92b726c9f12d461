import { LogBucketError, OmsError, readEnvironment, SettingsError } from '@oms-sync/core';
import { InventoryError, NameOrderError, SourceError } from '@oms-sync/listing';
import { isSystemError } from '@oms-sync/log-bucket';
import { Command, CommanderError } from 'commander';
import { wrapHelp } from './help-text.ts';
import { version } from '../package.json';
import { addBackfill } from './commands/backfill.ts';
import { addDoctor } from './commands/doctor.ts';
import { addFailed } from './commands/failed.ts';
import { addReconcile } from './commands/reconcile.ts';
import { addRequest } from './commands/request.ts';
import { addStatus } from './commands/status.ts';
import { exitCode, UsageError, type ExitCode } from './exit-code.ts';
import { Screen, showText, type Output } from './screen.ts';
import { Tool } from './tool.ts';

/** What a process has. */
export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A command: adds itself to the program, and does its work when it is called. */
export type AddCommand = (program: Command, act: Act) => void;

/** Runs the work of a command with the tool that the global options describe; its exit code becomes that of the process. */
export type Act = (work: (tool: Tool) => Promise<ExitCode>) => Promise<void>;

const addCommands: readonly AddCommand[] = [
  addDoctor,
  addStatus,
  addBackfill,
  addReconcile,
  addFailed,
  addRequest,
];

/** Their messages say what happened, where, and what to do. */
const shownErrors = [LogBucketError, SourceError, InventoryError, NameOrderError];

interface GlobalOptions {
  readonly envFile?: string;
  readonly json?: true;
  readonly verbose?: true;
}

/**
 * Runs one call of the tool.
 *
 * @param argv as `process.argv`.
 */
export async function run(argv: readonly string[], { stdout, stderr, env }: Surroundings): Promise<ExitCode> {
  let code: ExitCode = exitCode.allWell;
  const program = new Command('oms-sync')
    .description(
      'Checks, requests, backfills, replays and reconciles what OMS is to synchronize.\n' +
        'Settings come from the environment, by the names that the function apps have (docs/settings.md).',
    )
    .option('--env-file <file>', 'read settings from a file of NAME=value lines; the environment goes first')
    .option('--json', 'results as JSON on standard output, for machines')
    .option('--verbose', 'every log line of what runs, on standard error')
    .version(version)
    .showHelpAfterError('(add --help for all options)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
    })
    .exitOverride()
    .addHelpText('after', wrapHelp(helpAfter));
  const act: Act = async (work) => {
    const { envFile, json, verbose } = program.opts<GlobalOptions>();
    const screen = new Screen({ stdout, stderr, isJson: json === true, noColor: Boolean(env['NO_COLOR']) });
    const tool = new Tool({ screen, isVerbose: verbose === true, env: readEnvironment(env, envFile) });
    code = await work(tool);
  };
  for (const addCommand of addCommands) addCommand(program, act);
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    // Commander has written its own message.
    if (error instanceof CommanderError)
      return error.exitCode === 0 ? exitCode.allWell : exitCode.calledWrongly;
    if (error instanceof UsageError || error instanceof SettingsError) {
      stderr.write(`${showText(error.message)}\n`);
      return exitCode.calledWrongly;
    }
    const message = messageOf(error);
    if (message === undefined) throw error;
    stderr.write(`${showText(message)}\n`);
    return exitCode.foundWrong;
  }
}

/** What people are told of an error; undefined for a defect. */
function messageOf(error: unknown): string | undefined {
  if (error instanceof OmsError) return `OMS: ${error.code}: ${error.message}`;
  // A file or folder of this machine: the message names it.
  if (isSystemError(error) && 'syscall' in error) return error.message;
  const isShown = error instanceof Error && shownErrors.some((known) => error instanceof known);
  return isShown ? error.message : undefined;
}

const helpAfter = `
Exit code: 0 all is well; 1 finished, and something is wrong (objects failed, buckets differ); 2 called wrongly or
misconfigured, nothing was done.`;
