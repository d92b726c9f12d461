import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Catalog, startObsStandin } from '@oms-sync/obs-standin';
import { startOmsStandin, type OmsStandin } from '@oms-sync/oms-standin';
import { makeRandom, testKeys, uglyNames } from '@oms-sync/testing';
import { readLists } from './lists.ts';
import { parseReport, startTool, type RunningTool } from './tool-process.ts';
import { findProblems, type Finding } from './verdict.ts';

export interface BackfillRunOptions {
  /** How many objects the source bucket has. */
  readonly objects: number;
  /** How often the tool is killed on its way through them. */
  readonly kills: number;
  /** Of the names, the faults and the moments. */
  readonly seed: number;
  /** How long OMS takes for a request, so that there is time to kill in a small bucket. */
  readonly requestMs?: number;
  /** The folder of the built bundles, `dist`. */
  readonly dist: string;
  /** The program, if it is not that of the tool in `dist`. */
  readonly program?: string;
  /** Called after each kill, with how many names OMS has got by then, some of them more than once. */
  readonly onKill?: (received: number) => void;
}

export interface BackfillRunResult {
  readonly kills: number;
  /** Names that OMS got, repeats included. */
  readonly received: number;
  readonly milliseconds: number;
  /** What the last process reported. */
  readonly report: Readonly<Record<string, unknown>>;
  /** What must not be; empty when all is well. */
  readonly findings: readonly Finding[];
}

/** Passing faults of OMS. */
const faultShare = 0.002;
const lookEveryMs = 10;
const taskId = 'backfill';

/**
 * Backfills a bucket of the stand-in of OBS, kills the tool at random moments, calls it again as its user would, and
 * compares at the end: everything in the bucket is requested, and on the success list.
 */
export async function runBackfillKills(options: BackfillRunOptions): Promise<BackfillRunResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'oms-sync-backfill-'));
  for (const bucket of ['logs', 'work']) mkdirSync(path.join(folder, bucket));
  const random = makeRandom(options.seed);
  const names = makeNames(options.objects, random);
  const oms = await startOmsStandin({ buckets: folder, ...testKeys, copyDelayMs: Infinity, random });
  oms.faults.set([
    { kind: 'answer', status: 503, share: faultShare },
    { kind: 'reset', when: 'after', share: faultShare },
    ...(options.requestMs === undefined ? [] : [{ kind: 'slow', delayMs: options.requestMs } as const]),
  ]);
  oms.createTask({ srcBucket: 'unused', dstBucket: 'destination', taskId });
  const catalogs = new Map([['source', new Catalog(names)]]);
  const obs = await startObsStandin({ buckets: folder, ...testKeys, catalogs });
  obs.faults.set([{ operation: 'list', kind: 'answer', status: 503, code: 'SlowDown', share: 0.02 }]);
  const inbox = new Inbox(oms);
  const startedAt = performance.now();
  try {
    const call = ['backfill', '--source', 'obs://source', '--source-endpoint', obs.url.href];
    const start = () => startTool({ ...options, folder, syncUrl: oms.syncUrl(taskId), call });
    let kills = 0;
    let tool = start();
    for (; kills < options.kills; kills++) {
      // Anywhere in the next part of the way: also before anything is sent, or right after a checkpoint.
      const until = ((kills + random()) / options.kills) * options.objects;
      // Nobody calls it again when it says that it is done.
      if (!(await killAt(tool, inbox, until, random))) break;
      options.onKill?.(inbox.count);
      tool = start();
    }
    const { code, output } = await tool.ended;
    inbox.empty();
    const findings = findProblems({
      sent: new Set(names),
      waiting: new Set(),
      received: inbox.names,
      lists: await readLists(path.join(folder, 'logs')),
    });
    const report = parseReport(output);
    if (code !== 0) findings.push({ problem: `the last run ended with exit code ${code}`, names: [output] });
    if (report['listed'] !== names.length) {
      findings.push({
        problem: `${String(report['listed'])} objects listed, not ${names.length}`,
        names: [''],
      });
    }
    return { kills, received: inbox.count, milliseconds: performance.now() - startedAt, report, findings };
  } finally {
    await Promise.all([oms.close(), obs.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ugly, in folders of many kinds, and no two the same. */
function makeNames(count: number, random: () => number): string[] {
  const ugly = uglyNames.filter((name) => Buffer.byteLength(name) < 900);
  const folders = ['photos/2024/', 'photos/2025/', '', '数据/', '\u{1F600}/', '\uFF5E/', 'a b/', '%2F+/'];
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)] ?? '';
  return Array.from({ length: count }, (_, index) => `${pick(folders)}${index.toString(36)}-${pick(ugly)}`);
}

/** What OMS got. It is taken out of the stand-in, which would keep each request. */
class Inbox {
  readonly names = new Set<string>();
  count = 0;
  readonly #oms: OmsStandin;

  constructor(oms: OmsStandin) {
    this.#oms = oms;
  }

  empty(): void {
    for (const { names } of this.#oms.takeReceived()) {
      this.count += names.length;
      for (const name of names) this.names.add(name);
    }
  }
}

/** Kills a tool some time after OMS has got so many names. Gives false if it ended before. */
async function killAt(
  tool: RunningTool,
  inbox: Inbox,
  until: number,
  random: () => number,
): Promise<boolean> {
  const over = new AbortController();
  const ended = tool.ended.finally(() => over.abort());
  for (inbox.empty(); inbox.names.size < until && !over.signal.aborted; inbox.empty()) {
    await sleep(lookEveryMs);
  }
  await Promise.race([sleep(random() * 100), ended]);
  if (over.signal.aborted) return false;
  tool.kill();
  await ended;
  inbox.empty();
  return true;
}
