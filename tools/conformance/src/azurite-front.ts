import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Faults, type FaultOperation } from '@oms-sync/obs-standin';

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
      case 'truncated':
        incoming.socket.resetAndDestroy();
        return;
      case 'answer':
        incoming.resume();
        response
          .writeHead(fault.status, { 'x-ms-error-code': fault.code, 'content-type': 'application/xml' })
          .end(`<?xml version="1.0" encoding="utf-8"?><Error><Code>${fault.code}</Code></Error>`);
        return;
      case 'slow':
        await setTimeout(fault.delayMs);
        break;
      case undefined:
    }
    const { method, url, headers } = incoming;
    const forwarded = request(new URL(url ?? '/', this.#azurite), { method, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    incoming.pipe(forwarded);
  }
}
