import type { Clock, Logger, Secret } from '@oms-sync/core';
import type { FastifyRequest } from 'fastify';
import { checkAccess, checkIntent } from './access.ts';
import type { StatusReport } from './dashboard/status-report.ts';
import type { Timeline } from './dashboard/timeline.ts';
import type { HttpServer, Routes } from './http-server.ts';
import type { Observed } from './metrics.ts';
import { findOldest, findStandstill } from './readiness.ts';
import { Refusal } from './receivers/receiver.ts';
import type { Service } from './service.ts';

export interface OperationRoutesOptions {
  readonly service: Pick<
    Service,
    'dispatcher' | 'metrics' | 'sources' | 'rateLimit' | 'replay' | 'isReplaying' | 'lastReplay'
  >;
  readonly backlog: Observed['backlog'];
  /** The last hour, for the dashboard. */
  readonly timeline: Pick<Timeline, 'report'>;
  /** Without one, only this machine is let in. */
  readonly tokens: readonly Secret[] | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const maxRate = 1_000_000;

/** Adds what operators and their tools ask for. `/healthz` and `/readyz` are for everybody, and tell no secrets. */
export function addOperationRoutes(server: HttpServer, options: OperationRoutesOptions): void {
  const startedAt = options.clock.now();
  server.add((routes) => {
    routes.get('/healthz', () => ({ status: 'alive' }));
    routes.get('/readyz', (_request, reply) => {
      const problems = readProblems(options, startedAt);
      return reply.code(problems.length === 0 ? 200 : 503).send({ ready: problems.length === 0, problems });
    });
  });
  server.add((routes) => {
    routes.addHook('onRequest', async (request, reply) => {
      checkAccess(request, options.tokens);
      if (request.method !== 'GET' && request.method !== 'HEAD') checkIntent(request);
      reply.header('cache-control', 'no-store');
    });
    addReadings(routes, options, startedAt);
    addControls(routes, options);
  });
}

function addReadings(routes: Routes, options: OperationRoutesOptions, startedAt: number): void {
  const { service, clock } = options;
  routes.get('/metrics', async (_request, reply) => {
    const { registry } = service.metrics;
    return reply.header('content-type', registry.contentType).send(await registry.metrics());
  });
  routes.get('/status', () => {
    const { dispatcher, metrics, sources, rateLimit, isReplaying, lastReplay } = service;
    const oldest = findOldest({ dispatcher, backlog: options.backlog });
    return {
      now: clock.now(),
      started_at: startedAt,
      problems: readProblems(options, startedAt),
      paused: dispatcher.isPaused,
      resting: dispatcher.isResting,
      problem: dispatcher.problem,
      rate_limit: rateLimit.namesPerSecond,
      held: dispatcher.held,
      backlog: options.backlog().count,
      oldest_seconds: oldest === undefined ? 0 : Math.max(0, clock.now() - oldest) / 1000,
      totals: metrics.history.totals,
      sources: sources.map(({ name, state }) => ({ name, ...state })),
      failures: metrics.history.failures,
      replay: { running: isReplaying, ...lastReplay },
      timeline: options.timeline.report(),
    } satisfies StatusReport;
  });
}

function addControls(routes: Routes, { service, logger }: OperationRoutesOptions): void {
  const { dispatcher, rateLimit } = service;
  const log = (what: string, request: FastifyRequest, fields = {}) =>
    logger.log('info', what, { ...fields, sender: request.ip });
  routes.post('/pause', (request) => {
    dispatcher.pause();
    log('paused', request);
    return { paused: true };
  });
  routes.post('/resume', (request) => {
    dispatcher.resume();
    log('resumed', request);
    return { paused: false };
  });
  routes.post('/rate', (request) => {
    rateLimit.namesPerSecond = readRate(request.body);
    log('rate limit changed', request, { rate_limit: rateLimit.namesPerSecond ?? null });
    return { rate_limit: rateLimit.namesPerSecond ?? null };
  });
  routes.post('/replay', (request, reply) => {
    if (dispatcher.isPaused || dispatcher.isResting) {
      const error = dispatcher.isPaused
        ? 'the service is paused'
        : 'OMS, or the log bucket, takes nothing now';
      return reply.code(409).send({ error });
    }
    log('replay', request);
    service.replay().catch((error: unknown) => logger.log('error', 'replay', { error: String(error) }));
    return reply.code(202).send({ running: true });
  });
}

function readProblems({ service, backlog, clock }: OperationRoutesOptions, startedAt: number): string[] {
  const { dispatcher, sources, metrics } = service;
  const { lastSettledAt } = metrics.history;
  return findStandstill({ dispatcher, sources, backlog, startedAt, lastSettledAt, now: clock.now() });
}

/** @throws {Refusal} */
function readRate(body: unknown): number | undefined {
  const rate: unknown =
    typeof body === 'object' && body !== null && 'rate_limit' in body ? body.rate_limit : undefined;
  if (rate === null) return undefined;
  if (typeof rate === 'number' && Number.isInteger(rate) && rate >= 1 && rate <= maxRate) return rate;
  throw new Refusal(
    'content',
    `expected {"rate_limit": N} with N from 1 to ${maxRate}, or null for no limit`,
  );
}
