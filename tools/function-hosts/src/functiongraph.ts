import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { failInvocation, type HostOptions, type InvocationResult } from './invocation.ts';
import { freezeProcess, LastLines, startProcess, stopProcess, thawProcess } from './process.ts';

/** What the host sends to the process of the function. */
export interface FunctionGraphRequest {
  readonly requestId: string;
  readonly event: unknown;
}

/** What comes back. */
export type FunctionGraphAnswer =
  | { readonly kind: 'started'; readonly requestId: string }
  | { readonly kind: 'ended'; readonly requestId: string; readonly result: InvocationResult };

/** How long the start of an instance may take, which does not count as time of the invocation. */
const startSeconds = 30;

/**
 * A function in FunctionGraph, with one instance that serves one invocation at a time, as is the default there. The
 * instance is a process of its own, started by the first invocation and ended by a timeout.
 */
export class FunctionGraphHost {
  readonly #options: HostOptions;
  /** Its default is 3 s. */
  readonly #timeoutSeconds: number;
  readonly #lastLines = new LastLines();
  #instance: ChildProcess | undefined;
  #inTurn: Promise<unknown> = Promise.resolve();

  constructor(options: HostOptions) {
    this.#options = options;
    this.#timeoutSeconds = options.timeoutSeconds ?? 3;
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

  /** Ends the instance, whatever it is doing; the next invocation starts a new one. False: there was none. */
  kill(): Promise<boolean> {
    const instance = this.#instance;
    this.#instance = undefined;
    return stopProcess(instance);
  }

  async stop(): Promise<void> {
    await this.kill();
  }

  async #invokeNow(event: unknown): Promise<InvocationResult> {
    const instance = (this.#instance ??= this.#start());
    const requestId = randomUUID();
    let isLost = false;
    const result = await new Promise<InvocationResult>((resolve) => {
      const lose = (kind: 'TimeoutError' | 'RuntimeError', message: string) => {
        isLost = true;
        settle(failInvocation(kind, message));
      };
      const onMessage = (message: unknown) => {
        if (!isAnswer(message) || message.requestId !== requestId) return;
        if (message.kind === 'ended') settle(message.result);
        else {
          clearTimeout(timer);
          timer = setTimeout(
            () => lose('TimeoutError', `Invoke timed out after ${this.#timeoutSeconds} seconds`),
            this.#timeoutSeconds * 1000,
          );
        }
      };
      const onExit = (code: number | null, signal: string | null) =>
        lose('RuntimeError', `the function's process ended (${signal ?? code})`);
      let timer = setTimeout(
        () => lose('RuntimeError', `the function did not start within ${startSeconds} seconds`),
        startSeconds * 1000,
      );
      const settle = (outcome: InvocationResult) => {
        clearTimeout(timer);
        instance.off('message', onMessage).off('exit', onExit);
        resolve(outcome);
      };
      instance.on('message', onMessage).once('exit', onExit);
      thawProcess(instance);
      instance.send({ requestId, event } satisfies FunctionGraphRequest);
    });
    if (isLost) {
      await this.stop();
    } else {
      await this.#lastLines.wait(requestId);
      freezeProcess(instance);
    }
    this.#options.answered?.(result);
    return result;
  }

  #start(): ChildProcess {
    const { code, runtimes, settings, node, log } = this.#options;
    return startProcess(
      { node, log: this.#lastLines.filter(log) },
      [path.join(runtimes, 'functiongraph-runtime.js')],
      {
        RUNTIME_CODE_ROOT: code,
        RUNTIME_HANDLER: 'index.handler',
        RUNTIME_TIMEOUT: String(this.#timeoutSeconds),
        RUNTIME_USERDATA: JSON.stringify(settings),
      },
    );
  }
}

function isAnswer(message: unknown): message is FunctionGraphAnswer {
  return typeof message === 'object' && message !== null && 'requestId' in message && 'kind' in message;
}
