import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { testKeys } from '@oms-sync/testing';

export interface ToolOptions {
  /** The folder of the built bundles, `dist`. */
  readonly dist: string;
  /** The program, if it is not that of the tool in `dist`. */
  readonly program?: string | undefined;
  /** Holds the log bucket `logs`, and `work`, where the tool is called. */
  readonly folder: string;
  readonly syncUrl: string;
  /** The command and its options. */
  readonly call: readonly string[];
  /** Settings beside those that it needs. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The operator's tool in a process of its own. */
export interface RunningTool {
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
  kill(signal?: 'SIGKILL' | 'SIGINT'): void;
}

/** Calls the tool, with JSON as its output. */
export function startTool({ dist, program, folder, syncUrl, call, settings }: ToolOptions): RunningTool {
  const file = program ?? path.join(dist, 'apps/cli/oms-sync.js');
  const tool = spawn(process.execPath, [file, '--json', ...call], {
    cwd: path.join(folder, 'work'),
    env: {
      PATH: process.env['PATH'],
      sync_url: syncUrl,
      log_bucket: pathToFileURL(path.join(folder, 'logs')).href,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
      ...settings,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr] = [text(tool.stdout), text(tool.stderr)];
  const ended = once(tool, 'close').then(async () => ({
    code: tool.exitCode,
    output: `${await stdout}${await stderr}`,
  }));
  return { ended, kill: (signal = 'SIGKILL') => tool.kill(signal) };
}

/** The JSON that the tool has written; empty if there is none. */
export function parseReport(output: string): Record<string, unknown> {
  const line = output.split('\n').find((candidate) => candidate.startsWith('{'));
  const report: unknown = line === undefined ? {} : JSON.parse(line);
  return typeof report === 'object' && report !== null ? { ...report } : {};
}
