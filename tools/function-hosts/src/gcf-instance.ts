import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import type { HostOptions } from './invocation.ts';
import { startProcess, stopProcess } from './process.ts';

/**
 * What a function takes: a CloudEvent, the older (data, context), or an HTTP request. The platform says it to the
 * framework in FUNCTION_SIGNATURE_TYPE; for an event trigger that was `event`, when somebody last told (firebase-tools
 * pull request 4197).
 */
export type GcfSignature = 'cloudevent' | 'event' | 'http';

/** An HTTP request to a function. */
export interface GcfRequest {
  /** Default: POST. */
  readonly method?: string;
  /** Default: `/`. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
}

export interface GcfAnswer {
  readonly status: number;
  readonly body: string;
}

export interface GcfInstanceOptions {
  /** The main.js of the functions framework. */
  readonly frameworkMain: string;
  /** The name of the function. */
  readonly target: string;
  readonly signature: GcfSignature;
  readonly timeoutSeconds: number;
  /** The folder for its socket. */
  readonly folder: string;
}

/** What the framework says, one by one, once it listens. */
const banner = /^(Serving function\.\.\.$|Function: |Signature type: |URL: )/;

/** One instance of one function: a process with the functions framework, and nothing in front of it but a timeout. */
export class GcfInstance {
  readonly #timeoutSeconds: number;
  readonly #process: ChildProcess;
  /**
   * The framework takes a path where it wants a port (a string goes to `server.listen` as it is), so nobody else on the
   * network can call the function, as they could on a port: it listens on all addresses.
   */
  readonly #socket: string;
  readonly #listening: Promise<void>;

  constructor(options: HostOptions, instance: GcfInstanceOptions) {
    const { target, signature, timeoutSeconds, folder } = instance;
    this.#timeoutSeconds = timeoutSeconds;
    const name = randomUUID();
    this.#socket = process.platform === 'win32' ? `\\\\.\\pipe\\${name}` : path.join(folder, name);
    const { log = () => {} } = options;
    /** What it said before it listened. */
    const said: string[] = [];
    let isListening = false;
    let settle: (error?: Error) => void = () => {};
    this.#listening = new Promise((resolve, reject) => {
      settle = (error) => (error ? reject(error) : resolve());
    });
    // Whoever sends a request hears of it.
    this.#listening.catch(() => {});
    const listen = (line: string) => {
      if (isListening || !banner.test(line)) {
        if (!isListening) said.push(line);
        log(line);
      } else if (line.startsWith('URL: ')) {
        isListening = true;
        settle();
      }
    };
    this.#process = startProcess(
      { ...options, log: listen },
      [
        instance.frameworkMain,
        `--source=${options.code}`,
        `--target=${target}`,
        `--signature-type=${signature}`,
        `--port=${this.#socket}`,
      ],
      {
        ...options.settings,
        // What Cloud Run and gcloud set. Source: Cloud Run, "Container runtime contract".
        K_SERVICE: target.toLowerCase(),
        K_REVISION: `${target.toLowerCase()}-00001-abc`,
        K_CONFIGURATION: target.toLowerCase(),
        FUNCTION_TARGET: target,
        FUNCTION_SIGNATURE_TYPE: signature,
        CLOUD_RUN_TIMEOUT_SECONDS: String(timeoutSeconds),
        LOG_EXECUTION_ID: 'true',
      },
    );
    this.#process.once('close', (code, signal) =>
      settle(new Error(`the function did not start (${signal ?? code}): ${said.join('\n')}`)),
    );
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Sends a request, and gives what Cloud Run would answer: 503 if the process ended, 504 after the timeout. */
  async send({ method = 'POST', path: target = '/', headers, body }: GcfRequest): Promise<GcfAnswer> {
    try {
      await this.#listening;
    } catch (error) {
      // A function that cannot start is a mistake in a test; one that is killed meanwhile is Cloud Run's affair.
      if (this.#process.signalCode === null) throw error;
      return { status: 503, body: 'the instance was killed before it listened' };
    }
    return new Promise((resolve) => {
      const call = request(
        { socketPath: this.#socket, agent: false, method, path: target, headers },
        (response) => {
          text(response).then(
            (answer) => settle({ status: response.statusCode ?? 0, body: answer }),
            (error: unknown) => settle({ status: 503, body: String(error) }),
          );
        },
      );
      // The function goes on: Cloud Run only stops waiting for it.
      const timer = setTimeout(() => {
        settle({ status: 504, body: `upstream request timeout (${this.#timeoutSeconds} s)` });
        call.destroy();
      }, this.#timeoutSeconds * 1000);
      const settle = (answer: GcfAnswer) => {
        clearTimeout(timer);
        resolve(answer);
      };
      call.on('error', (error) =>
        settle({ status: 503, body: `no answer from the function: ${error.message}` }),
      );
      call.end(body);
    });
  }

  stop(): Promise<boolean> {
    return stopProcess(this.#process);
  }
}
