import { Logger, systemClock, type Clock, type LogSink } from '@oms-sync/core';
import type { Inbox, Notification } from '../inbox.ts';
import { HttpServer, type HttpServerOptions } from '../http-server.ts';
import { addNotificationRoutes } from '../notification-routes.ts';
import type { HttpsGet } from './https-get.ts';
import { openReceivers, type ReceiverOptions, type ReceiverValues } from './open-receivers.ts';
import { Refusal } from './receiver.ts';

/** Keeps notifications in memory, as long as a test lets it. */
export class MemoryInbox implements Inbox {
  readonly kept: Notification[] = [];
  /** What it does with each notification before it keeps it. */
  before: () => Promise<void> = () => Promise.resolve();
  readonly #ids = new Set<string>();

  async add(notification: Notification): Promise<'kept' | 'repeated'> {
    await this.before();
    const { source, messageId } = notification;
    const id = `${source} ${messageId}`;
    if (messageId !== undefined && this.#ids.has(id)) return 'repeated';
    this.#ids.add(id);
    this.kept.push(notification);
    return 'kept';
  }

  /** Names, or in brackets what the records are instead. */
  get names(): readonly string[] {
    return this.kept
      .flatMap(({ records }) => records)
      .map((record) => (record.kind === 'created' ? record.name : `(${record.kind})`));
  }
}

/** Texts at addresses of the internet. */
export class FakeInternet {
  readonly pages = new Map<string, string>();
  /** Each address that was asked for. */
  readonly asked: string[] = [];

  readonly get: HttpsGet = (url) => {
    this.asked.push(url.href);
    const page = this.pages.get(url.href);
    return page === undefined
      ? Promise.reject(new Refusal('unavailable', `${url.hostname} cannot be reached`))
      : Promise.resolve(page);
  };
}

/** No receiver at all: what a test adds its own to. */
export const noReceivers: ReceiverValues = {
  smn_topics: undefined,
  smn_domain: 'myhuaweicloud.com',
  huawei_event_grid_token: undefined,
  sns_topics: undefined,
  event_grid_key: undefined,
  pubsub_audience: undefined,
  pubsub_service_account: undefined,
  webhook_token: undefined,
};

export interface BenchOptions {
  readonly values: Partial<ReceiverValues>;
  readonly clock?: Clock;
  readonly googleKeysUrl?: URL;
  readonly eventgridKeyEncoding?: ReceiverOptions['eventgridKeyEncoding'];
  readonly requestsPerSecond?: number;
  readonly settings?: Partial<HttpServerOptions['settings']>;
}

/** A service that takes notifications, with all that it counts. */
export interface Bench {
  readonly server: HttpServer;
  readonly inbox: MemoryInbox;
  readonly internet: FakeInternet;
  /** `source: reason` of each refusal, and `source: repeated`. */
  readonly events: string[];
  /** Each line of the log. */
  readonly lines: string[];
  /** Sends a request to a receiver. A body that is no text and no bytes is sent as JSON. */
  readonly send: (
    path: string,
    body: unknown,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<Response>;
}

export async function startBench(options: BenchOptions): Promise<Bench> {
  const { values, clock = systemClock, eventgridKeyEncoding = 'form', requestsPerSecond = 100_000 } = options;
  const inbox = new MemoryInbox();
  const internet = new FakeInternet();
  const events: string[] = [];
  const lines: string[] = [];
  const log: LogSink = (_level, line) => lines.push(line);
  const logger = new Logger('debug', log);
  const server = new HttpServer({
    settings: {
      listen: '127.0.0.1:0',
      tls_cert_file: undefined,
      tls_key_file: undefined,
      ...options.settings,
    },
    logger,
    clock,
    onRefused: (source, reason) => events.push(`${source}: ${reason}`),
  });
  const { googleKeysUrl } = options;
  const receivers = openReceivers(
    { ...noReceivers, ...values },
    { clock, eventgridKeyEncoding, get: internet.get, ...(googleKeysUrl && { googleKeysUrl }) },
  );
  addNotificationRoutes(server, {
    logger,
    receivers,
    inbox,
    clock,
    requestsPerSecond,
    onRepeated: (source) => events.push(`${source}: repeated`),
  });
  await server.start();
  return {
    server,
    inbox,
    internet,
    events,
    lines,
    send: (path, body, headers = {}) =>
      fetch(new URL(`/notifications/${path}`, server.address), {
        method: 'POST',
        headers,
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      }),
  };
}
