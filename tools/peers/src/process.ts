import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, closeSync, constants, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';

export interface StartOptions {
  /** Where its output goes. */
  readonly logFile: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What asks it to stop. */
  readonly stopSignal?: NodeJS.Signals;
}

/** Stops a process this long after it was asked to. */
const patienceMs = 5_000;

const running = new Set<ChildProcess>();
/** Also when the test run ends before it stops its peers. */
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A server of this machine, running until it is stopped. */
export class Server {
  readonly #name: string;
  readonly #logFile: string;
  readonly #stopSignal: NodeJS.Signals;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(
    command: string,
    args: readonly string[],
    { logFile, env = {}, stopSignal = 'SIGTERM' }: StartOptions,
  ) {
    this.#name = path.basename(command);
    this.#logFile = logFile;
    this.#stopSignal = stopSignal;
    const log = openSync(logFile, 'w');
    this.#child = spawn(command, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    running.add(this.#child);
    this.#ended = new Promise((resolve) => {
      for (const event of ['exit', 'error']) this.#child.once(event, resolve);
    }).finally(() => running.delete(this.#child));
  }

  /** Waits until something holds; an error when the server ends before, or the time is up. */
  async until(isReady: () => Promise<boolean>, timeoutMs = 60_000): Promise<void> {
    const limit = Date.now() + timeoutMs;
    while (!(await isReady())) {
      if (!running.has(this.#child)) throw await this.#failure('ended');
      if (Date.now() > limit) throw await this.#failure(`was not ready after ${timeoutMs} ms`);
      await setTimeout(20);
    }
  }

  async stop(): Promise<void> {
    if (!running.has(this.#child)) return;
    this.#child.kill(this.#stopSignal);
    const stubborn = setTimeout(patienceMs, 'stubborn', { ref: false });
    if ((await Promise.race([this.#ended, stubborn])) === 'stubborn') this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Ends it at once, as a crash does. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }

  async #failure(what: string): Promise<Error> {
    const log = await readFile(this.#logFile, 'utf8');
    return new Error(`${this.#name} ${what}. The end of its output:\n${log.slice(-2000)}`);
  }
}

const runWithinMs = 30_000;

/** Runs a command to its end, 30 seconds at most. Gives what it printed. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    // A client of a server that has not started right would wait for ever.
    timeout: runWithinMs,
    killSignal: 'SIGKILL',
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  }
  await once(child, 'close');
  if (child.exitCode !== 0) {
    throw new Error(`${path.basename(command)} ${args[0]} ended with ${child.exitCode}: ${output}`);
  }
  return output;
}

/** The path of a command, or undefined when this machine does not have it. */
export function findCommand(name: string, folders = process.env['PATH'] ?? ''): string | undefined {
  return folders
    .split(path.delimiter)
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

/** Ports that are free on the loopback address now, one after the other. */
export async function freePorts(count: number): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    // Below the range that the system hands out by itself (Linux: from 32768), so that nobody gets one meanwhile.
    const first = 10_000 + Math.floor(Math.random() * (32_000 - 10_000 - count));
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(first + index)));
    if (!free.includes(false)) return first;
  }
  throw new Error(`no ${count} free ports in a row`);
}

/** Does something listen on that port of the loopback address? */
export function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false; // Not there, or not for us: the caller says what is missing.
  }
}
