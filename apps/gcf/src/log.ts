import type { LogLevel } from '@oms-sync/core';

/** Source: Cloud Logging, LogSeverity. */
const severities = { debug: 'DEBUG', info: 'INFO', warn: 'WARNING', error: 'ERROR' } as const;

/**
 * Writes a JSON object as Cloud Logging reads it: one a line on the standard output, with its `severity`.
 * Source: Cloud Logging, "Structured logging".
 */
export function writeLine(level: LogLevel, line: string): void {
  process.stdout.write(`{"severity":"${severities[level]}",${line.slice(1)}\n`);
}

/** Writes why a request failed before anything of it was settled; what comes later the core writes. */
export function writeFailure(error: unknown, requestId: string | undefined): void {
  const [type, message] = error instanceof Error ? [error.name, error.message] : ['Error', String(error)];
  writeLine(
    'error',
    JSON.stringify({
      event: 'failed',
      level: 'error',
      error_type: type,
      error: message,
      request_id: requestId,
    }),
  );
}
