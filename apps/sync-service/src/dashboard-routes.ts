import { readFileSync } from 'node:fs';
import type { Clock, Secret } from '@oms-sync/core';
import { letIn } from './access.ts';
import type { StatusReport } from './dashboard/status-report.ts';
import type { HttpServer } from './http-server.ts';
import { findOldestUnsettled } from './metrics.ts';
import { findHindrances } from './readiness.ts';
import type { Service } from './service.ts';

export interface DashboardRoutesOptions {
  readonly service: Pick<
    Service,
    'metrics' | 'startedAt' | 'sources' | 'dispatcher' | 'history' | 'failures'
  >;
  readonly clock: Clock;
  /** What the status asks for; without one, only this machine is let in. The page itself tells nothing. */
  readonly token: Secret | undefined;
}

const files = {
  '/': { file: 'dashboard.html', type: 'text/html; charset=utf-8' },
  '/dashboard.js': { file: 'dashboard.js', type: 'text/javascript; charset=utf-8' },
  '/dashboard.css': { file: 'dashboard.css', type: 'text/css; charset=utf-8' },
} as const;

/** Nothing runs in the page but its own script, and it talks to nobody but this service. */
const headers = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-cache',
};

/**
 * Adds the dashboard at `/`, and what it reads: `GET /api/status`.
 *
 * @throws if the files of the page are not beside the bundle.
 */
export function addDashboardRoutes(server: HttpServer, options: DashboardRoutesOptions): void {
  server.add((routes) => {
    for (const [url, { file, type }] of Object.entries(files)) {
      const body = readFileSync(new URL(`./page/${file}`, import.meta.url));
      routes.get(url, (_request, reply) => reply.headers(headers).type(type).send(body));
    }
    routes.get('/api/status', { preParsing: letIn(options.token) }, (_request, reply) =>
      reply.header('cache-control', 'no-store').send(describeStatus(options)),
    );
  });
}

function describeStatus({ service, clock }: DashboardRoutesOptions): StatusReport {
  const { dispatcher, sources, metrics, startedAt, history, failures } = service;
  const now = clock.now();
  const oldest = findOldestUnsettled(service);
  return {
    time: now,
    started_at: startedAt,
    state: dispatcher.isPaused ? 'paused' : dispatcher.isResting ? 'resting' : 'running',
    hindrances: findHindrances({ now, startedAt, sources, dispatcher }),
    problem: dispatcher.problem,
    totals: metrics.totals,
    held: dispatcher.held,
    lag_seconds: oldest === undefined ? 0 : Math.max(0, now - oldest) / 1000,
    failed_list_keys: metrics.failedListKeys,
    sources: sources.map(({ name, state: { status, place, detail, backlog } }) => ({
      name,
      status,
      place,
      detail,
      backlog,
    })),
    history: history.report(),
    failures: failures.report(),
  };
}
