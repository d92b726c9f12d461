import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { refusalAnswer, Refusal, type Answer } from './answers.ts';
import { controlPath, serveControls, type Controls } from './control-routes.ts';
import { actAfter, actBefore } from './fault-effects.ts';
import type { Faults } from './faults.ts';
import { bodyReader, namesIn } from './requests.ts';
import { findRoute, isEventsRoute, noSuchApi, type Route, type Service } from './routes.ts';
import { findSignatureFault, type Keys } from './signature.ts';

export interface ApiServerOptions {
  readonly keys: Keys;
  readonly projectId: string;
  readonly service: Service;
  readonly faults: Faults;
  readonly log: (line: string) => void;
}

/** The API over HTTP: gateway checks, faults, answers. */
export class ApiServer implements Controls {
  readonly #options: ApiServerOptions;
  readonly #closing = new AbortController();
  readonly http: Server;
  #requestCount = 0;

  constructor(options: ApiServerOptions) {
    this.#options = options;
    setMaxListeners(0, this.#closing.signal); // Each request that waits has one.
    this.http = createServer((request, response) => {
      // Its clock is one: clients see how far theirs is from it.
      response.setHeader('Date', new Date(options.service.clock()).toUTCString());
      void this.#handle(request, response);
    });
  }

  get faults(): Faults {
    return this.#options.faults;
  }

  get received(): Service['received'] {
    return this.#options.service.received;
  }

  get requestCount(): number {
    return this.#requestCount;
  }

  /** Closes all connections, also those that a black hole holds open. */
  async close(): Promise<void> {
    this.#closing.abort();
    await new Promise<void>((resolve) => {
      this.http.close(() => resolve());
      this.http.closeAllConnections();
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const isControl = url.startsWith(controlPath);
    let note: string | undefined;
    try {
      note = await (isControl ? this.#serveControls(request, response) : this.#serveApi(request, response));
    } catch (error) {
      note = this.#handleError(error, response);
    }
    // The query stays out of the log: nobody knows what a client puts there.
    if (!isControl) this.#options.log(`${method} ${url.split('?', 1)[0]} ${note}`);
  }

  async #serveControls(request: IncomingMessage, response: ServerResponse): Promise<string> {
    const { method = '', url = '' } = request;
    return send(response, serveControls(method, url, await bodyReader(request)(), this));
  }

  /** Returns what happened, for the log. */
  async #serveApi(request: IncomingMessage, response: ServerResponse): Promise<string> {
    this.#requestCount += 1;
    const { method = '', url = '' } = request;
    const route = findRoute(method, url);
    const readBody = bodyReader(request);
    const fault = await this.faults.choose(isEventsRoute(route), async () => namesIn(await readBody()));
    if (fault !== undefined) {
      const did = await actBefore(fault, { response, readBody, closing: this.#closing.signal });
      if (did === 'gone') return `not answered (fault ${fault.kind})`;
      if (did !== 'serve') return `${send(response, did)} (fault ${fault.kind})`;
    }
    const answer = await this.#answer(request, route, readBody);
    if (fault === undefined) return send(response, answer);
    const wentWrong = answer.status === 200 && actAfter(fault, response);
    return `${wentWrong ? describe(answer) : send(response, answer)} (fault ${fault.kind})`;
  }

  /** What the gateway checks, in its order, and then the call itself. */
  async #answer(
    request: IncomingMessage,
    route: Route | undefined,
    readBody: () => Promise<Buffer>,
  ): Promise<Answer> {
    const { keys, projectId, service } = this.#options;
    try {
      const body = await readBody();
      if (route === undefined) throw noSuchApi();
      const { method = '', url = '', headers } = request;
      const reason = findSignatureFault({ method, url, headers, body }, keys, service.clock());
      if (reason !== undefined) {
        throw new Refusal(401, 'APIG.0301', `Incorrect IAM authentication information: ${reason}`);
      }
      if (route.projectId !== projectId) {
        throw new Refusal(403, 'APIG.0304', 'These keys have no access to this project');
      }
      return route.serve({ taskId: route.taskId, query: route.query, body }, service);
    } catch (error) {
      if (error instanceof Refusal) return refusalAnswer(error);
      throw error;
    }
  }

  #handleError(error: unknown, response: ServerResponse): string {
    if (error instanceof Refusal) return send(response, refusalAnswer(error));
    if (response.socket === null || response.socket.destroyed) return 'not answered (the client left)';
    if (response.headersSent) response.destroy();
    else send(response, refusalAnswer(new Refusal(500, 'OMS.1001', 'The stand-in failed')));
    return `failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

/** Sends an answer and returns it in words. */
function send(response: ServerResponse, answer: Answer): string {
  const length = Buffer.byteLength(answer.body);
  response.writeHead(answer.status, { ...answer.headers, 'Content-Length': length }).end(answer.body);
  return describe(answer);
}

function describe({ status, note }: Answer): string {
  return note === undefined ? String(status) : `${status} ${note}`;
}
