import type { Clock, Secret } from '@oms-sync/core';
import { letIn } from './access.ts';
import type { HttpServer, Routes } from './http-server.ts';
import { findHindrances, type Progress } from './readiness.ts';
import type { Service } from './service.ts';

export interface OperationRoutesOptions {
  readonly service: Pick<Service, 'metrics' | 'startedAt' | 'pause' | 'resume' | 'replay'> &
    Pick<Progress, 'dispatcher' | 'sources'>;
  readonly clock: Clock;
  /** What everything but the two probes asks for; without one, only this machine is let in. */
  readonly token: Secret | undefined;
}

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
    routes.get('/metrics', { preParsing: letIn(options.token) }, async (_request, reply) =>
      reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
    );
  });
}

function addProtected(routes: Routes, options: OperationRoutesOptions): void {
  const { service } = options;
  const control = { preParsing: letIn(options.token, { isChange: true }) };
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
