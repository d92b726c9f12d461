import { parseArgs } from 'node:util';
import { startOmsStandin, type OmsStandin, type OmsStandinOptions } from './standin.ts';

export const usage = `A stand-in for the synchronization API of Huawei Cloud OMS. It listens on this machine only.

  node main.js --buckets DIR [options]

  --buckets DIR          the folder of the buckets: bucket "photos" is DIR/photos
  --port N               where to listen; any free port if left out
  --host HOST            a loopback address; 127.0.0.1 if left out
  --project ID           the project id; "project" if left out
  --copy-delay MS        how long after a request its objects are copied; 300 if left out
  --create-task SRC:DST  makes a task between two buckets and prints its sync_url; may be repeated
  --help                 shows this

The keys that requests must be signed with come from the environment:

  OMS_STANDIN_ACCESS_KEY
  OMS_STANDIN_SECRET_KEY
  OMS_STANDIN_SECURITY_TOKEN   only for temporary keys
`;

/** The command line or the environment is not as it must be. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What the command line asks for. */
export type Command =
  | { readonly help: true }
  | {
      readonly help: false;
      readonly options: OmsStandinOptions;
      readonly tasks: readonly { readonly srcBucket: string; readonly dstBucket: string }[];
    };

/** Understands the command line. Throws a {@link UsageError}. */
export function parseCommandLine(
  args: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Command {
  const values = parseValues(args);
  if (values.help === true) return { help: true };
  if (values.buckets === undefined) throw new UsageError('--buckets DIR is needed');
  return {
    help: false,
    options: {
      buckets: values.buckets,
      host: values.host,
      projectId: values.project,
      port: wholeNumber('--port', values.port, 65_535),
      copyDelayMs: wholeNumber('--copy-delay', values['copy-delay'], 2_147_483_647),
      accessKey: needed(environment, 'OMS_STANDIN_ACCESS_KEY'),
      secretKey: needed(environment, 'OMS_STANDIN_SECRET_KEY'),
      securityToken: environment['OMS_STANDIN_SECURITY_TOKEN'] || undefined,
    },
    tasks: (values['create-task'] ?? []).map(parseTask),
  };
}

/** Starts what the command line asks for; the lines say where it listens and then what each request was. */
export async function runCommand(
  { options, tasks }: Extract<Command, { help: false }>,
  print: (line: string) => void,
): Promise<OmsStandin> {
  const standin = await startOmsStandin({ ...options, log: print });
  try {
    print(`OMS stand-in listens on ${standin.url}, buckets in ${options.buckets}`);
    for (const task of tasks) {
      print(`${task.srcBucket} -> ${task.dstBucket}: sync_url ${standin.syncUrl(standin.createTask(task))}`);
    }
    return standin;
  } catch (error) {
    await standin.close();
    throw error;
  }
}

function parseValues(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        buckets: { type: 'string' },
        port: { type: 'string' },
        host: { type: 'string' },
        project: { type: 'string' },
        'copy-delay': { type: 'string' },
        'create-task': { type: 'string', multiple: true },
        help: { type: 'boolean' },
      },
    }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function needed(environment: Readonly<Record<string, string | undefined>>, name: string): string {
  const value = environment[name];
  if (value === undefined || value === '') throw new UsageError(`the environment variable ${name} is needed`);
  return value;
}

function wholeNumber(option: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value <= most)) throw new UsageError(`${option}: expected a whole number up to ${most}, got ${text}`);
  return value;
}

function parseTask(text: string): { srcBucket: string; dstBucket: string } {
  const [srcBucket = '', dstBucket = '', ...more] = text.split(':');
  if (srcBucket === '' || dstBucket === '' || more.length > 0) {
    throw new UsageError(`--create-task: expected SRC:DST, got ${text}`);
  }
  return { srcBucket, dstBucket };
}
