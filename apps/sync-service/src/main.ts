import { inspect, parseArgs } from 'node:util';
import { Logger, readEnvironment, SettingsError, systemClock, type LogSink } from '@oms-sync/core';
import { addDashboardRoutes } from './dashboard-routes.ts';
import { lookEveryMs, Timeline, type Look } from './dashboard/timeline.ts';
import { checkHealth } from './health-check.ts';
import { HttpServer } from './http-server.ts';
import type { Observed } from './metrics.ts';
import { addOperationRoutes } from './operation-routes.ts';
import { addNotificationRoutes } from './notification-routes.ts';
import { QueueError } from './queue-folder.ts';
import { findOldest } from './readiness.ts';
import { openReceivers } from './receivers/open-receivers.ts';
import { isLoopbackAddress, readServiceSettings, type ServiceSettings } from './service-settings.ts';
import { Service } from './service.ts';
import { SourceError } from './source.ts';
import { openSources, type OpenSources } from './sources/open-sources.ts';
import { runOutboxSetup } from './sources/outbox-setup.ts';
import { runPostgresSetup } from './sources/postgres-setup.ts';

/** A line of JSON each; those that are worse than a notice on standard error. */
const log: LogSink = (level, line) => {
  (level === 'error' || level === 'warn' ? process.stderr : process.stdout).write(`${line}\n`);
};

/** Kubernetes gives 30 seconds, systemd more. */
const stopWithinMs = 25_000;

const help = `node main.js [healthcheck | setup-postgres | setup-outbox] [--env-file FILE]

Tells OMS which objects were added or changed, as notifications and databases say. Settings come from the environment.

  healthcheck      asks the service that runs with these settings whether it is alive; exit code 0 if it is
  setup-postgres   makes the publication and the slot in the database of postgres_url
  setup-outbox     makes the outbox table in the database of outbox_url
  --dry-run        of a setup: says what it would do
  --env-file FILE  settings from a file of NAME=value lines; the environment goes first
  --help           this text
`;

const setups = new Map([
  ['setup-postgres', runPostgresSetup],
  ['setup-outbox', runOutboxSetup],
]);

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: {
      'env-file': { type: 'string' },
      'dry-run': { type: 'boolean', default: false },
      help: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const [command, ...others] = positionals;
  const runSetup = command === undefined ? undefined : setups.get(command);
  const isKnown = command === undefined || command === 'healthcheck' || runSetup !== undefined;
  const isDryRun = values['dry-run'];
  if (!isKnown || (isDryRun && runSetup === undefined) || others.length > 0) {
    process.stderr.write(help);
    process.exit(2);
  }
  const env = readEnvironment(process.env, values['env-file']);
  const lookUp = (name: string) => env[name];
  if (runSetup !== undefined) {
    const write = (line: string) => process.stdout.write(`${line}\n`);
    process.exitCode = await runSetup(lookUp, { isDryRun, write });
    return;
  }
  const settings = readServiceSettings(lookUp);
  if (command === 'healthcheck') process.exit((await checkHealth(settings.service)) ? 0 : 1);
  const logger = new Logger(settings.core.logLevel, log);
  const opened = await openSources(settings.service, {
    core: settings.core,
    clock: systemClock,
    logger,
    onRefused: (source, reason) => service.metrics.refused(source, reason),
  });
  const service = new Service(settings, opened.sources, log);
  const server = openServer(settings, opened, service, logger);
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.log('info', 'stopping', { signal });
    // Those who send are told to come again, before the queue is closed to them.
    const stopped = (async () => {
      await server.stop();
      await service.stop();
      await opened.close();
      return true;
    })();
    // What is not settled by then is with its source still, as after a loss of power.
    const isWhole = await Promise.race([stopped, systemClock.sleep(stopWithinMs).then(() => false)]);
    logger.log(isWhole ? 'info' : 'warn', 'stopped', { finished: isWhole });
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  // First what may be impossible, such as an address that is taken: what was delivered for nothing counts at a broker.
  await server.start();
  await service.start();
  const { listen, tls_cert_file: certificate } = settings.service;
  if (!isLoopbackAddress(listen) && certificate === undefined) {
    const message =
      'listens beyond this machine without TLS: tokens can be read on their way, unless a proxy is in front';
    logger.log('warn', 'no tls', { setting: 'tls_cert_file', message });
  }
  logger.log('info', 'started', {
    address: server.address.href,
    sources: service.sources.map(({ name }) => name),
  });
}

/** The HTTP server, with the routes of the notifications that the settings ask for. */
function openServer(
  { core, service: values }: ServiceSettings,
  { inbox, embedded }: OpenSources,
  service: Service,
  logger: Logger,
): HttpServer {
  const clock = systemClock;
  const { metrics } = service;
  // What waits at a broker is the backlog of its source.
  const backlog = () => ({ count: embedded?.backlog ?? 0, oldestSince: embedded?.oldestReceivedAt });
  metrics.observe({ dispatcher: service.dispatcher, sources: service.sources, backlog });
  const server = new HttpServer({
    settings: values,
    logger,
    clock,
    onRefused: (source, reason) => metrics.refused(source, reason),
  });
  addOperationRoutes(server, {
    service,
    backlog,
    timeline: keepTimeline(service, backlog),
    tokens: values.token,
    clock,
    logger,
  });
  addDashboardRoutes(server);
  addNotificationRoutes(server, {
    logger,
    receivers: openReceivers(values, { eventgridKeyEncoding: core.eventgridKeyEncoding, clock }),
    inbox,
    clock,
    requestsPerSecond: values.requests_per_second,
    onRepeated: (source) => metrics.repeated(source),
  });
  return server;
}

/** The last hour of the service, kept from now on. */
function keepTimeline({ dispatcher, metrics }: Service, backlog: Observed['backlog']): Timeline {
  const look = (): Look => {
    const time = systemClock.now();
    const oldest = findOldest({ dispatcher, backlog }) ?? time;
    return { ...metrics.history.totals, time, lagSeconds: Math.max(0, time - oldest) / 1000 };
  };
  const timeline = new Timeline(look());
  setInterval(() => timeline.add(look()), lookEveryMs).unref();
  return timeline;
}

main().catch((error: unknown) => {
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')) {
    process.stderr.write(`${error.message}\n\n${help}`);
    process.exit(2);
  }
  if (error instanceof SettingsError || error instanceof QueueError || error instanceof SourceError) {
    new Logger('error', log).log('error', 'misconfigured', { message: error.message });
    process.exit(2);
  }
  process.stderr.write(`${inspect(error)}\n`);
  process.exit(1);
});
