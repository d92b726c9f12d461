import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Completion, Invocation, InvocationResult } from './messages.ts';

export type { InvocationResult } from './messages.ts';

export interface FunctionOptions {
  /** The folder with the function's code, as it is uploaded. */
  readonly code: string;
  /** The function's settings ("environment variables" in the console). */
  readonly userData: Readonly<Record<string, string>>;
  /** The function's timeout, in seconds (default 3, as in FunctionGraph). */
  readonly timeoutSeconds?: number;
  /** `file.function` (default `index.handler`). */
  readonly handler?: string;
  /** The built runtime.js of this tool. */
  readonly runtime: string;
  /** The Node.js to run it with (default: this one). */
  readonly node?: string;
  /** Gets each line that the function logs. */
  readonly log?: (line: string) => void;
}

/**
 * A function with one instance that serves one invocation at a time, as FunctionGraph does by default. The instance is
 * a process of its own, started by the first invocation and ended by a timeout.
 */
export class FunctionGraphHost {
  readonly #options: FunctionOptions;
  #instance: ChildProcess | undefined;
  #inTurn: Promise<unknown> = Promise.resolve();

  constructor(options: FunctionOptions) {
    this.#options = options;
  }

  /** Invokes the function and waits for its result. */
  invoke(event: unknown): Promise<InvocationResult> {
    const result = this.#inTurn.then(() => this.#invokeNow(event));
    this.#inTurn = result;
    return result;
  }

  /**
   * Invokes the function as a trigger does: an error, or a timeout, is tried again so many times (FunctionGraph's
   * default is once), with the same event.
   */
  async invokeAsynchronously(event: unknown, retries = 1): Promise<InvocationResult> {
    const result = await this.invoke(event);
    return result.ok || retries === 0 ? result : this.invokeAsynchronously(event, retries - 1);
  }

  /** Ends the instance, whatever it is doing; the next invocation starts a new one. */
  async stop(): Promise<void> {
    const instance = this.#instance;
    this.#instance = undefined;
    if (instance === undefined || instance.exitCode !== null || instance.signalCode !== null) return;
    instance.kill('SIGKILL');
    await once(instance, 'exit');
  }

  async #invokeNow(event: unknown): Promise<InvocationResult> {
    const timeoutSeconds = this.#options.timeoutSeconds ?? 3;
    const instance = (this.#instance ??= this.#start());
    const requestId = randomUUID();
    const { promise, resolve } = withResolver<InvocationResult>();
    const onMessage = (message: unknown) => {
      if (isCompletion(message) && message.requestId === requestId) resolve(message.result);
    };
    const onExit = (code: number | null, signal: string | null) =>
      resolve(failure('RuntimeError', `the function's process ended (${signal ?? code})`));
    const timer = setTimeout(
      () => resolve(failure('TimeoutError', `Invoke timed out after ${timeoutSeconds} seconds`)),
      timeoutSeconds * 1000,
    );
    instance.on('message', onMessage);
    instance.once('exit', onExit);
    instance.send({ requestId, event } satisfies Invocation);
    const result = await promise;
    clearTimeout(timer);
    instance.off('message', onMessage);
    instance.off('exit', onExit);
    if (!result.ok && (result.errorType === 'TimeoutError' || result.errorType === 'RuntimeError'))
      await this.stop();
    return result;
  }

  #start(): ChildProcess {
    const { code, userData, timeoutSeconds = 3, handler = 'index.handler', runtime, log } = this.#options;
    const instance = spawn(this.#options.node ?? process.execPath, [runtime], {
      // Nothing of this process's own environment: the function sees what FunctionGraph gives.
      env: {
        RUNTIME_CODE_ROOT: code,
        RUNTIME_HANDLER: handler,
        RUNTIME_TIMEOUT: String(timeoutSeconds),
        RUNTIME_USERDATA: JSON.stringify(userData),
      },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'json',
    });
    for (const stream of [instance.stdout, instance.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) log?.(line);
      });
    }
    return instance;
  }
}

function failure(errorType: string, errorMessage: string): InvocationResult {
  return { ok: false, errorType, errorMessage };
}

function isCompletion(message: unknown): message is Completion {
  return typeof message === 'object' && message !== null && 'requestId' in message && 'result' in message;
}

function withResolver<Value>(): { promise: Promise<Value>; resolve: (value: Value) => void } {
  let resolve: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((resolver) => {
    resolve = resolver;
  });
  return { promise, resolve };
}
