import { randomUUID } from 'node:crypto';
import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { AzureWorker, type AzureInvocation } from '@oms-sync/function-hosts';
import type { Answer, EntryPoint, LoadContext } from './entry-point.ts';
import type { Input } from './inputs.ts';

/** How long the platforms give each input, in milliseconds. */
const timeLimitMs = 60_000;

type Call = (...args: unknown[]) => unknown;

/** Every way into every function. */
export const entryPoints: readonly EntryPoint[] = [
  {
    name: 'functiongraph',
    platform: 'functiongraph',
    fixtures: ['huawei'],
    inProcess: true,
    load: async (context) => {
      const handler = requireFunction(context, 'functiongraph/index.js', 'handler');
      return ({ event }) => attempt(() => handler(event, makeFunctionGraphContext(context)));
    },
  },
  {
    name: 'aws-lambda',
    platform: 'aws-lambda',
    fixtures: ['aws', 's3compat'],
    inProcess: true,
    load: async ({ log, ...context }) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) {
        console[level] = (line: unknown) => log(String(line));
      }
      const handler = requireFunction({ log, ...context }, 'aws-lambda/index.js', 'handler');
      const invocation = { awsRequestId: 'request', getRemainingTimeInMillis: () => timeLimitMs };
      return ({ event }) => attempt(() => handler(event, invocation));
    },
  },
  makeAzureEntryPoint('azure-event-grid', 'eventGridTrigger'),
  makeAzureEntryPoint('azure-queue', 'queueTrigger'),
  makeGcfEntryPoint('gcf-cloud-event', 'cloudevent'),
  makeGcfEntryPoint('gcf-event', 'event'),
  makeGcfEntryPoint('gcf-push', 'http'),
];

async function attempt(invoke: () => unknown): Promise<Answer> {
  try {
    return { kind: 'done', value: await invoke() };
  } catch (error) {
    return describeError(error);
  }
}

function describeError(error: unknown): Answer {
  if (!(error instanceof Error)) return { kind: 'failed', errorType: typeof error, text: String(error) };
  const { name, message, stack = '' } = error;
  return { kind: 'failed', errorType: name, text: `${message}\n${stack}` };
}

function requireFunction({ root }: LoadContext, file: string, name: string): Call {
  const app = path.join(root, 'dist/apps', file);
  const found: unknown = Reflect.get(Object(createRequire(app)(app)), name);
  if (typeof found !== 'function') throw new TypeError(`${file} has no ${name}`);
  return (...args) => Reflect.apply(found, undefined, args) as unknown;
}

function makeFunctionGraphContext({ settings, log }: LoadContext): object {
  return {
    getRequestID: () => 'request',
    getRemainingTimeInMilliSeconds: () => timeLimitMs,
    getUserData: (name: string) => settings[name],
    getLogger: () => ({ debug: log, info: log, warn: log, error: log, setLevel: () => undefined }),
  };
}

function makeAzureEntryPoint(
  name: 'azure-event-grid' | 'azure-queue',
  trigger: 'eventGridTrigger' | 'queueTrigger',
): EntryPoint {
  return {
    name,
    platform: 'azure-functions',
    fixtures: ['azure'],
    inProcess: false,
    load: async ({ root, log }) => {
      const worker = await AzureWorker.load(path.join(root, 'dist/apps/azure-functions'));
      const registered = worker.functions.find(({ bindings }) =>
        Object.values(bindings).some(({ type }) => type === trigger),
      );
      const [bindingName] =
        Object.entries(registered?.bindings ?? {}).find(([, { type }]) => type === trigger) ?? [];
      if (registered === undefined || bindingName === undefined)
        throw new Error(`no function with ${trigger}`);
      return (input) => {
        const sent = decode(input);
        if (sent === undefined) return Promise.resolve(notSent);
        const invocation: AzureInvocation = {
          invocationId: randomUUID(),
          functionName: registered.name,
          ...(trigger === 'eventGridTrigger'
            ? {
                inputData: [{ name: bindingName, data: { json: sent } }],
                triggerMetadata: { data: { json: sent } },
              }
            : {
                inputData: [{ name: bindingName, data: { string: asMessage(sent, input) } }],
                triggerMetadata: { DequeueCount: { json: String(1 + input.random.below(6)) } },
              }),
        };
        return attempt(() => worker.invoke(invocation, (_, line) => log(line)));
      };
    },
  };
}

/** A queue message: the JSON, or its Base64; a fixture that is a text already stays one. */
function asMessage(json: string, { event, random }: Input): string {
  const message = typeof event === 'string' ? event : json;
  return random.chance(0.4) ? Buffer.from(message).toString('base64') : message;
}

function makeGcfEntryPoint(
  name: 'gcf-cloud-event' | 'gcf-event' | 'gcf-push',
  signature: 'cloudevent' | 'event' | 'http',
): EntryPoint {
  return {
    name,
    platform: 'gcf',
    fixtures: ['gcp'],
    inProcess: false,
    load: async (context) => {
      const target = name === 'gcf-push' ? 'omsSyncPush' : 'omsSync';
      const server = makeFrameworkServer(context, target, signature);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const address = server.address();
      if (address === null || typeof address === 'string') throw new TypeError('the server has no port');
      const agent = new http.Agent({ keepAlive: true });
      return (input) => {
        if (input.bytes === undefined) return Promise.resolve(notSent);
        return post({ host: '127.0.0.1', port: address.port, agent }, makeRequest(input, name));
      };
    },
  };
}

