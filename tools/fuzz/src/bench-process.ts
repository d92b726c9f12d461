import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { testKeys } from '@oms-sync/testing';
import type { BenchData, BenchMessage } from './messages.ts';

type Failure = Pick<Extract<BenchMessage, { kind: 'failure' }>, 'index' | 'problems' | 'report'>;

/** What came of the inputs of one bench. */
export interface BenchResult {
  readonly data: BenchData;
  readonly tried: number;
  readonly outcomes: Readonly<Record<string, number>>;
  readonly slowestMs: number;
  readonly grownBytes: number;
  readonly failures: readonly Failure[];
}

/** A bench that has not begun a new input for so long hangs in one. */
const hangMs = 90_000;
/** All that the heap of a function may take; the events themselves are up to 6 MB. */
const maxHeapMegabytes = 768;
/** What may stay after all inputs, caches and connections included. */
const maxGrownBytes = 100e6;
/** After so many it is clear that something is wrong. */
const maxFailures = 25;

/** Runs a bench to its end, or ends it; whatever ends it early is a failure of the input that it was at. */
export async function runBench(
  data: BenchData,
  bench: string,
  print: (line: string) => void,
): Promise<BenchResult> {
  const failures: Failure[] = [];
  let end: Extract<BenchMessage, { kind: 'end' }> | undefined;
  let grownBytes = 0;
  const child = fork(bench, {
    execArgv: [`--max-old-space-size=${maxHeapMegabytes}`, '--expose-gc', '--enable-source-maps'],
    silent: true,
  });
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => (printed = `${printed}${chunk.toString()}`.slice(-10_000)));
  }
  const fail = (problem: string) => {
    const index = readProgress(data) ?? data.from;
    const command = `--seed ${data.seed} --entry ${data.entryPoint} --index ${index}`;
    failures.push({ index, problems: [problem], report: `${command}\n${printed}` });
  };
  let last: number | undefined;
  const watchdog = setInterval(() => {
    const index = readProgress(data);
    if (index === last) {
      fail(`hangs: no new input for ${hangMs / 1000} s`);
      child.kill('SIGKILL');
    }
    last = index;
  }, hangMs);
  let lastShownAt = Date.now();
  child.on('message', (message: BenchMessage) => {
    switch (message.kind) {
      case 'progress':
        grownBytes = message.grownBytes;
        if (Date.now() - lastShownAt > 10_000) {
          lastShownAt = Date.now();
          print(
            `${data.entryPoint}, ${data.settings['log_layout']}: ${message.done} of ${data.to - data.from} ...`,
          );
        }
        break;
      case 'failure':
        failures.push(message);
        if (failures.length >= maxFailures) child.kill('SIGKILL');
        break;
      case 'end':
        end = message;
    }
  });
  child.send(data);
  await new Promise<void>((resolve) => {
    child.on('close', (code, signal) => {
      if (end === undefined && failures.length === 0) fail(`the process ends (${signal ?? code})`);
      resolve();
    });
  });
  clearInterval(watchdog);
  if (end !== undefined && end.grownBytes > maxGrownBytes) {
    fail(`the heap has grown by ${Math.round(end.grownBytes / 1e6)} MB`);
  }
  if (Object.values(testKeys).some((key) => printed.includes(key))) fail('a key in the output');
  return {
    data,
    tried: (readProgress(data) ?? data.from - 1) - data.from + 1,
    outcomes: end?.outcomes ?? {},
    slowestMs: end?.slowestMs ?? 0,
    grownBytes: end?.grownBytes ?? grownBytes,
    failures,
  };
}

/** The input that it is at, or was at; undefined before the first. */
function readProgress({ progress }: BenchData): number | undefined {
  try {
    return Number(readFileSync(progress, 'utf8'));
  } catch {
    return undefined; // It has not begun.
  }
}
