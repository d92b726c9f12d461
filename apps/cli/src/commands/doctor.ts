import { parseLogBucket, type LogBucketAddress } from '@oms-sync/core';
import { openSource } from '@oms-sync/listing';
import { InvalidArgumentError } from 'commander';
import { examine, type Source } from '../doctor/examination.ts';
import type { Finding } from '../doctor/finding.ts';
import { countVerdicts, formatFindings, formatSummary } from '../doctor/findings-view.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import { parsePositive } from '../options.ts';
import type { AddCommand } from '../program.ts';
import type { Tool } from '../tool.ts';

interface DoctorOptions {
  readonly source?: LogBucketAddress;
  /** In seconds. */
  readonly timeout: number;
}

/** `oms-sync doctor`: is everything set up as it must be? */
export const addDoctor: AddCommand = (program, act) => {
  program
    .command('doctor')
    .summary('check the whole setup, and say how to mend what is wrong')
    .description(description)
    .option(
      '--source <address>',
      'the source bucket, as s3://bucket, obs://, az://account/container, gs://',
      parseSource,
    )
    .option('--timeout <seconds>', 'how long each step may take', parsePositive, 10)
    .addHelpText('after', helpAfter)
    .action((options: DoctorOptions) => act((tool) => runDoctor(tool, options)));
};

async function runDoctor(tool: Tool, { source, timeout }: DoctorOptions): Promise<ExitCode> {
  const { screen } = tool;
  const findings = await examine({
    lookUp: tool.lookUp,
    openLogBucket: (settings) => tool.openLogBucket(settings),
    source: source && openLater(tool, source),
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

const helpAfter = `
Exit code: 0 nothing is wrong (there may be warnings), 1 something is, 2 a setting is wrong.

Examples:
  oms-sync doctor --env-file oms.env
  oms-sync doctor --env-file oms.env --source s3://photos
  oms-sync doctor --json | jq '.findings[] | select(.verdict == "wrong")'`;

/** Reads an address that is written as that of a log bucket. */
function parseSource(text: string): LogBucketAddress {
  const parsed = parseLogBucket(text);
  if ('value' in parsed) return parsed.value;
  throw new InvalidArgumentError(`Expected ${parsed.expected}.`);
}

function openLater(tool: Tool, address: LogBucketAddress): Source {
  const endpoint = tool.lookUp('AWS_ENDPOINT_URL_S3') ?? tool.lookUp('AWS_ENDPOINT_URL');
  return {
    address,
    isOtherS3: endpoint !== undefined && !new URL(endpoint).hostname.endsWith('.amazonaws.com'),
    // A bucket of OBS is opened as the log bucket is.
    open: (settings) =>
      openSource(
        address,
        address.store === 'obs'
          ? { endpoint: settings?.obsEndpoint, credentials: settings?.credentials }
          : {},
      ),
  };
}
