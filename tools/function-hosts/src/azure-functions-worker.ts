// What Azure's Node.js worker does, with a stand-in of the module @azure/functions-core that the worker supplies. What
// turns the host's values into arguments is the app's own library.
// Source: Azure/azure-functions-nodejs-worker, setupCoreModule.ts, InvocationHandler.ts.
import { readFileSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import path from 'node:path';
import type { AzureFunction, AzureInvocation, AzureLogLevel } from './azure-functions-messages.ts';

type Callback = (...args: unknown[]) => unknown;

/** What `@azure/functions` gives to the worker. */
interface ProgrammingModel {
  getCapabilities(workerCapabilities: object): Promise<object>;
  getInvocationModel(context: object): InvocationModel;
}

interface InvocationModel {
  getArguments(): Promise<{ context: object; inputs: unknown[] }>;
  invokeFunction(context: object, inputs: unknown[], callback: Callback): Promise<unknown>;
  getResponse(context: object, result: unknown): Promise<{ returnValue?: { json?: string } | null }>;
}

type Callbacks = ReadonlyMap<string, { readonly metadata: AzureFunction; readonly callback: Callback }>;

/** The functions of an app, loaded into this process. */
export class AzureWorker {
  readonly functions: readonly AzureFunction[];
  readonly #model: ProgrammingModel;
  readonly #callbacks: Callbacks;

  private constructor(model: ProgrammingModel, callbacks: Callbacks) {
    this.#model = model;
    this.#callbacks = callbacks;
    this.functions = [...callbacks.values()].map(({ metadata }) => metadata);
  }

  /** Loads the app in a folder; a process can do so once. */
  static async load(root: string): Promise<AzureWorker> {
    let model: ProgrammingModel | undefined;
    const callbacks = new Map<string, { readonly metadata: AzureFunction; readonly callback: Callback }>();
    // What the worker supplies as `@azure/functions-core`; only what an app without hooks and streams needs.
    const coreApi = {
      version: '3.10.1',
      hostVersion: '4.1036.3',
      setProgrammingModel: (programmingModel: ProgrammingModel) => {
        model = programmingModel;
      },
      getProgrammingModel: () => model,
      registerFunction: (metadata: AzureFunction, callback: Callback) => {
        callbacks.set(metadata.name, { metadata, callback });
      },
      registerHook: () => {
        throw new Error('this host runs no hooks');
      },
      log: () => undefined,
    };
    // oxlint-disable-next-line typescript/unbound-method -- called with the module that requires, below
    const requireUnpatched = Module.prototype.require;
    Object.defineProperty(Module.prototype, 'require', {
      value(this: Module, id: string): unknown {
        return id === '@azure/functions-core' ? coreApi : requireUnpatched.call(this, id);
      },
    });
    const manifest: unknown = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const main: unknown =
      typeof manifest === 'object' && manifest !== null ? Reflect.get(manifest, 'main') : undefined;
    createRequire(`${root}/`)(path.join(root, String(main)));
    if (model === undefined) throw new Error(`the app in ${root} registers no functions`);
    await model.getCapabilities({});
    return new AzureWorker(model, callbacks);
  }

  /** Gives what the function returned, as the host gets it; throws what it threw. */
  async invoke(
    invocation: AzureInvocation,
    log: (level: AzureLogLevel, message: string) => void,
  ): Promise<unknown> {
    const { invocationId, functionName, inputData, triggerMetadata } = invocation;
    const found = this.#callbacks.get(functionName);
    if (found === undefined) {
      throw new Error(`Function code for '${functionName}' is not loaded and cannot be invoked.`);
    }
    const invocationModel = this.#model.getInvocationModel({
      invocationId,
      metadata: found.metadata,
      request: { invocationId, inputData, triggerMetadata },
      state: 'invocation',
      log: (level: AzureLogLevel, _category: string, message: string) => log(level, message),
    });
    const { context, inputs } = await invocationModel.getArguments();
    let result: unknown;
    try {
      result = await invocationModel.invokeFunction(context, inputs, found.callback);
    } catch (error) {
      // The worker takes anything else that is thrown for a success.
      if (error instanceof Error) throw error;
    }
    const { returnValue } = await invocationModel.getResponse(context, result);
    return returnValue?.json === undefined ? returnValue : JSON.parse(returnValue.json);
  }
}
