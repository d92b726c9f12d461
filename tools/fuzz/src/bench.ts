// A process that feeds one entry point: whoever started it ends it if it hangs, and sees if it crashes.
import { openSync, writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { testKeys } from '@oms-sync/testing';
import { entryPoints } from './entry-points.ts';
import { makeInput, type Input } from './inputs.ts';
import { readLists } from './lists.ts';
import type { BenchData } from './messages.ts';
import { OmsFake } from './oms-fake.ts';
import { judge, readSyncLines, type Observation } from './oracle.ts';
import { listChannels, Seeds } from './seeds.ts';
import { clearPrototype, empty, measureHeap, send, watchProcess, withTimeLimit } from './watched-process.ts';

/** So many inputs lie between two looks at the memory. */
const inputsALook = 500;

process.once('message', (data: BenchData) => void main(data));

async function main(data: BenchData): Promise<void> {
  const { lines, uncaught } = watchProcess();
  const entryPoint = entryPoints.find(({ name }) => name === data.entryPoint);
  if (entryPoint === undefined) throw new TypeError(`no entry point ${data.entryPoint}`);
  const oms = await OmsFake.start();
  const settings = {
    sync_url: oms.syncUrl,
    log_bucket: pathToFileURL(data.folder).href,
    hw_ak: testKeys.accessKey,
    hw_sk: testKeys.secretKey,
    hw_security_token: testKeys.securityToken,
    // No waits between tries: nobody has the time.
    max_attempts: '1',
    ...data.settings,
  };
  Object.assign(process.env, settings, {
    oms_queue: 'queue',
    AzureWebJobsStorage: 'UseDevelopmentStorage=true',
  });
  const call = await entryPoint.load({ root: data.root, settings, log: (line) => lines.push(line) });
  const seeds = new Seeds(listChannels(entryPoint.platform), entryPoint.fixtures, data.root);
  const options = { seed: data.seed, entryPoint: entryPoint.name, seeds, inProcess: entryPoint.inProcess };
  const progress = openSync(data.progress, 'w');

  const observe = async (input: Input): Promise<Observation> => {
    oms.reset(input.mood);
    lines.length = 0;
    uncaught.length = 0;
    const startedAt = performance.now();
    const answer = await withTimeLimit(call(input));
    // Whatever was thrown beside it comes up now.
    await new Promise((resolve) => setImmediate(resolve));
    return {
      input,
      answer,
      ms: performance.now() - startedAt,
      lines: [...lines],
      accepted: oms.accepted,
      violations: oms.violations,
      lists: await readLists(data.folder),
      uncaught: [...uncaught],
      prototypeKeys: clearPrototype(),
    };
  };

  const outcomes: Record<string, number> = {};
  let baselineBytes = 0;
  let slowestMs = 0;
  for (let index = data.from; index < data.to; index++) {
    writeSync(progress, String(index).padStart(10), 0);
    const observation = await observe(makeInput(options, index));
    empty(data.folder);
    slowestMs = Math.max(slowestMs, observation.ms);
    const outcome = describeOutcome(observation);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    const problems = judge(observation);
    if (problems.length > 0) {
      const shrunk = await shrink(observation);
      send({ kind: 'failure', index, problems: judge(shrunk), report: describe(data, shrunk) });
      if (observation.answer.kind === 'hung') break;
    }
    if ((index - data.from) % inputsALook === 0) {
      const bytes = measureHeap();
      // The first look is before everything is loaded.
      if (index - data.from <= inputsALook) baselineBytes = bytes;
      send({ kind: 'progress', done: index - data.from + 1, grownBytes: bytes - baselineBytes });
    }
  }
  const grownBytes = measureHeap() - baselineBytes;
  send({ kind: 'end', outcomes, slowestMs, grownBytes });
  oms.close();
  process.disconnect();
  process.exitCode = 0;
  setTimeout(() => process.exit(), 1000).unref();

  /** Leaves out one change after the other, as long as something is still wrong. */
  async function shrink(failed: Observation): Promise<Observation> {
    let smallest = failed;
    if (failed.answer.kind === 'hung') return failed;
    for (const mutation of failed.input.mutations) {
      const keep = smallest.input.mutations.filter((other) => other !== mutation);
      const observation = await observe(makeInput(options, failed.input.index, keep));
      empty(data.folder);
      if (judge(observation).length > 0) smallest = observation;
    }
    return smallest;
  }
}

function describeOutcome({ answer, lines }: Observation): string {
  if (answer.kind === 'hung') return 'hung';
  if (answer.kind === 'refused') return 'not sent';
  if (answer.kind === 'failed') return answer.errorType;
  const [sum] = readSyncLines(lines);
  const parts = ['requested', 'unrequested', 'returned'].filter((name) => Number(sum?.[name]) > 0);
  return parts.length === 0 ? 'nothing to request' : parts.join(' + ');
}

/** All that is needed to see it again, and what was seen. */
function describe(data: BenchData, { input, answer, ms, lines, accepted, lists }: Observation): string {
  const { entryPoint, index, mutations, mood, canary, event, bytes } = input;
  const seen = { answer, ms, lines, accepted, lists };
  return inspect(
    {
      entryPoint,
      seed: data.seed,
      index,
      settings: data.settings,
      mutations,
      mood,
      canary,
      event,
      bytes,
      seen,
    },
    { depth: 30, maxArrayLength: 200, maxStringLength: 100_000, breakLength: 120 },
  );
}
