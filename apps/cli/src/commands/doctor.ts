import { parseLogBucket, type LogBucketAddress } from '@oms-sync/core';
import { InvalidArgumentError } from 'commander';
import { wrapHelp } from '../help-text.ts';
import { examine, type Source } from '../doctor/examination.ts';
import type { Finding } from '../doctor/finding.ts';
import { countVerdicts, formatFindings, formatSummary } from '../doctor/findings-view.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { parsePositive } from '../options.ts';
import type { AddCommand } from '../program.ts';
import { addSourceOptions, openSourceOf, sourceHelp, type SourceFlags } from '../source.ts';
import type { Tool } from '../tool.ts';

interface DoctorOptions extends SourceFlags {
  readonly source?: { readonly address: LogBucketAddress; readonly text: string };
  /** In seconds. */
  readonly timeout: number;
}

/** `oms-sync doctor`: is everything set up as it must be? */
export const addDoctor: AddCommand = (program, act) => {
  addSourceOptions(program.command('doctor'))
    .summary('check the whole setup, and say how to mend what is wrong')
    .description(wrapHelp(description))
    .option(
      '--source <address>',
      'the source bucket, as s3://bucket, obs://, az://account/container, gs://',
      parseSource,
    )
    .option('--timeout <seconds>', 'how long each step may take', parsePositive, 10)
    .addHelpText('after', wrapHelp(helpAfter))
    .action((options: DoctorOptions) => act((tool) => runDoctor(tool, options)));
};

async function runDoctor(tool: Tool, options: DoctorOptions): Promise<ExitCode> {
  const { source, timeout } = options;
  const { screen } = tool;
  const findings = await examine({
    lookUp: tool.lookUp,
    openLogBucket: (settings) => tool.openLogBucket(settings),
    source: source && openLater(tool, source, options),
    timeoutMs: timeout * 1000,
    now: Date.now,
  });
  for (const line of formatFindings(findings, screen.columns, screen.paint)) screen.line(line);
  screen.line();
  screen.line(formatSummary(findings, screen.paint));
  screen.json({ findings, counts: countVerdicts(findings) });
  return judge(findings);
}

/** Wrong settings are a wrong call, whatever else was found. */
function judge(findings: readonly Finding[]): ExitCode {
  const wrong = findings.filter(({ verdict }) => verdict === 'wrong');
  if (wrong.some(({ check }) => check.startsWith('setting'))) return exitCode.calledWrongly;
  return wrong.length > 0 ? exitCode.foundWrong : exitCode.allWell;
}

const description = `Check the whole setup, and say how to mend what is wrong.

Looks at the settings, asks OMS for the task with a signed call that changes nothing,
compares clocks, region and source, and writes, reads and removes one small object
beside the lists in the log bucket. Nothing is synchronized.

Each line says what was looked at and the verdict:
  ok           it is as it must be
  warning      it works, and may not be what you want
  wrong        it has to be mended; the line with the arrow says how
  not checked  something that it needs is wrong, or cannot be proven without harm`;

const helpAfter = `${sourceHelp}

Exit code: 0 nothing is wrong (there may be warnings), 1 something is, 2 a setting is wrong.

Examples:
  oms-sync doctor --env-file oms.env
  oms-sync doctor --env-file oms.env --source s3://photos
  oms-sync doctor --json | jq '.findings[] | select(.verdict == "wrong")'`;

/** Reads an address that is written as that of a log bucket. */
function parseSource(text: string): DoctorOptions['source'] {
  const parsed = parseLogBucket(text);
  if ('value' in parsed && text.includes('://')) return { address: parsed.value, text };
  throw new InvalidArgumentError(
    'Expected obs://bucket, s3://bucket, az://account/container, gs://bucket or file:///folder.',
  );
}

function openLater(
  { lookUp }: Tool,
  { address, text }: NonNullable<DoctorOptions['source']>,
  flags: SourceFlags,
): Source {
  const endpoint = flags.sourceEndpoint ?? lookUp('AWS_ENDPOINT_URL_S3') ?? lookUp('AWS_ENDPOINT_URL') ?? '';
  return {
    address,
    isOtherS3: endpoint !== '' && !/\.amazonaws\.com(\.cn)?(:\d+)?\/?$/.test(endpoint),
    open: (settings) => openSourceOf({ lookUp, settings }, text, flags),
  };
}
