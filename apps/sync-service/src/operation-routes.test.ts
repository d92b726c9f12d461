import { request } from 'node:http';
import { Logger, Secret, type Replay } from '@oms-sync/core';
import { FakeClock } from '@oms-sync/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpServer } from './http-server.ts';
import { Metrics } from './metrics.ts';
import { addOperationRoutes } from './operation-routes.ts';
import type { Source } from './source.ts';

const token = 'a-token-of-operations';
let server: HttpServer | undefined;
afterEach(() => server?.stop());

/** A service that only says what was asked of it. */
async function start(options: { token?: string; replay?: Replay; source?: Source['state'] } = {}) {
  const clock = new FakeClock();
  const calls: string[] = [];
  const lines: string[] = [];
  const metrics = new Metrics({ isDefault: false });
  const source = {
    name: 'embedded',
    state: options.source ?? { status: 'running', place: 'queue' },
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    close: () => Promise.resolve(),
  } satisfies Source;
  const service = {
    dispatcher: {
      held: 0,
      oldestHeldSince: undefined,
      lastSettledAt: undefined,
      isPaused: false,
    },
    sources: [source],
    metrics,
    startedAt: clock.now(),
    pause: () => calls.push('pause'),
    resume: () => calls.push('resume'),
    replay: () => {
      calls.push('replay');
      return Promise.resolve(options.replay);
    },
  };
  server = new HttpServer({
    settings: { listen: '127.0.0.1:0', tls_cert_file: undefined, tls_key_file: undefined },
    logger: new Logger('debug', (_level, line) => lines.push(line)),
    clock,
    onRefused: (from, reason) => metrics.refused(from, reason),
  });
  addOperationRoutes(server, {
    service,
    clock,
    token: options.token === undefined ? undefined : new Secret(options.token),
  });
  await server.start();
  const { address } = server;
  const send = (method: string, path: string, headers: Readonly<Record<string, string>> = {}) =>
    new Promise<{ status: number | undefined; body: string }>((resolve, reject) => {
      // Not fetch, which sets the host by itself.
      const sent = request(new URL(path, address), { method, headers }, (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk) => (body += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode, body }));
      });
      sent.on('error', reject).end();
    });
  return { send, calls, lines };
}

const control = { 'x-oms-sync': '1' };

describe('probes', () => {
  it('answer whoever asks', async () => {
    const { send } = await start({ token });
    expect(await send('GET', '/healthz')).toEqual({ status: 200, body: '{"status":"alive"}' });
    expect((await send('GET', '/readyz')).status).toBe(200);
  });

  it('say what is in the way', async () => {
    const { send } = await start({ source: { status: 'failed', detail: 'disk full', place: 'queue' } });
    expect((await send('GET', '/healthz')).status).toBe(200);
    const { status, body } = await send('GET', '/readyz');
    expect([status, JSON.parse(body)]).toEqual([
      503,
      { status: 'not ready', hindrances: ['embedded is failed: disk full'] },
    ]);
  });
});

describe('everything else, with a token', () => {
  it.each([
    ['GET', '/metrics'],
    ['POST', '/api/pause'],
    ['POST', '/api/resume'],
    ['POST', '/api/replay'],
  ])('%s %s lets nobody in without it', async (method, path) => {
    const { send, calls, lines } = await start({ token });
    for (const headers of [{}, { authorization: 'Bearer another-token-of-operations' }]) {
      expect((await send(method, path, { ...control, ...headers })).status).toBe(401);
    }
    expect((await send(method, `${path}?token=${token}`, control)).status).toBe(401);
    expect(calls).toEqual([]);
    expect(lines.join('\n')).not.toContain(token);
  });

  it('lets in whoever has it, and shows the metrics', async () => {
    const { send } = await start({ token });
    const { status, body } = await send('GET', '/metrics', { authorization: `Bearer ${token}` });
    expect(status).toBe(200);
    expect(body).toContain('oms_sync_records_received_total');
  });
});

describe('everything else, without a token', () => {
  it('is for this machine, by a name of this machine', async () => {
    const { send } = await start();
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:80']) {
      expect((await send('GET', '/metrics', { host })).status).toBe(200);
    }
    for (const host of ['attacker.example', '127.0.0.1.attacker.example', 'localhost.attacker.example:80']) {
      expect((await send('GET', '/metrics', { host })).status).toBe(401);
    }
  });
});

describe('controls', () => {
  it('need a header that a page of another site cannot send', async () => {
    const { send, calls } = await start();
    expect((await send('POST', '/api/pause')).status).toBe(401);
    expect(calls).toEqual([]);
  });

  it('pause, resume and replay', async () => {
    const report = { received: 3, requested: 2, unrequested: 1, filtered: 0, merged: 0, returned: 0 };
    const replay = {
      report,
      parked: 0,
      leftKeys: 4,
      isComplete: true,
      ofOtherTasks: 0,
      inHand: 0,
      codes: new Map(),
      problem: undefined,
    };
    const { send, calls } = await start({ replay });
    expect((await send('POST', '/api/pause', control)).body).toBe('{"status":"paused"}');
    expect((await send('POST', '/api/resume', control)).body).toBe('{"status":"running"}');
    const { status, body } = await send('POST', '/api/replay', control);
    expect([status, JSON.parse(body)]).toEqual([200, { report, parked: 0, left_keys: 4 }]);
    expect(calls).toEqual(['pause', 'resume', 'replay']);
  });

  it('say why there is no replay', async () => {
    const { send } = await start();
    expect((await send('POST', '/api/replay', control)).status).toBe(409);
  });
});
