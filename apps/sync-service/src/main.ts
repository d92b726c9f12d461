import { inspect } from 'node:util';
import { Logger, SettingsError, type LogSink } from '@oms-sync/core';
import { readServiceSettings } from './service-settings.ts';
import { Service } from './service.ts';

/** A line of JSON each; those that are worse than a notice on standard error. */
const log: LogSink = (level, line) => {
  (level === 'error' || level === 'warn' ? process.stderr : process.stdout).write(`${line}\n`);
};

async function main(): Promise<void> {
  const settings = readServiceSettings((name) => process.env[name]);
  const logger = new Logger(settings.core.logLevel, log);
  const service = new Service(settings, [], log);
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
  if (error instanceof SettingsError) {
    new Logger('error', log).log('error', 'misconfigured', { message: error.message });
    process.exit(2);
  }
  process.stderr.write(`${inspect(error)}\n`);
  process.exit(1);
});
