import { inspect } from 'node:util';
import { Logger, SettingsError, systemClock, type LogSink } from '@oms-sync/core';
import { EmbeddedQueue } from './embedded-queue.ts';
import { HttpServer } from './http-server.ts';
import type { Inbox } from './inbox.ts';
import { addNotificationRoutes } from './notification-routes.ts';
import { QueueError } from './queue-folder.ts';
import { addOperationRoutes } from './operation-routes.ts';
import { openReceivers } from './receivers/open-receivers.ts';
import { readServiceSettings, type ServiceSettings } from './service-settings.ts';
import { Service } from './service.ts';
import type { Source } from './source.ts';
import { PostgresSource, readPostgresOptions } from './sources/postgres.ts';
import { runPostgresSetup } from './sources/postgres-setup.ts';

/** A line of JSON each; those that are worse than a notice on standard error. */
const log: LogSink = (level, line) => {
  (level === 'error' || level === 'warn' ? process.stderr : process.stdout).write(`${line}\n`);
};

const lookUp = (name: string) => process.env[name];

const usage = `main.js                             runs the service
main.js setup-postgres [--dry-run]  makes the publication and the slot in postgres_url
`;

async function main(): Promise<void> {
  const [command, ...args] = process.argv.slice(2);
  if (command === undefined) return runService();
  const isDryRun = args[0] === '--dry-run';
  if (command !== 'setup-postgres' || args.length > Number(isDryRun)) {
    process.stderr.write(usage);
    process.exit(2);
  }
  const write = (line: string) => process.stdout.write(`${line}\n`);
  process.exitCode = await runPostgresSetup(lookUp, { isDryRun, write });
}

async function runService(): Promise<void> {
  const settings = readServiceSettings(lookUp);
  const logger = new Logger(settings.core.logLevel, log);
  const { queue, queue_folder: folder } = settings.service;
  const embedded =
    queue === 'embedded' ? await EmbeddedQueue.open({ folder, clock: systemClock, logger }) : undefined;
  const service = new Service(settings, openSources(settings, embedded, logger), log);
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

/** Those that the settings ask for. */
function openSources(
  { service: values }: ServiceSettings,
  embedded: Source | undefined,
  logger: Logger,
): readonly Source[] {
  const postgres = readPostgresOptions(values);
  return [
    ...(embedded === undefined ? [] : [embedded]),
    ...(postgres === undefined ? [] : [new PostgresSource(postgres, systemClock, logger)]),
  ];
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
