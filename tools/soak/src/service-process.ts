import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** The built service in a process of its own, and again after it was killed. */
export class ServiceProcess {
  readonly #bundle: string;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #nodeOptions: readonly string[];
  #child: ChildProcess | undefined;
  /** The signal that ends it. */
  #sent: NodeJS.Signals | undefined;
  /** Seconds of CPU of those that have ended. */
  #endedCpu = 0;
  kills = 0;

  constructor(bundle: string, settings: Readonly<Record<string, string>>, nodeOptions: readonly string[]) {
    this.#bundle = bundle;
    this.#settings = settings;
    this.#nodeOptions = nodeOptions;
  }

  start(): void {
    const child = spawn(process.execPath, [...this.#nodeOptions, this.#bundle], {
      env: { ...this.#settings },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    this.#child = child;
    child.once('exit', (code, signal) => {
      // SIGTERM ends one that has not begun yet, too.
      if (code !== 0 && signal !== this.#sent) throw new Error(`the service ended (${signal ?? code})`);
    });
  }

  /** As a loss of power would, but for the page cache. */
  async killAndStart(): Promise<void> {
    await this.#end('SIGKILL');
    this.kills++;
    this.start();
  }

  /** Lets it stop by itself. */
  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Memory in bytes, and seconds of CPU since the first start; of Linux. */
  measure(): { readonly rss: number; readonly cpuSeconds: number } {
    const pid = this.#child?.pid;
    const cpuSeconds = this.#endedCpu + readCpu(pid);
    return { rss: Number(/VmRSS:\s+(\d+)/.exec(readProc(pid, 'status'))?.[1] ?? 0) * 1024, cpuSeconds };
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    this.#endedCpu += readCpu(child.pid);
    this.#sent = signal;
    child.kill(signal);
    await ended;
    this.#sent = undefined;
  }
}

const ticksPerSecond = 100;

/** User and system time. Source: proc(5), `/proc/pid/stat`, fields 14 and 15. */
function readCpu(pid: number | undefined): number {
  const fields = readProc(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond;
}

/** Empty where there is no such file: the process has just ended, or this is not Linux. */
function readProc(pid: number | undefined, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** A port that is free now. */
export async function findPort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('not listening on a port');
  return address.port;
}

/** Waits, unless it is stopped. */
export async function pause(ms: number, stopped: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stopped }).catch((error: unknown) => {
    if (!stopped.aborted) throw error;
  });
}
