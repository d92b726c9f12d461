import { once } from 'node:events';
import { Agent, createServer, request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect, createServer as createTcpServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { NetworkFault } from './faults.ts';
import { startFaultProxy } from './proxy.ts';

const body = 'x'.repeat(1000);

/** An HTTP server that answers with the body that it got, behind a proxy with faults. */
async function serveEcho(faults: readonly NetworkFault[] = [], seed = 1) {
  /** Of each request: how many bytes of the body had come when it ended. */
  const received: { bytes: number; complete: boolean }[] = [];
  const heads = { count: 0 };
  const server = createServer((incoming, response) => {
    heads.count++;
    const seen = { bytes: 0, complete: false };
    received.push(seen);
    incoming.on('data', (piece: Buffer) => (seen.bytes += piece.length));
    incoming.on('end', () => {
      seen.complete = true;
      response.end('y'.repeat(seen.bytes));
    });
    incoming.on('error', () => undefined); // The reset that the test is about.
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const target = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const proxy = await startFaultProxy({ target, seed });
  proxy.set(faults);
  const agent = new Agent({ keepAlive: true });
  onTestFinished(async () => {
    agent.destroy();
    await proxy.close();
    server.closeAllConnections();
    server.close();
  });
  const post = async (): Promise<string> => {
    const outgoing = request(proxy.through(target), {
      method: 'POST',
      agent,
      headers: { 'content-length': body.length },
    });
    outgoing.end(body);
    const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
    return text(incoming);
  };
  return { proxy, post, received, heads, agent };
}

const timed = async (act: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
};

describe('the proxy', () => {
  it('passes on, and keeps connections', async () => {
    const { post, proxy } = await serveEcho();
    for (let count = 0; count < 3; count++) expect(await post()).toBe('y'.repeat(1000));
    expect(proxy.connectionCount).toBe(1);
  });

  it('lets a client end its direction and still get the answer', async () => {
    const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
      socket.resume().on('end', () => socket.end('bye'));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = await startFaultProxy({
      target: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    });
    onTestFinished(async () => {
      await proxy.close();
      server.close();
    });
    const { port } = proxy.through('http://127.0.0.1');
    expect(await text(connect({ port: Number(port), allowHalfOpen: true }).end('hello'))).toBe('bye');
  });

  it('resets its client when nobody listens behind it', async () => {
    const proxy = await startFaultProxy({ target: 'http://127.0.0.1:9' });
    onTestFinished(() => proxy.close());
    const outgoing = request(proxy.through('http://127.0.0.1:9/')).end();
    await expect(once(outgoing, 'response')).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('cuts what is connected when the faults change', async () => {
    const { post, proxy } = await serveEcho();
    await post();
    proxy.set([{ kind: 'slicer', bytes: 7 }]);
    await expect.poll(() => proxy.openCount).toBe(0);
    expect(await post()).toBe('y'.repeat(1000));
    expect(proxy.connectionCount).toBe(2);
  });
});

describe('a fault', () => {
  it('latency: each way is late, by chance of the seed', async () => {
    const { post } = await serveEcho([{ kind: 'latency', ms: 30, jitterMs: 20 }]);
    expect(await timed(post)).toBeGreaterThan(58); // Timers may fire a millisecond early.
  });

  it('bandwidth: so many bytes a second', async () => {
    const { post } = await serveEcho([{ kind: 'bandwidth', bytesPerSecond: 20_000 }]);
    expect(await timed(post)).toBeGreaterThan(90);
  });

  it('slicer: nothing is lost in many pieces', async () => {
    const { post } = await serveEcho([{ kind: 'slicer', bytes: 3 }]);
    expect(await post()).toBe('y'.repeat(1000));
  });

  it('black hole: the server gets nothing, the client neither', async () => {
    const { post, heads, agent, proxy } = await serveEcho([{ kind: 'black-hole' }]);
    const answer = post();
    await expect.poll(() => proxy.openCount).toBe(1);
    agent.destroy();
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(heads.count).toBe(0);
  });

  it('black hole on the way back: the server has it all, the answer stops in the middle', async () => {
    const hole = { kind: 'black-hole', direction: 'down', bytes: 300 } as const;
    const { post, received, agent } = await serveEcho([hole]);
    const answer = post();
    await expect.poll(() => received).toMatchObject([{ bytes: 1000, complete: true }]);
    agent.destroy();
    await expect(answer).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it.each([
    ['before-body', { bytes: 0, complete: false }],
    ['during-body', { bytes: 500, complete: false }],
    ['after-body', { bytes: 1000, complete: true }],
    ['during-answer', { bytes: 1000, complete: true }],
  ] as const)('reset %s: the server has %j', async (when, seen) => {
    const { post, received } = await serveEcho([{ kind: 'reset', when, times: 1 }]);
    await expect(post()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect.poll(() => received).toEqual([seen]);
    expect(await post()).toBe('y'.repeat(1000));
  });

  it('data limit: the answer ends in the middle', async () => {
    const { post } = await serveEcho([{ kind: 'data-limit', direction: 'down', bytes: 300, times: 1 }]);
    await expect(post()).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await post()).toBe('y'.repeat(1000));
  });

  it('data limit: the request ends in the middle', async () => {
    const { post, received } = await serveEcho([{ kind: 'data-limit', direction: 'up', bytes: 300 }]);
    await expect(post()).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect.poll(() => received).toMatchObject([{ complete: false }]);
  });

  it('slow close: the end is late, the answer is not', async () => {
    const { post, agent, proxy } = await serveEcho([{ kind: 'slow-close', ms: 50 }]);
    await post();
    agent.destroy();
    const isClosed = async () => {
      await expect.poll(() => proxy.openCount, { interval: 5 }).toBe(0);
    };
    expect(await timed(isClosed)).toBeGreaterThan(45);
  });

  it('connection limit: whoever is too much is reset, until another has left', async () => {
    const { post, agent } = await serveEcho([{ kind: 'connection-limit', most: 1 }]);
    const answers = await Promise.allSettled([post(), post()]);
    expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    agent.destroy();
    await expect.poll(post).toBe('y'.repeat(1000));
  });

  it('befalls a share of the connections, the same ones for the same seed', async () => {
    const outcomes = async (seed: number) => {
      const { post } = await serveEcho([{ kind: 'reset', when: 'before-body', share: 0.5 }], seed);
      const statuses: string[] = [];
      for (let count = 0; count < 20; count++) {
        statuses.push(
          await post().then(
            () => 'answered',
            () => 'reset',
          ),
        );
      }
      return statuses.join(' ');
    };
    const first = await outcomes(7);
    expect(first).toContain('reset');
    expect(await outcomes(7)).toBe(first);
    expect(await outcomes(8)).not.toBe(first);
  });
});
