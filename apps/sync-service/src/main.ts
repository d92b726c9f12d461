import { inspect } from 'node:util';
import { Logger, SettingsError, systemClock, type LogSink } from '@oms-sync/core';
import { EmbeddedQueue } from './embedded-queue.ts';
import { QueueError } from './queue-folder.ts';
import { readServiceSettings } from './service-settings.ts';
import { Service } from './service.ts';

/** A line of JSON each; those that are worse than a notice on standard error. */
const log: LogSink = (level, line) => {
  (level === 'error' || level === 'warn' ? process.stderr : process.stdout).write(`${line}\n`);
};

async function main(): Promise<void> {
  const settings = readServiceSettings((name) => process.env[name]);
  const logger = new Logger(settings.core.logLevel, log);
  const { queue, queue_folder: folder } = settings.service;
  const embedded =
    queue === 'embedded' ? [await EmbeddedQueue.open({ folder, clock: systemClock, logger })] : [];
  const service = new Service(settings, embedded, log);
  let isStopping = false;
  const stop = (signal: string) => {
    if (isStopping) return;
    isStopping = true;
    logger.log('info', 'stopping', { signal });
    void service.stop().then(() => {
      logger.log('info', 'stopped', {});
      process.exit(0);
    });
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  await service.start();
  logger.log('info', 'started', { sources: service.sources.map(({ name }) => name) });
}

main().catch((error: unknown) => {
  if (error instanceof SettingsError || error instanceof QueueError) {
    new Logger('error', log).log('error', 'misconfigured', { message: error.message });
    process.exit(2);
  }
  process.stderr.write(`${inspect(error)}\n`);
  process.exit(1);
});
