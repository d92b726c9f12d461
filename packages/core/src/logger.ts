import type { Settings } from './settings.ts';

export type LogLevel = Settings['logLevel'];

/** Writes one record as one line. What an app gives is its platform's own logger. */
export type LogSink = (level: LogLevel, line: string) => void;

const levels: readonly LogLevel[] = ['debug', 'info', 'warn', 'error'];

/** Structured logs: one event name a line, as JSON. */
export class Logger {
  readonly #least: LogLevel;
  readonly #sink: LogSink;

  constructor(least: LogLevel, sink: LogSink) {
    this.#least = least;
    this.#sink = sink;
  }

  log(level: LogLevel, event: string, fields: Readonly<Record<string, unknown>>): void {
    if (levels.indexOf(level) < levels.indexOf(this.#least)) return;
    this.#sink(level, JSON.stringify({ event, level, ...fields }));
  }
}
