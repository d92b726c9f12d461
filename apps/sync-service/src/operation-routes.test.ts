import { request } from 'node:http';
import { Logger, RateLimit, Secret } from '@oms-sync/core';
import { FakeClock } from '@oms-sync/testing';
import { afterEach, describe, expect, it } from 'vitest';
import { Timeline } from './dashboard/timeline.ts';
import { HttpServer } from './http-server.ts';
import { Metrics } from './metrics.ts';
import { addOperationRoutes } from './operation-routes.ts';
import type { Source, SourceState } from './source.ts';

const token = 'a-token-of-the-operations-test';
const minuteMs = 60_000;
let server: HttpServer;
afterEach(() => server.stop());

/** The routes before a service that does what it is told, and counts it. */
async function start({ tokens }: { tokens?: readonly Secret[] } = {}) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const logger = new Logger('info', (_level, line) => lines.push(line));
  server = new HttpServer({
    settings: { listen: '127.0.0.1:0', tls_cert_file: undefined, tls_key_file: undefined },
    logger,
    clock,
  });
  const dispatcher = {
    held: 0,
    oldestHeldSince: undefined as number | undefined,
    isPaused: false,
    isResting: false,
    problem: undefined,
    pause: () => void (dispatcher.isPaused = true),
    resume: () => void (dispatcher.isPaused = false),
  };
  const queue = { status: 'running', place: '/secret/place' } as {
    -readonly [Key in keyof SourceState]: SourceState[Key];
  };
  const source = { name: 'queue', state: queue } as Source;
  const oms = { createSyncEvents: () => Promise.resolve() };
  const service = {
    dispatcher: dispatcher as never,
    metrics: new Metrics({ isDefault: false }),
    sources: [source],
    rateLimit: new RateLimit(oms, 50, clock),
    isReplaying: false,
    lastReplay: undefined,
    replays: 0,
    replay: () => Promise.resolve(void service.replays++),
  };
  const backlog = () => ({ count: 0, oldestSince: undefined });
  const timeline = new Timeline({ ...service.metrics.history.totals, time: clock.now(), lagSeconds: 0 });
  addOperationRoutes(server, { service, backlog, timeline, tokens, clock, logger });
  await server.start();
  const ask = (path: string, headers: Record<string, string> = {}, body?: unknown) => {
    const method = body === undefined ? 'GET' : 'POST';
    return new Promise<{ status: number; text: string }>((resolve, reject) => {
      const all = { host: 'localhost:8080', 'content-type': 'application/json', ...headers };
      const sent = request(new URL(path, server.address), { method, headers: all }, (response) => {
        let text = '';
        response.on('data', (chunk) => (text += String(chunk)));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      sent
        .on('error', reject)
        .end(body === undefined || typeof body === 'string' ? body : JSON.stringify(body));
    });
  };
  return { ask, clock, dispatcher, queue, service, lines };
}

const intent = { 'x-oms-sync': '1' };

describe('readiness', () => {
  it('is lost when something waits and nothing is settled for five minutes, and comes back', async () => {
    const { ask, clock, dispatcher, service } = await start();
    await clock.sleep(60 * minuteMs);
    expect((await ask('/readyz')).status).toBe(200); // Nothing waits.
    dispatcher.oldestHeldSince = clock.now();
    await clock.sleep(5 * minuteMs);
    expect((await ask('/readyz')).status).toBe(200);
    await clock.sleep(1);
    const answer = await ask('/readyz');
    expect(answer.status).toBe(503);
    expect(answer.text).toContain('nothing was settled for 5 minutes');
    expect((await ask('/healthz')).status).toBe(200);
    dispatcher.pause();
    expect((await ask('/readyz')).status).toBe(200);
    dispatcher.resume();
    service.metrics.history.lastSettledAt = clock.now();
    expect((await ask('/readyz')).status).toBe(200);
  });

  it('is lost while a source is down, or cannot write, and does not say where it is', async () => {
    const { ask, queue } = await start();
    queue.status = 'failed';
    expect(await ask('/readyz')).toMatchObject({ status: 503 });
    queue.status = 'running';
    queue.detail = 'no space on /secret/place';
    const { status, text } = await ask('/readyz');
    expect(status).toBe(503);
    expect(text).toContain('source queue: troubled');
    expect(text).not.toContain('/secret/place');
  });
});

describe('access', () => {
  it('without a token is for this machine by its own name only', async () => {
    const { ask } = await start();
    for (const host of ['localhost:8080', '127.0.0.1', '[::1]:1']) {
      expect((await ask('/status', { host })).status).toBe(200);
    }
    for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example:8080']) {
      expect((await ask('/metrics', { host })).status).toBe(401);
    }
    expect((await ask('/status', { 'x-forwarded-for': '203.0.113.1' })).status).toBe(401);
  });

  it('with a token needs it in a header, for all but the probes', async () => {
    const { ask, lines } = await start({ tokens: [new Secret(token)] });
    for (const path of ['/status', '/metrics', `/status?token=${token}`]) {
      expect((await ask(path)).status).toBe(401);
    }
    expect((await ask('/status', { authorization: `Bearer ${token}x` })).status).toBe(401);
    expect((await ask('/pause', intent, {})).status).toBe(401);
    expect((await ask('/healthz')).status).toBe(200);
    expect((await ask('/readyz')).status).toBe(200);
    const known = { authorization: `Bearer ${token}`, host: 'sync.example.com' };
    expect((await ask('/status', known)).status).toBe(200);
    expect((await ask('/pause', known, {})).status).toBe(200);
    expect(lines.join('')).not.toContain(token);
  });

  it.each(['/pause', '/resume', '/rate', '/replay'])('to %s is not for pages of others', async (path) => {
    const { ask, dispatcher, service } = await start();
    const answer = await ask(path, { origin: 'http://localhost:3000' }, { rate_limit: 1 });
    expect(answer.status).toBe(401);
    expect([dispatcher.isPaused, service.rateLimit.namesPerSecond, service.replays]).toEqual([false, 50, 0]);
  });
});

