import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import { Faults, type Fault, type FaultOperation } from '@oms-sync/obs-standin';

const operations: Readonly<Record<string, FaultOperation>> = {
  PUT: 'put',
  GET: 'get',
  HEAD: 'head',
  DELETE: 'delete',
};

/** Stands in front of Azurite, which has no faults to switch on, and hands on what no fault hits. */
export class AzuriteFront {
  readonly faults = new Faults();
  requestCount = 0;
  readonly #server: Server;
  readonly #azurite: URL;
  readonly #closing = new AbortController();

  private constructor(azurite: URL) {
    this.#azurite = azurite;
    this.#server = createServer((incoming, response) => void this.#handle(incoming, response));
  }

  static async start(azurite: URL): Promise<AzuriteFront> {
    const front = new AzuriteFront(azurite);
    front.#server.listen(0, '127.0.0.1');
    await once(front.#server, 'listening');
    return front;
  }

  get url(): URL {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it listens on a port
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requestCount++;
    const operation = operations[incoming.method ?? ''] ?? 'list';
    const fault = this.faults.take(operation, incoming.url ?? '');
    switch (fault?.kind) {
      case 'black-hole':
        incoming.resume();
        return;
      case 'reset':
        incoming.socket.resetAndDestroy();
        return;
      case 'answer':
        incoming.resume();
        refuse(fault, response);
        return;
      case 'slow':
        // Until the front closes: nobody is there to answer then.
        if (!(await waited(fault.delayMs, this.#closing.signal))) return;
        break;
      case 'truncated':
      case undefined:
    }
    const { method, url, headers } = incoming;
    // A connection each: Azurite may end an idle one just when it is used again.
    const options = { method, headers, agent: false };
    const forwarded = request(new URL(url ?? '/', this.#azurite), options, (answer) => {
      if (fault?.kind === 'truncated') return void cutOff(answer, response);
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    incoming.pipe(forwarded);
  }
}

function refuse(
  { status, code, retryAfter, page }: Extract<Fault, { kind: 'answer' }>,
  response: ServerResponse,
): void {
  if (page !== undefined) return void response.writeHead(status, { 'content-type': 'text/html' }).end(page);
  const headers = {
    'x-ms-error-code': code,
    'content-type': 'application/xml',
    ...(retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }),
  };
  response
    .writeHead(status, headers)
    .end(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${code}</Code></Error>`);
}

/** Sends the head and half of the body, or half of the head, and hangs up. */
async function cutOff(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const bytes = await buffer(answer);
  const { socket } = response;
  if (bytes.length === 0) return void socket?.end(`HTTP/1.1 ${answer.statusCode} OK\r\nX-Ms-`);
  const headers = { ...answer.headers, 'content-length': String(bytes.length) };
  response
    .writeHead(answer.statusCode ?? 502, headers)
    .write(bytes.subarray(0, bytes.length / 2), () => socket?.end());
}

async function waited(ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await setTimeout(ms, undefined, { signal });
    return true;
  } catch (error) {
    if (signal.aborted) return false;
    throw error;
  }
}
