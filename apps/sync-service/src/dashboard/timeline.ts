import type { TimelineReport } from './status-report.ts';

/** A look at the service: counts since its start, and what waits. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly received: number;
  readonly requested: number;
  readonly unrequested: number;
  readonly omsRequests: number;
  readonly omsMs: number;
  readonly lagSeconds: number;
}

export const lookEveryMs = 5000;
const looksKept = 3_600_000 / lookEveryMs;

type Row = { readonly [Column in keyof TimelineReport]: TimelineReport[Column][number] };

/** The last hour of the service, a row for every few seconds: so that a page that is opened late shows it. */
export class Timeline {
  readonly #rows: Row[] = [];
  #last: Look;

  /** @param first when counting began. */
  constructor(first: Look) {
    this.#last = first;
  }

  /** Adds what has happened since the last look. */
  add(look: Look): void {
    const last = this.#last;
    const seconds = (look.time - last.time) / 1000;
    if (seconds <= 0) return; // The clock was set back: the next look shows it all.
    this.#last = look;
    const perSecond = (name: 'received' | 'requested' | 'unrequested') =>
      round((look[name] - last[name]) / seconds);
    const requests = look.omsRequests - last.omsRequests;
    this.#rows.push({
      time: look.time,
      received: perSecond('received'),
      requested: perSecond('requested'),
      unrequested: perSecond('unrequested'),
      lag_seconds: round(look.lagSeconds),
      oms_ms: requests === 0 ? null : round((look.omsMs - last.omsMs) / requests),
    });
    if (this.#rows.length > looksKept) this.#rows.shift();
  }

  report(): TimelineReport {
    const rows = this.#rows;
    return {
      time: rows.map(({ time }) => time),
      received: rows.map(({ received }) => received),
      requested: rows.map(({ requested }) => requested),
      unrequested: rows.map(({ unrequested }) => unrequested),
      lag_seconds: rows.map(({ lag_seconds: lag }) => lag),
      oms_ms: rows.map(({ oms_ms: ms }) => ms),
    };
  }
}

/** It is sent again and again: no digits that nobody sees. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
