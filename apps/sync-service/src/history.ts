/** What the service has counted since its start. */
export interface Totals {
  received: number;
  requested: number;
  unrequested: number;
  filtered: number;
  merged: number;
  /** Notifications that were not accepted. */
  refused: number;
  omsRequests: number;
  /** Milliseconds that those took, added up. */
  omsMs: number;
}

/** An object that went on the failed list. */
export interface Failure {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly source: string;
  readonly name: string;
  readonly code: string;
  readonly message: string;
}

const maxFailures = 100;

/** What people look at: counts, and the last failures, in bounded memory. */
export class History {
  readonly totals: Totals = {
    received: 0,
    requested: 0,
    unrequested: 0,
    filtered: 0,
    merged: 0,
    refused: 0,
    omsRequests: 0,
    omsMs: 0,
  };
  /** Milliseconds since 1970; undefined if nothing was settled since the start. */
  lastSettledAt: number | undefined;
  readonly #failures: Failure[] = [];

  /** The newest first. */
  get failures(): readonly Failure[] {
    return [...this.#failures].reverse();
  }

  addFailure(failure: Failure): void {
    this.#failures.push(failure);
    if (this.#failures.length > maxFailures) this.#failures.shift();
  }
}
