import { inspect } from 'node:util';
import { Logger, SettingsError, systemClock, type LogSink } from '@oms-sync/core';
import { EmbeddedQueue } from './embedded-queue.ts';
import { checkHealth } from './health-check.ts';
import { HttpServer } from './http-server.ts';
import type { Inbox } from './inbox.ts';
import { addOperationRoutes } from './operation-routes.ts';
import { addNotificationRoutes } from './notification-routes.ts';
import { QueueError } from './queue-folder.ts';
import { openReceivers } from './receivers/open-receivers.ts';
import { readServiceSettings, type ServiceSettings } from './service-settings.ts';
import { Service } from './service.ts';

/** A line of JSON each; those that are worse than a notice on standard error. */
const log: LogSink = (level, line) => {
  (level === 'error' || level === 'warn' ? process.stderr : process.stdout).write(`${line}\n`);
};

/** Kubernetes gives 30 seconds, systemd more. */
const stopWithinMs = 25_000;

async function main(): Promise<void> {
  const settings = readServiceSettings((name) => process.env[name]);
  if (process.argv[2] === 'healthcheck') process.exit((await checkHealth(settings.service)) ? 0 : 1);
  const logger = new Logger(settings.core.logLevel, log);
  const { queue_folder: folder } = settings.service;
  const queue = await EmbeddedQueue.open({ folder, clock: systemClock, logger });
  const service = new Service(settings, [queue], log);
  const server = openServer(settings, queue, service, logger);
  let isStopping = false;
  const stop = async (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.log('info', 'stopping', { signal });
    // Those who send are told to come again, before the queue is closed to them.
    const stopped = (async () => {
      await server.stop();
      await service.stop();
      return true;
    })();
    // What is not settled by then is with its source still, as after a loss of power.
    const isWhole = await Promise.race([stopped, systemClock.sleep(stopWithinMs).then(() => false)]);
    logger.log(isWhole ? 'info' : 'warn', 'stopped', { finished: isWhole });
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
  inbox: Inbox & Pick<EmbeddedQueue, 'backlog' | 'oldestReceivedAt'>,
  service: Service,
  logger: Logger,
): HttpServer {
  const clock = systemClock;
  const { metrics } = service;
  const backlog = () => ({ count: inbox.backlog, oldestSince: inbox.oldestReceivedAt });
  metrics.observe({ dispatcher: service.dispatcher, sources: service.sources, backlog });
  const server = new HttpServer({
    settings: values,
    logger,
    clock,
    onRefused: (source, reason) => metrics.refused(source, reason),
  });
  addOperationRoutes(server, { service, backlog, tokens: values.token, clock, logger });
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

main().catch((error: unknown) => {
  if (error instanceof SettingsError || error instanceof QueueError) {
    new Logger('error', log).log('error', 'misconfigured', { message: error.message });
    process.exit(2);
  }
  process.stderr.write(`${inspect(error)}\n`);
  process.exit(1);
});
