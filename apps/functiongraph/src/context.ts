/**
 * What a FunctionGraph function gets besides its event; only what is used here.
 * Source: FunctionGraph Developer Guide, "Node.js"; the runtime's own context.js.
 */
export interface FunctionGraphContext {
  getRequestID(): string;
  getRemainingTimeInMilliSeconds(): number;
  /** A setting of the function, undefined (or null) when there is none of that name. */
  getUserData(name: string): string | null | undefined;
  getLogger(): FunctionGraphLogger;
}

export interface FunctionGraphLogger {
  debug(line: string): void;
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
  /** `DEBUG`, `INFO`, `WARN` or `ERROR`. */
  setLevel?(level: string): void;
}