describe('the controls', () => {
  it('pause, resume, change the rate and replay', async () => {
    const { ask, dispatcher, service } = await start();
    expect((await ask('/pause', intent, {})).status).toBe(200);
    expect(dispatcher.isPaused).toBe(true);
    expect((await ask('/replay', intent, {})).status).toBe(409);
    expect((await ask('/resume', intent, {})).status).toBe(200);
    expect((await ask('/replay', intent, {})).status).toBe(202);
    expect(service.replays).toBe(1);
    expect((await ask('/rate', intent, { rate_limit: 7 })).status).toBe(200);
    expect(service.rateLimit.namesPerSecond).toBe(7);
    expect((await ask('/rate', intent, { rate_limit: null })).status).toBe(200);
    expect(service.rateLimit.namesPerSecond).toBeUndefined();
  });

  it.each([0, -1, 1.5, '7', undefined, 1e9])('refuse the rate %s', async (rate) => {
    const { ask, service } = await start();
    expect((await ask('/rate', intent, { rate_limit: rate })).status).toBe(422);
    expect(service.rateLimit.namesPerSecond).toBe(50);
  });
});

it.each(['{', '', '{"__proto__": 1}'])(
  'a body that is no JSON (%s) is no fault of the service',
  async (body) => {
    const { ask } = await start();
    for (const path of ['/rate', '/nowhere']) {
      expect([404, 422]).toContain((await ask(path, intent, body)).status);
    }
  },
);

describe('the status', () => {
  it('has the last failures, the newest first, in bounded memory', async () => {
    const { ask, service } = await start();
    for (let index = 0; index < 250; index++) {
      service.metrics.unrequested('smn', `<b>${index}`, { class: 'refused', code: 'X', message: 'no' });
    }
    const { failures } = JSON.parse((await ask('/status')).text) as { failures: { name: string }[] };
    expect(failures).toHaveLength(100);
    expect(failures[0]?.name).toBe('<b>249');
  });
});
