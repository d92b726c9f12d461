import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { HostOptions } from './invocation.ts';

/**
 * Starts the process of a function, with the environment of its platform and nothing of this one's, and hands its
 * output over line by line.
 */
export function startProcess(
  { node = process.execPath, log }: { readonly [Name in 'node' | 'log']?: HostOptions[Name] | undefined },
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): ChildProcess {
  const child = spawn(node, args, {
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    serialization: 'json',
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  for (const stream of [child.stdout, child.stderr]) {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) log?.(line);
    });
  }
  return child;
}

/** Those of this tool that run, frozen or not. */
const running = new Set<ChildProcess>();
/** One that is frozen would not notice that this process has ended. */
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Stops a process between two invocations, as a platform freezes an instance. Nothing of it runs until it is thawed. */
export function freezeProcess(child: ChildProcess): void {
  if (canFreeze) child.kill('SIGSTOP');
}

/** Lets a frozen process go on; its timers find that their time has passed. */
export function thawProcess(child: ChildProcess): void {
  if (canFreeze) child.kill('SIGCONT');
}

const canFreeze = process.platform !== 'win32';

/** Ends a process, whatever it is doing. False: there was none. */
export async function stopProcess(child: ChildProcess | undefined): Promise<boolean> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return false;
  child.kill('SIGKILL');
  await once(child, 'exit');
  return true;
}

/**
 * Tells when everything that an invocation logged has come through: its answer and its log take two ways. The runtimes
 * of this tool write a last line for each invocation, which is kept from the log.
 */
export class LastLines {
  readonly #seen = new Set<string>();
  #wake: () => void = () => undefined;

  /** The last line of an invocation, for a runtime to write. */
  static format(requestId: string): string {
    return `END RequestId: ${requestId}`;
  }

  /** Hands all other lines over. */
  filter(log: ((line: string) => void) | undefined): (line: string) => void {
    return (line) => {
      const [, requestId] = /^END RequestId: (\S+)$/.exec(line) ?? [];
      if (requestId === undefined) {
        log?.(line);
      } else {
        this.#seen.add(requestId);
        this.#wake();
      }
    };
  }

  /** Resolves when the last line of an invocation has come. */
  async wait(requestId: string): Promise<void> {
    while (!this.#seen.delete(requestId)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
