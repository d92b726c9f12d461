import type { Clock } from './clock.ts';
import type { SyncEventSink } from './oms-client.ts';

/**
 * Lets no more than so many names a second through to OMS, evenly: a request goes out when the names of those before it
 * have had their time. An idle second is not made up for.
 *
 * For runs without a deadline: the time-out of a request begins to run when it is sent, after the wait.
 */
export class RateLimit implements SyncEventSink {
  readonly #sink: SyncEventSink;
  readonly #clock: Clock;
  #namesPerSecond: number | undefined;
  /** When the last request went out, or was to, and how many names it holds. */
  #last = { startedAt: -Infinity, names: 0 };
  /** Ends when the request before has gone out. */
  #turn: Promise<void> = Promise.resolve();
  #changed = new AbortController();

  /** @param namesPerSecond above 0; undefined for no limit. */
  constructor(sink: SyncEventSink, namesPerSecond: number | undefined, clock: Clock) {
    this.#sink = sink;
    this.#namesPerSecond = namesPerSecond;
    this.#clock = clock;
  }

  get namesPerSecond(): number | undefined {
    return this.#namesPerSecond;
  }

  /** Changes it for all that have not gone out, those that wait too. */
  set namesPerSecond(namesPerSecond: number | undefined) {
    this.#namesPerSecond = namesPerSecond;
    this.#changed.abort();
    this.#changed = new AbortController();
  }

  async createSyncEvents(
    ...[names, timeoutMs, onSent]: Parameters<SyncEventSink['createSyncEvents']>
  ): Promise<void> {
    const arrivedAt = this.#clock.now();
    this.#turn = this.#turn.then(() => this.#waitFor(names.length, arrivedAt));
    await this.#turn;
    await this.#sink.createSyncEvents(names, timeoutMs, onSent);
  }

  async #waitFor(names: number, arrivedAt: number): Promise<void> {
    for (;;) {
      const startAt = Math.max(arrivedAt, this.#freeAt());
      const waitMs = startAt - this.#clock.now();
      if (waitMs <= 0) {
        this.#last = { startedAt: startAt, names };
        return;
      }
      await this.#clock.sleep(waitMs, this.#changed.signal);
    }
  }

  #freeAt(): number {
    if (this.#namesPerSecond === undefined) return -Infinity;
    return this.#last.startedAt + (this.#last.names / this.#namesPerSecond) * 1000;
  }
}
