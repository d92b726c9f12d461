import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { makeRandom } from '@oms-sync/testing';
import { ArmedFaults, type Direction, type NetworkFault } from './faults.ts';
import { applyFault, type Bytes, type Link } from './streams.ts';

export interface FaultProxyOptions {
  /** Where the connections lead: host and port of this address. */
  readonly target: string | URL;
  /** Of the chance in shares and jitter (default 1). */
  readonly seed?: number;
}

/** A proxy that listens on the loopback address. */
export interface FaultProxy {
  /** The same address, by way of the proxy. */
  through(address: string | URL): URL;
  /** Puts these faults in place of all before. What is connected is cut off, so that all is new. */
  set(faults: readonly NetworkFault[]): void;
  /** Connections so far. */
  readonly connectionCount: number;
  /** Connections now. */
  readonly openCount: number;
  close(): Promise<void>;
}

/** Starts a proxy in this process. Without faults it only passes on. */
export async function startFaultProxy({ target, seed = 1 }: FaultProxyOptions): Promise<FaultProxy> {
  const { hostname, port: targetPort } = new URL(target);
  const random = makeRandom(seed);
  const faults = new ArmedFaults(random);
  const open = new Set<Connection>();
  let connectionCount = 0;

  // Half-open: a client may close its direction and still get the answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    connectionCount++;
    const taken = faults.take(open.size);
    if (taken.some(({ kind }) => kind === 'connection-limit')) return void client.resetAndDestroy();
    const upstream = connect({
      host: hostname,
      port: Number(targetPort),
      allowHalfOpen: true,
      noDelay: true,
    });
    const connection = new Connection(client, upstream, random);
    open.add(connection);
    void connection.run(taken).finally(() => open.delete(connection));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const cutAll = () => {
    for (const connection of open) connection.reset();
  };

  return {
    through(address) {
      const changed = new URL(address);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed;
    },
    set(next) {
      cutAll();
      faults.set(next);
    },
    get connectionCount() {
      return connectionCount;
    },
    get openCount() {
      return open.size;
    },
    async close() {
      const closed = once(server, 'close');
      server.close();
      cutAll();
      await closed;
    },
  };
}

/** A client, the server that it wants, and the faults between them. */
class Connection implements Link {
  readonly random: () => number;
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #gone = new AbortController();

  constructor(client: Socket, server: Socket, random: () => number) {
    this.#client = client;
    this.#server = server;
    this.random = random;
    // What the one side does, the other sees; what is still under way then has nobody left to get it.
    client.on('error', () => this.reset());
    server.on('error', () => this.reset());
  }

  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /** Resolves when the connection is gone. */
  async run(faults: readonly NetworkFault[]): Promise<void> {
    const closed = Promise.all([closedSocket(this.#client), closedSocket(this.#server)]);
    void this.#pass('up', this.#client, this.#server, faults);
    void this.#pass('down', this.#server, this.#client, faults);
    await closed;
    this.#gone.abort();
  }

  reset(): void {
    this.#gone.abort();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  close(): void {
    this.#gone.abort();
    this.#client.destroySoon();
    this.#server.destroySoon();
  }

  async #pass(
    direction: Direction,
    from: Socket,
    to: Socket,
    faults: readonly NetworkFault[],
  ): Promise<void> {
    // The end of one direction must not destroy the socket, which is the other direction too.
    const source: AsyncIterable<Buffer> = from.iterator({ destroyOnReturn: false });
    const bytes = faults.reduce<Bytes>(
      (passing, fault) => applyFault(fault, direction, passing, this),
      source,
    );
    try {
      if (to.connecting) await once(to, 'connect', { signal: this.signal }); // A reset would drop what waits for it.
      for await (const piece of bytes) {
        if (piece.length > 0 && !to.write(piece)) await once(to, 'drain', { signal: this.signal });
      }
      to.end();
    } catch {
      this.reset(); // The connection broke, or was cut, on the way: it is gone for both.
    }
  }
}

function closedSocket(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => resolve());
  });
}
