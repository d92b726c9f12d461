import { inspect, parseArgs } from 'node:util';
import { Logger, readEnvironment, SettingsError, systemClock, type LogSink } from '@oms-sync/core';
import { addDashboardRoutes } from './dashboard-routes.ts';
import { EmbeddedQueue } from './embedded-queue.ts';
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

const help = `node main.js [--env-file FILE]

Tells OMS which objects were added or changed, as notifications say. Settings come from the environment.

  --env-file FILE  settings from a file of NAME=value lines; the environment goes first
  --help           this text
`;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { 'env-file': { type: 'string' }, help: { type: 'boolean' } } });
  if (values.help) {
    process.stdout.write(help);
    return;
  }
  const env = readEnvironment(process.env, values['env-file']);
  const settings = readServiceSettings((name) => env[name]);
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

main().catch((error: unknown) => {
  if (error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS_')) {
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
