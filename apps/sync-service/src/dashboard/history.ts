import type { HistoryReport, Totals } from './status-report.ts';

/** A look at the service. */
export interface Look {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly totals: Totals;
  readonly lagSeconds: number;
  readonly held: number;
}

export const lookEveryMs = 5000;
const looksKept = 3_600_000 / lookEveryMs;

type Row = { readonly [Column in keyof HistoryReport]: HistoryReport[Column][number] };

/** The last hour of the service, a row for every few seconds: so that a page that is opened late shows it. */
export class History {
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
    const since = (name: keyof Totals) => look.totals[name] - last.totals[name];
    const requests = since('oms_requests');
    this.#rows.push({
      time: look.time,
      received: since('received') / seconds,
      requested: since('requested') / seconds,
      unrequested: since('unrequested') / seconds,
      lag_seconds: look.lagSeconds,
      held: look.held,
      oms_ms: requests === 0 ? null : (since('oms_seconds') / requests) * 1000,
    });
    if (this.#rows.length > looksKept) this.#rows.shift();
  }

  report(): HistoryReport {
    const column = (name: Exclude<keyof Row, 'oms_ms'>) => this.#rows.map((row) => round(row[name]));
    return {
      time: column('time'),
      received: column('received'),
      requested: column('requested'),
      unrequested: column('unrequested'),
      lag_seconds: column('lag_seconds'),
      held: column('held'),
      oms_ms: this.#rows.map(({ oms_ms: ms }) => (ms === null ? null : round(ms))),
    };
  }
}

/** The page is sent again and again: no digits that nobody sees. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}