/** The server that Google's framework would run, around the function of the bundle. */
function makeFrameworkServer(context: LoadContext, target: string, signature: string): http.Server {
  const run = requireFunction(context, 'gcf/index.js', target);
  const { resolve } = createRequire(path.join(context.root, 'package.json'));
  const build = path.dirname(resolve('@google-cloud/functions-framework'));
  const getServer: unknown = Reflect.get(
    Object(createRequire(build)(path.join(build, 'server.js'))),
    'getServer',
  );
  if (typeof getServer !== 'function') throw new TypeError('the functions framework has no getServer');
  // The framework counts parameters, to tell functions with a callback.
  const handler =
    signature === 'event'
      ? (data: unknown, event: unknown) => run(data, event)
      : signature === 'http'
        ? (request: unknown, response: unknown) => run(request, response)
        : (event: unknown) => run(event);
  const server: unknown = Reflect.apply(getServer, undefined, [
    handler,
    { signatureType: signature, enableExecutionId: false, timeoutMilliseconds: 0, ignoredRoutes: null },
  ]);
  if (!(server instanceof http.Server)) throw new TypeError('the functions framework gave no server');
  // oxlint-disable-next-line typescript/no-unsafe-return -- instanceof gives a server of anything
  return server;
}

interface GcfRequest {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

/** The forms in which Google sends events, and now and then something beside them. */
function makeRequest(input: Input, name: EntryPoint['name']): GcfRequest {
  const { random, event, bytes = '' } = input;
  const body = Buffer.from(bytes, 'latin1');
  const own = (key: string): string | undefined => {
    const value: unknown =
      typeof event === 'object' && event !== null
        ? Object.getOwnPropertyDescriptor(event, key)?.value
        : undefined;
    return typeof value === 'string'
      ? encodeURIComponent(value.replace(/\p{Surrogate}/gu, '')).slice(0, 2000)
      : undefined;
  };
  const contentType = random.chance(0.9)
    ? 'application/json'
    : random.pick([
        'text/plain',
        'application/octet-stream',
        'application/x-www-form-urlencoded',
        'application/json; charset=utf-16',
        'application/cloudevents-batch+json',
        'nonsense',
        '',
      ] as const);
  const method = random.chance(0.99) ? 'POST' : random.pick(['GET', 'PUT', 'DELETE'] as const);
  if (name === 'gcf-push') {
    const scheduler = random.chance(0.01) ? { 'x-cloudscheduler': 'true' } : {};
    return { method, headers: { 'content-type': contentType, ...scheduler }, body };
  }
  if (Array.isArray(event) || own('specversion') !== undefined) {
    const suffix = Array.isArray(event) ? '-batch' : '';
    const structured = `application/cloudevents${suffix}+json`;
    if (random.chance(0.6) || Array.isArray(event)) {
      return { method, headers: { 'content-type': random.chance(0.9) ? structured : contentType }, body };
    }
  }
  // Binary mode: the body is the data, the rest comes in headers.
  const isPubSub = random.chance(0.5);
  const headers: Record<string, string> = {
    'content-type': contentType,
    'ce-specversion': own('specversion') ?? '1.0',
    'ce-id': own('id') ?? 'id-1',
    'ce-source': own('source') ?? '//storage.googleapis.com/projects/_/buckets/source',
    'ce-type':
      own('type') ??
      (isPubSub
        ? 'google.cloud.pubsub.topic.v1.messagePublished'
        : 'google.cloud.storage.object.v1.finalized'),
    'ce-time': own('time') ?? '2026-01-02T03:04:05Z',
    'ce-subject': own('subject') ?? 'objects/name',
  };
  if (random.chance(0.1)) delete headers[random.pick(Object.keys(headers)) ?? ''];
  const data: unknown =
    typeof event === 'object' && event !== null
      ? Object.getOwnPropertyDescriptor(event, 'data')?.value
      : undefined;
  const dataText = own('specversion') === undefined ? undefined : JSON.stringify(data);
  return { method, headers, body: dataText === undefined ? body : Buffer.from(dataText) };
}

function post(
  address: { readonly host: string; readonly port: number; readonly agent: http.Agent },
  { method, headers, body }: GcfRequest,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      { ...address, method, headers: { ...headers, 'content-length': body.length } },
      (response) => {
        text(response).then((answer) => {
          const status = response.statusCode ?? 0;
          if (status >= 200 && status < 300) resolve({ kind: 'done', value: answer });
          else resolve({ kind: 'failed', errorType: `HTTP ${status}`, text: answer });
        }, reject);
      },
    );
    request.on('error', reject);
    request.end(body);
  });
}

/** The text that arrives; the hosts of Azure send no bytes that are no UTF-8. */
function decode({ bytes }: Input): string | undefined {
  return bytes === undefined ? undefined : Buffer.from(bytes, 'latin1').toString('utf8');
}

const notSent: Answer = { kind: 'refused', text: 'JSON cannot say it' };
