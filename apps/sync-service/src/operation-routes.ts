import { isLoopback, type Clock, type Secret } from '@oms-sync/core';
import type { FastifyRequest } from 'fastify';
import type { HttpServer, Routes } from './http-server.ts';
import { findHindrances, type Progress } from './readiness.ts';
import { getHeader, Refusal, type RequestHead } from './receivers/receiver.ts';
import { checkToken } from './receivers/token.ts';
import type { Service } from './service.ts';

export interface OperationRoutesOptions {
  readonly service: Pick<Service, 'metrics' | 'startedAt' | 'pause' | 'resume' | 'replay'> &
    Pick<Progress, 'dispatcher' | 'sources'>;
  readonly clock: Clock;
  /** What everything but the two probes asks for; without one, only this machine is let in. */
  readonly token: Secret | undefined;
}

/** A browser sends it to its own site only, unless that allows more: so no other page can make it change something. */
const controlHeader = 'x-oms-sync';

/**
 * Adds what those need who run the service: `/healthz` (it is alive), `/readyz` (it gets on), `/metrics` for Prometheus,
 * and what changes something: `POST /api/pause`, `/api/resume` and `/api/replay`.
 */
export function addOperationRoutes(server: HttpServer, options: OperationRoutesOptions): void {
  const { service, clock } = options;
  const { dispatcher, sources, metrics, startedAt } = service;
  server.add((routes) => {
    routes.get('/healthz', () => ({ status: 'alive' }));
    routes.get('/readyz', (_request, reply) => {
      const hindrances = findHindrances({ now: clock.now(), startedAt, sources, dispatcher });
      return reply
        .code(hindrances.length === 0 ? 200 : 503)
        .send({ status: hindrances.length === 0 ? 'ready' : 'not ready', hindrances });
    });
    addProtected(routes, options);
    routes.get('/metrics', { preParsing: letIn(options) }, async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
    );
  });
}

function addProtected(routes: Routes, options: OperationRoutesOptions): void {
  const { service } = options;
  const control = { preParsing: letIn(options, { isChange: true }) };
  routes.post('/api/pause', control, () => {
    service.pause();
    return { status: 'paused' };
  });
  routes.post('/api/resume', control, () => {
    service.resume();
    return { status: 'running' };
  });
  routes.post('/api/replay', control, async (_request, reply) => {
    const replay = await service.replay();
    if (replay === undefined) {
      return reply.code(409).send({ error: 'paused, or OMS takes nothing now: a replay would be in vain' });
    }
    const { report, parked, leftKeys, problem } = replay;
    return { report, parked, left_keys: leftKeys, error: problem?.message };
  });
}

function letIn(
  { token }: OperationRoutesOptions,
  { isChange = false } = {},
): (request: FastifyRequest) => Promise<void> {
  // oxlint-disable-next-line typescript/require-await -- a hook of fastify without a callback is a promise
  return async (request) => {
    const head: RequestHead = { headers: request.headers, query: {} };
    if (token === undefined) checkHost(head);
    else checkToken(head, [token], 'token');
    if (isChange && getHeader(head, controlHeader) === undefined) {
      throw new Refusal(
        'sender',
        `expected the header ${controlHeader}, as no page of another site can send it`,
      );
    }
  };
}

/** A page whose name leads to this machine all of a sudden (DNS rebinding) still has that name. */
function checkHost(head: RequestHead): void {
  const host = getHeader(head, 'host') ?? '';
  if (URL.canParse(`http://${host}`) && isLoopback(new URL(`http://${host}`))) return;
  throw new Refusal('sender', 'expected the address of this machine as the host, as there is no token');
}
