// The process that a function runs in. Started by the host with the variables that FunctionGraph sets (RUNTIME_…).
import { createRequire } from 'node:module';
import path from 'node:path';
import { makeContext } from './functiongraph-context.ts';
import type { FunctionGraphAnswer, FunctionGraphRequest } from './functiongraph.ts';
import type { InvocationResult } from './invocation.ts';
import { LastLines } from './process.ts';

type Handler = (event: unknown, context: object) => unknown;

/** Longest result of a synchronous invocation, in bytes. */
const maxResultBytes = Number(process.env['RUNTIME_MAX_RESP_BODY_SIZE'] ?? 6_291_456);

const codeRoot = process.env['RUNTIME_CODE_ROOT'] ?? '/opt/function/code';
const [file = 'index', name = 'handler'] = (process.env['RUNTIME_HANDLER'] ?? 'index.handler').split(
  /\.(?=[^.]*$)/,
);
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- anybody's code; what is called is checked
const code = createRequire(`${codeRoot}/`)(path.join(codeRoot, file)) as Record<string, Handler | undefined>;

process.on('message', (message: FunctionGraphRequest) => {
  void answer(message);
});

async function answer(message: FunctionGraphRequest): Promise<void> {
  // Its time runs from now on, here and in the host: the start of the process and the loading of the code are over.
  process.send?.({ requestId: message.requestId, kind: 'started' } satisfies FunctionGraphAnswer);
  const result = await invoke(message);
  console.log(LastLines.format(message.requestId));
  process.send?.({ requestId: message.requestId, kind: 'ended', result } satisfies FunctionGraphAnswer);
}

async function invoke({ requestId, event }: FunctionGraphRequest): Promise<InvocationResult> {
  try {
    const handler = code[name];
    if (typeof handler !== 'function') throw new TypeError(`the handler ${file}.${name} is no function`);
    const value = await handler(event, makeContext(requestId, process.env));
    const text = JSON.stringify(value) ?? 'null';
    if (Buffer.byteLength(text) > maxResultBytes) throw new RangeError('the result is larger than 6 MB');
    return { ok: true, value: JSON.parse(text) as unknown };
  } catch (error) {
    return error instanceof Error
      ? { ok: false, errorType: error.name, errorMessage: error.message }
      : { ok: false, errorType: 'Error', errorMessage: String(error) };
  }
}
