import type { ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import type {
  AzureAnswer,
  AzureBinding,
  AzureFunction,
  AzureInvocation,
  TypedData,
} from './azure-functions-messages.ts';
import { isLogged, readAzureHostJson, type AzureHostJson } from './azure-host-json.ts';
import { failInvocation, type HostOptions, type InvocationResult } from './invocation.ts';
import { startProcess, stopProcess } from './process.ts';

/** How long Event Grid waits for an answer. Source: "Event Grid message delivery and retry". */
const eventGridWaitMs = 30_000;
/** The longest message of a storage queue, in bytes. Source: "Scalability and performance targets for Queue Storage". */
const maxQueueMessageBytes = 65_536;

interface Instance {
  readonly process: ChildProcess;
  /** The functions that the app has registered; rejected if the process ends first. */
  readonly functions: Promise<readonly AzureFunction[]>;
  /** How to settle what is under way, by invocation id. */
  readonly pending: Map<string, (result: InvocationResult) => void>;
}

/**
 * A function app in Azure Functions, with one instance that serves any number of invocations at once, as is the default
 * there. The instance is a process of its own, started by the first delivery and ended by a timeout, with all that it
 * has under way. The functions are found by their trigger.
 */
export class AzureHost {
  readonly #options: HostOptions;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #hostJson: AzureHostJson;
  readonly #timeoutSeconds: number;
  #instance: Instance | undefined;

  constructor(options: HostOptions) {
    const { code, settings, timeoutSeconds } = options;
    this.#options = options;
    this.#hostJson = readAzureHostJson(code);
    this.#timeoutSeconds = timeoutSeconds ?? this.#hostJson.functionTimeout;
    this.#settings = {
      AzureWebJobsStorage: 'UseDevelopmentStorage=true',
      AzureWebJobsScriptRoot: code,
      FUNCTIONS_WORKER_RUNTIME: 'node',
      FUNCTIONS_EXTENSION_VERSION: '~4',
      ...(timeoutSeconds === undefined
        ? {}
        : { AzureFunctionsJobHost__functionTimeout: formatTimeSpan(timeoutSeconds) }),
      ...settings,
    };
  }

  /** The names of the functions that the app has registered. */
  async listFunctions(): Promise<string[]> {
    const functions = await (this.#instance ??= this.#start()).functions;
    return functions.map(({ name }) => name);
  }

  /**
   * Makes one delivery of Event Grid: the body that it posts, one event or a list. The host invokes the function for
   * each event, all at once, and one failure fails the delivery.
   *
   * @returns what the invocations returned, which Azure throws away.
   */
  async deliverEventGrid(body: unknown): Promise<InvocationResult> {
    const events: readonly unknown[] = Array.isArray(body) ? body : [body];
    const delivery = Promise.all(
      events.map((event) => {
        const data = { json: JSON.stringify(event) };
        return this.#invoke('eventGridTrigger', data, { data });
      }),
    );
    const results = await withDeadline(delivery, eventGridWaitMs);
    if (results === undefined) {
      return failInvocation('TimeoutError', 'Event Grid has waited for 30 seconds');
    }
    return (
      results.find(({ ok }) => !ok) ?? {
        ok: true,
        value: results.map((result) => (result.ok ? result.value : undefined)),
      }
    );
  }

  /**
   * Delivers a message of the queue that the app listens to.
   *
   * @param text as it stands in the queue.
   * @param dequeueCount how often it has been delivered, this time included.
   */
  async deliverQueueMessage(text: string, dequeueCount = 1): Promise<InvocationResult> {
    if (Buffer.byteLength(text) > maxQueueMessageBytes) {
      throw new RangeError(`a message of a storage queue has up to ${maxQueueMessageBytes} bytes`);
    }
    const decoded = this.#hostJson.messageEncoding === 'none' ? text : decodeBase64(text);
    if (decoded === undefined) {
      return {
        ok: false,
        errorType: 'FormatException',
        errorMessage: 'The input is not a valid Base-64 string',
      };
    }
    const now = new Date().toISOString();
    return this.#invoke(
      'queueTrigger',
      { string: decoded },
      {
        // A text is sent as one, everything else as JSON. Source: GrpcMessageConversionExtensions.cs of the host.
        QueueTrigger: { string: decoded },
        DequeueCount: { json: String(dequeueCount) },
        ExpirationTime: { json: JSON.stringify(now) },
        Id: { string: randomUUID() },
        InsertionTime: { json: JSON.stringify(now) },
        NextVisibleTime: { json: JSON.stringify(now) },
        PopReceipt: { string: 'AgAAAAMAAAAAAAAA' },
      },
    );
  }

  /**
   * Delivers a message until the app takes it, or as often as host.json says: then the host moves it to the poison
   * queue. Azure waits in between, for `visibilityTimeout`.
   */
  async processQueueMessage(text: string): Promise<InvocationResult & { readonly isPoison: boolean }> {
    for (let dequeueCount = 1; ; dequeueCount++) {
      const result = await this.deliverQueueMessage(text, dequeueCount);
      if (result.ok || dequeueCount >= this.#hostJson.maxDequeueCount) {
        return { ...result, isPoison: !result.ok };
      }
    }
  }

  /** Runs the function of a timer, as its schedule would. */
  async fireTimer(): Promise<InvocationResult> {
    // Source: TimerInfo of the WebJobs extension for timers, as it is sent to workers.
    const now = new Date().toISOString();
    const timer = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: { Last: now, LastUpdated: now, Next: now },
      IsPastDue: false,
    };
    return this.#invoke('timerTrigger', { json: JSON.stringify(timer) }, {});
  }

  /** Ends the instance, whatever it is doing; the next delivery starts a new one. False: there was none. */
  kill(): Promise<boolean> {
    const instance = this.#instance;
    this.#instance = undefined;
    return stopProcess(instance?.process);
  }

  async stop(): Promise<void> {
    await this.kill();
  }

  async #invoke(
    triggerType: string,
    data: TypedData,
    triggerMetadata: AzureInvocation['triggerMetadata'],
  ): Promise<InvocationResult> {
    const instance = (this.#instance ??= this.#start());
    let target: { functionName: string; bindingName: string };
    try {
      target = findTrigger(await instance.functions, triggerType);
    } catch (error) {
      return failInvocation('RuntimeError', error instanceof Error ? error.message : String(error));
    }
    const { functionName, bindingName } = target;
    const invocationId = randomUUID();
    const result = await new Promise<InvocationResult>((resolve) => {
      const timer = setTimeout(() => {
        const message = `Timeout value of ${formatTimeSpan(this.#timeoutSeconds)} exceeded by function 'Functions.${functionName}'`;
        instance.pending.get(invocationId)?.(failInvocation('TimeoutError', message));
        void this.#end(instance);
      }, this.#timeoutSeconds * 1000);
      instance.pending.set(invocationId, (outcome) => {
        clearTimeout(timer);
        instance.pending.delete(invocationId);
        resolve(outcome);
      });
      const inputData = [{ name: bindingName, data }];
      instance.process.send(
        { invocationId, functionName, inputData, triggerMetadata } satisfies AzureInvocation,
        (error) => {
          if (error !== null)
            instance.pending.get(invocationId)?.(failInvocation('RuntimeError', error.message));
        },
      );
    });
    this.#options.answered?.(result);
    return result;
  }

  /** The host ends the worker when one of its invocations is out of time. */
  async #end(instance: Instance): Promise<void> {
    if (this.#instance === instance) this.#instance = undefined;
    await stopProcess(instance.process);
  }

  #start(): Instance {
    const { runtimes } = this.#options;
    const child = startProcess(
      this.#options,
      [path.join(runtimes, 'azure-functions-runtime.js')],
      this.#settings,
    );
    const pending: Instance['pending'] = new Map();
    const functions = new Promise<readonly AzureFunction[]>((resolve, reject) => {
      child.on('message', (message: AzureAnswer) => {
        switch (message.kind) {
          case 'ready':
            resolve(message.functions);
            break;
          case 'log':
            if (isLogged(this.#hostJson, message.functionName, message.level)) {
              const time = new Date().toISOString();
              this.#options.log?.(`${time} ${message.invocationId} [${message.level}] ${message.message}`);
            }
            break;
          case 'result':
            pending.get(message.invocationId)?.({ ok: true, value: message.value });
            break;
          case 'failure': {
            const { errorType, errorMessage } = message;
            pending.get(message.invocationId)?.({ ok: false, errorType, errorMessage });
          }
        }
      });
      child.once('exit', (code, signal) => {
        const message = `the functions' process ended (${signal ?? code})`;
        if (this.#instance?.process === child) this.#instance = undefined;
        reject(new Error(message));
        for (const settle of pending.values()) settle(failInvocation('RuntimeError', message));
      });
    });
    const checked = functions.then((found) => {
      for (const { bindings } of found) {
        for (const binding of Object.values(bindings)) checkBinding(binding, this.#settings);
      }
      return found;
    });
    checked.catch(() => undefined); // Each delivery says so.
    return { process: child, functions: checked, pending };
  }
}

function findTrigger(functions: readonly AzureFunction[], triggerType: string) {
  for (const { name: functionName, bindings } of functions) {
    for (const [bindingName, { type }] of Object.entries(bindings)) {
      if (type === triggerType) return { functionName, bindingName };
    }
  }
  throw new Error(`the app has no function with a ${triggerType}`);
}

/** The host does not start a function whose settings are not there. */
function checkBinding(binding: AzureBinding, settings: Readonly<Record<string, string>>): void {
  for (const value of Object.values(binding)) {
    for (const [expression, name = ''] of typeof value === 'string' ? value.matchAll(/%([^%]*)%/g) : []) {
      if (!settings[name]) throw new Error(`'${expression}' does not resolve to a value.`);
    }
  }
  const { connection } = binding;
  if (typeof connection !== 'string') return;
  const isThere = Object.entries(settings).some(
    ([name, value]) => value !== '' && (name === connection || name.startsWith(`${connection}__`)),
  );
  if (!isThere) throw new Error(`Storage account connection string '${connection}' does not exist.`);
}

function decodeBase64(text: string): string | undefined {
  const isBase64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text);
  return isBase64 ? Buffer.from(text, 'base64').toString() : undefined;
}

/** As .NET writes a time span. */
function formatTimeSpan(seconds: number): string {
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return parts.map((part) => String(part).padStart(2, '0')).join(':');
}

/** The result, or undefined when it takes longer. */
async function withDeadline<Result>(result: Promise<Result>, ms: number): Promise<Result | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms);
  });
  try {
    return await Promise.race([result, timeout]);
  } finally {
    clearTimeout(timer);
  }
}
