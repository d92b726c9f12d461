// The process of the function: loads the built bundle and invokes it at full speed, as FunctionGraph would with several
// requests per instance. What fails is delivered again, as FunctionGraph would.
import { createRequire } from 'node:module';
import { makeName } from './names.ts';
import type { Command, Message } from './messages.ts';

type Handler = (event: unknown, context: object) => Promise<unknown>;

const invocationsAtATime = 4;
const namesInAnInvocation = 25;
const timeoutMs = 15_000;

let handler: Handler;
let settings: Readonly<Record<string, string>> = {};
const drain = new AbortController();
let next = 0;
let latencies: number[] = [];
let failures = 0;
let names = 0;

function send(message: Message): void {
  process.send?.(message);
}

function makeContext(): object {
  const deadline = Date.now() + timeoutMs;
  const silent = () => undefined;
  return {
    getRequestID: () => 'soak',
    getRemainingTimeInMilliSeconds: () => deadline - Date.now(),
    getUserData: (name: string) => settings[name],
    getLogger: () => ({ setLevel: silent, debug: silent, info: silent, warn: silent, error: silent }),
  };
}

function makeEvent(from: number, to: number): object {
  const time = new Date().toISOString();
  const records = [];
  for (let number = from; number < to; number++) {
    records.push({
      eventVersion: '3.0',
      eventSource: 'OBS',
      eventTime: time,
      eventName: 'ObjectCreated:Put',
      obs: {
        bucket: { name: 'source' },
        object: { key: encodeURIComponent(makeName(number)).replaceAll("'", '%27'), size: 1 },
      },
    });
  }
  return { Records: records };
}

/** Invokes the function until it acknowledges. */
async function deliver(event: object): Promise<void> {
  for (;;) {
    const startedAt = performance.now();
    try {
      await handler(event, makeContext());
      return;
    } catch {
      failures++; // Delivered again, and counted: what is lost by it the run would see.
    } finally {
      latencies.push(performance.now() - startedAt);
    }
  }
}

async function work(): Promise<void> {
  while (!drain.signal.aborted) {
    const from = next;
    const to = (next += namesInAnInvocation);
    await deliver(makeEvent(from, to));
    names += to - from;
    send({ kind: 'acknowledged', from, to });
  }
}

function sample(): void {
  globalThis.gc?.();
  const { heapUsed, rss } = process.memoryUsage();
  const sorted = latencies.sort((a, b) => a - b);
  const quantile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0;
  send({
    kind: 'sample',
    invocations: sorted.length,
    failures,
    names,
    medianMs: quantile(0.5),
    p99Ms: quantile(0.99),
    heapUsed,
    rss,
    handles: process.getActiveResourcesInfo().length,
  });
  latencies = [];
  failures = 0;
  names = 0;
}

function start(command: Command & { kind: 'start' }): void {
  settings = command.settings;
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the contract of the bundle
  ({ handler } = createRequire(command.bundle)(command.bundle) as { handler: Handler });
  setInterval(sample, command.sampleEveryMs);
  void Promise.all(Array.from({ length: invocationsAtATime }, work)).then(() =>
    send({ kind: 'drained', sent: next }),
  );
}

async function replay(): Promise<void> {
  try {
    await handler({ trigger_type: 'TIMER' }, makeContext());
    send({ kind: 'replayed', error: undefined });
  } catch (error) {
    send({ kind: 'replayed', error: String(error) });
  }
}

process.on('message', (command: Command) => {
  if (command.kind === 'start') start(command);
  else if (command.kind === 'drain') drain.abort();
  else void replay();
});
