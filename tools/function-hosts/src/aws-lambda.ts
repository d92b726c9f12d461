import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { failInvocation, type HostOptions, type InvocationResult } from './invocation.ts';
import { freezeProcess, LastLines, startProcess, stopProcess, thawProcess } from './process.ts';

export interface LambdaHostOptions extends HostOptions {
  /**
   * What runs the function, instead of the loop of this tool: the path of AWS's own runtime interface client
   * (`aws-lambda-ric/index.mjs`).
   */
  readonly runtimeInterfaceClient?: string | undefined;
}

interface PendingInvocation {
  readonly requestId: string;
  readonly body: string;
  readonly settle: (result: InvocationResult) => void;
  /** The function has got the event: its time runs from now on. */
  readonly start: () => void;
}

/**
 * A function in AWS Lambda: serves the Runtime API, and runs the function in a process that asks it for work, one
 * invocation at a time.
 */
export class LambdaHost {
  readonly #options: LambdaHostOptions;
  /** Its default is 3 s. */
  readonly #timeoutSeconds: number;
  readonly #lastLines = new LastLines();
  #server: Promise<Server> | undefined;
  #instance: ChildProcess | undefined;
  #inTurn: Promise<unknown> = Promise.resolve();
  #invocation: PendingInvocation | undefined;
  /** The process is asking for work. */
  #asking: ServerResponse | undefined;

  constructor(options: LambdaHostOptions) {
    this.#options = options;
    this.#timeoutSeconds = options.timeoutSeconds ?? 3;
  }

  /** Invokes the function and waits for its result. */
  invoke(event: unknown): Promise<InvocationResult> {
    const result = this.#inTurn.then(() => this.#invokeNow(JSON.stringify(event)));
    this.#inTurn = result;
    return result;
  }

  /** The most memory that the function's process has taken so far, in MB; Linux only, else 0. */
  peakMegabytes(): number {
    const status = `/proc/${this.#instance?.pid}/status`;
    if (!existsSync(status)) return 0;
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(status, 'utf8'))?.[1] ?? 0) / 1024);
  }

  /** Ends the process, whatever it is doing; the next invocation starts a new one. False: there was none. */
  kill(): Promise<boolean> {
    const instance = this.#instance;
    this.#instance = undefined;
    this.#asking = undefined;
    return stopProcess(instance);
  }

  /** Ends the process and the Runtime API. */
  async stop(): Promise<void> {
    await this.kill();
    const server = await this.#server;
    server?.closeAllConnections();
    server?.close();
    this.#server = undefined;
  }

  async #invokeNow(body: string): Promise<InvocationResult> {
    this.#server ??= this.#listen();
    const address = (await this.#server).address();
    if (address === null || typeof address === 'string') throw new TypeError('the Runtime API has no port');
    const instance = (this.#instance ??= this.#start(address.port));
    const requestId = randomUUID();
    let isLost = false;
    const result = await new Promise<InvocationResult>((resolve) => {
      const lose = (kind: 'TimeoutError' | 'RuntimeError', message: string) => {
        isLost = true;
        settle(failInvocation(kind, message));
      };
      const onExit = (code: number | null, signal: string | null) =>
        lose('RuntimeError', `the function's process ended (${signal ?? code})`);
      let timer = setTimeout(
        () => lose('RuntimeError', 'the function did not start within 10 seconds'),
        10_000,
      );
      const start = () => {
        clearTimeout(timer);
        timer = setTimeout(
          () => lose('TimeoutError', `Task timed out after ${this.#timeoutSeconds.toFixed(2)} seconds`),
          this.#timeoutSeconds * 1000,
        );
      };
      const settle = (outcome: InvocationResult) => {
        clearTimeout(timer);
        instance.off('exit', onExit);
        this.#invocation = undefined;
        resolve(outcome);
      };
      instance.once('exit', onExit);
      this.#invocation = { requestId, body, settle, start };
      if (this.#asking) this.#handOut(this.#asking);
    });
    if (isLost) await this.kill();
    else if (this.#options.runtimeInterfaceClient === undefined) await this.#lastLines.wait(requestId);
    // AWS's client writes no last line: give what it logged the time to come through.
    else await delay(50);
    this.#options.answered?.(result);
    return result;
  }

  async #listen(): Promise<Server> {
    const server = createServer((request, response) => void this.#serve(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = request.url?.replace('/2018-06-01/runtime/', '') ?? '';
    if (route === 'invocation/next') {
      this.#handOut(response);
      return;
    }
    const body = await text(request);
    response.writeHead(202).end();
    const [, requestId, kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(route) ?? [];
    const invocation = this.#invocation;
    if (invocation === undefined || (requestId !== invocation.requestId && route !== 'init/error')) return;
    const value: unknown = JSON.parse(body);
    if (kind === 'response') invocation.settle({ ok: true, value });
    else invocation.settle({ ok: false, ...readError(value) });
  }

  #handOut(response: ServerResponse): void {
    if (this.#invocation === undefined) {
      this.#asking = response;
      // Lambda freezes it when it asks for work that is not there. Before its first invocation it never has to wait.
      if (this.#instance) freezeProcess(this.#instance);
      return;
    }
    this.#asking = undefined;
    if (this.#instance) thawProcess(this.#instance);
    this.#invocation.start();
    response
      .writeHead(200, {
        'content-type': 'application/json',
        'lambda-runtime-aws-request-id': this.#invocation.requestId,
        'lambda-runtime-deadline-ms': String(Date.now() + this.#timeoutSeconds * 1000),
        'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-central-1:123456789012:function:oms-sync',
        'lambda-runtime-trace-id': 'Root=1-00000000-000000000000000000000000',
      })
      .end(this.#invocation.body);
  }

  #start(port: number): ChildProcess {
    const { code, runtimes, settings, runtimeInterfaceClient, node, log } = this.#options;
    const args =
      runtimeInterfaceClient === undefined
        ? [path.join(runtimes, 'aws-lambda-runtime.js')]
        : [runtimeInterfaceClient, 'index.handler'];
    return startProcess({ node, log: this.#lastLines.filter(log) }, args, {
      // Of the function's role. They open nothing here, unless the settings have others.
      AWS_ACCESS_KEY_ID: 'ASIAIOSFODNN7EXAMPLE',
      AWS_SECRET_ACCESS_KEY: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
      AWS_SESSION_TOKEN: 'AQoEXAMPLEH4aoAH0gNCAPyJxz4BlCFFxWNE1OPTgk5TthT',
      ...settings,
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
      AWS_LAMBDA_FUNCTION_NAME: 'oms-sync',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '256',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/oms-sync',
      AWS_LAMBDA_LOG_STREAM_NAME: 'local',
      AWS_REGION: 'eu-central-1',
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x',
      LAMBDA_TASK_ROOT: code,
      _HANDLER: 'index.handler',
    });
  }
}

function readError(value: unknown): { errorType: string; errorMessage: string } {
  const read = (field: string) => {
    const text: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, field) : undefined;
    return typeof text === 'string' ? text : '';
  };
  return { errorType: read('errorType'), errorMessage: read('errorMessage') };
}
