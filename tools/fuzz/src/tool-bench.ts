// Calls the operator's tool, each time in a process of its own.
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { testKeys, uglyNames } from '@oms-sync/testing';
import { readLists } from './lists.ts';
import type { BenchData } from './messages.ts';
import { OmsFake } from './oms-fake.ts';
import { Random } from './random.ts';
import { makeToolInput, readToolFiles, type ToolFile, type ToolInput } from './tool-inputs.ts';
import { judgeTool, type ToolObservation } from './tool-oracle.ts';
import { send } from './watched-process.ts';

const endsWithinMs = 40_000;
/** What is asked of OMS beside requests: of tasks, and whether an empty list is let in (doctor). */
const questions = /sync-tasks(\/task-1)?(\?.*)?: $|\/task-1\/\w+(\?.*)?: $|: \{"object_keys":\[\]\}$/;

process.once('message', (data: BenchData) => void main(data));

async function main(data: BenchData): Promise<void> {
  const oms = await OmsFake.start();
  const work = path.join(data.folder, 'work');
  const logs = path.join(work, 'logs');
  const progress = openSync(data.progress, 'w');
  const run = (input: ToolInput): Promise<ToolObservation> => {
    rmSync(work, { recursive: true, force: true });
    for (const { name, body } of input.files) put(path.join(work, name), body);
    return callTool(data, work, oms, input);
  };
  const lists = await makeLists();
  const seeds = [...readToolFiles(data.root), ...lists];

  const outcomes: Record<string, number> = {};
  let slowestMs = 0;
  for (let index = data.from; index < data.to; index++) {
    writeSync(progress, String(index).padStart(10), 0);
    const random = new Random(data.seed, data.entryPoint, index);
    oms.reset(
      random.pick([
        'takes all',
        'takes all',
        'refuses some',
        'refuses the keys',
        'answers nonsense',
      ] as const),
    );
    const input = makeToolInput(seeds, work, index, random);
    const observation = await run(input);
    slowestMs = Math.max(slowestMs, observation.ms);
    const outcome = `exit code ${observation.code}`;
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const problems = judgeTool(observation);
    if (problems.length > 0)
      send({ kind: 'failure', index, problems, report: describe(data, input, observation) });
    if (index % 20 === 0) send({ kind: 'progress', done: index - data.from + 1, grownBytes: 0 });
  }
  send({ kind: 'end', outcomes, slowestMs, grownBytes: 0 });
  oms.close();
  process.disconnect();
  setTimeout(() => process.exit(0), 100);

  /** Lists as the tool itself writes them, where OMS refuses some names. */
  async function makeLists(): Promise<ToolFile[]> {
    oms.reset('refuses some');
    const names = uglyNames.filter((name) => name.length < 200 && !name.includes('\n'));
    await run({
      index: -1,
      args: ['request', '-'],
      files: readToolFiles(data.root),
      stdin: Buffer.from(names.join('\n')),
    });
    const folder = path.join(logs, 'oms_source_record/failed_object');
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort()
      .map((file) => ({ name: path.relative(work, file), body: readFileSync(file) }));
  }
}

function put(file: string, body: Buffer): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, body);
}

async function callTool(
  data: BenchData,
  work: string,
  oms: OmsFake,
  { args, stdin }: ToolInput,
): Promise<ToolObservation> {
  const startedAt = performance.now();
  const tool = spawn(process.execPath, ['--', path.join(data.root, 'dist/apps/cli/oms-sync.js'), ...args], {
    cwd: work,
    env: {
      PATH: process.env['PATH'],
      sync_url: oms.syncUrl,
      log_bucket: pathToFileURL(path.join(work, 'logs')).href,
      hw_ak: testKeys.accessKey,
      hw_sk: testKeys.secretKey,
      hw_security_token: testKeys.securityToken,
      max_attempts: '1',
      log_layout: data.settings['log_layout'],
    },
    timeout: endsWithinMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [tool.stdout, tool.stderr])
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  tool.stdin.on('error', () => undefined); // It need not read it.
  tool.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve) => tool.on('close', resolve));
  const requested = path.join(work, 'logs');
  const listed = oms.accepted.length === 0 ? [] : (await readLists(requested, 'success_object/')).requested;
  return {
    code: code ?? undefined,
    ms: performance.now() - startedAt,
    output,
    accepted: oms.accepted,
    listed,
    violations: oms.violations.filter((violation) => !questions.test(violation)),
  };
}

/** All that is needed to see it again, and what was seen. */
function describe(data: BenchData, { index, args, files, stdin }: ToolInput, seen: ToolObservation): string {
  const input = {
    args,
    stdin: stdin.toString('latin1'),
    files: files.map(({ name, body }) => ({ name, body: body.toString('latin1').slice(0, 5000) })),
  };
  return inspect(
    { entryPoint: data.entryPoint, seed: data.seed, index, settings: data.settings, input, seen },
    { depth: 30, maxArrayLength: 300, maxStringLength: 20_000, breakLength: 120 },
  );
}
