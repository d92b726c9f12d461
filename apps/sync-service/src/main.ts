import { inspect, parseArgs } from 'node:util';
import { Logger, readEnvironment, SettingsError, systemClock, type LogSink } from '@oms-sync/core';
import { addDashboardRoutes } from './dashboard-routes.ts';
import { EmbeddedQueue } from './embedded-queue.ts';
import { isAlive } from './healthcheck.ts';
import { HttpServer } from './http-server.ts';
import type { Inbox } from './inbox.ts';
import { addNotificationRoutes } from './notification-routes.ts';
import { QueueError } from './queue-folder.ts';
import { addOperationRoutes } from './operation-routes.ts';
import { openReceivers } from './receivers/open-receivers.ts';
import { readServiceSettings, type ServiceSettings } from './service-settings.ts';
import { Service } from './service.ts';

/** A line of JSON each; those that are worse than a notice on standard error. */
const log: LogSink = (level, line) => {
  (level === 'error' || level === 'warn' ? process.stderr : process.stdout).write(`${line}\n`);
};

const help = `node main.js [healthcheck] [--env-file FILE]

Tells OMS which objects were added or changed, as notifications say. Settings come from the environment.
With healthcheck, it only asks whether the service with these settings is alive: 0 if it is, else 1.

  --env-file FILE  settings from a file of NAME=value lines; the environment goes first
  --help           this text
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { 'env-file': { type: 'string' }, help: { type: 'boolean' } },
    allowPositionals: true,
  });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const env = readEnvironment(process.env, values['env-file']);
  const settings = readServiceSettings((name) => env[name]);
  const [command] = positionals;
  if (command === 'healthcheck') {
    process.exitCode = (await isAlive(settings.service)) ? 0 : 1;
    return;
  }
  if (command !== undefined) throw new UsageError(`Unknown command '${command}'`);
  const logger = new Logger(settings.core.logLevel, log);
  const { queue, queue_folder: folder } = settings.service;
  const embedded =
    queue === 'embedded' ? await EmbeddedQueue.open({ folder, clock: systemClock, logger }) : undefined;
  const service = new Service(settings, embedded === undefined ? [] : [embedded], log);
  const server = openServer(settings, embedded, service, logger);
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.log('info', 'stopping', { signal });
    // Those who send are told to come again, before the queue is closed to them.
    await server.stop();
    await service.stop();
    logger.log('info', 'stopped', {});
    process.exit(0);
  };
  process.on('SIGTERM', () => void stop('SIGTERM'));
  process.on('SIGINT', () => void stop('SIGINT'));
  await service.start();
  await server.start();
  logger.log('info', 'started', {
    address: server.address.href,
    sources: service.sources.map(({ name }) => name),
  });
}

/** The HTTP server, with the routes of the notifications that the settings ask for. */
function openServer(
  { core, service: values }: ServiceSettings,
  inbox: Inbox | undefined,
  service: Service,
  logger: Logger,
): HttpServer {
  const clock = systemClock;
  const { metrics } = service;
  const server = new HttpServer({
    settings: values,
    logger,
    clock,
    onRefused: (source, reason) => metrics.refused(source, reason),
  });
  if (inbox !== undefined) {
    addNotificationRoutes(server, {
      logger,
      receivers: openReceivers(values, { eventgridKeyEncoding: core.eventgridKeyEncoding, clock }),
      inbox,
      clock,
      requestsPerSecond: values.requests_per_second,
      onRepeated: (source) => metrics.repeated(source),
    });
  }
  addOperationRoutes(server, { service, clock, token: values.token });
  addDashboardRoutes(server, { service, clock, token: values.token });
  return server;
}

class UsageError extends Error {}

/** Was the program called wrongly? */
function isUsageError(error: unknown): error is Error {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS_');
}

main().catch((error: unknown) => {
  if (isUsageError(error)) {
    process.stderr.write(`${error.message}\n\n${help}`);
    process.exit(2);
  }
  if (error instanceof SettingsError || error instanceof QueueError) {
    new Logger('error', log).log('error', 'misconfigured', { message: error.message });
    process.exit(2);
  }
  process.stderr.write(`${inspect(error)}\n`);
  process.exit(1);
});
