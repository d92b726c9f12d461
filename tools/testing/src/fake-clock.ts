interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/**
 * A clock that costs no time: when everything else waits, it jumps to the next sleeper. What sleeps longer wakes later,
 * as with the real one.
 */
export class FakeClock {
  #now: number;
  #sleepers: Sleeper[] = [];
  #isScheduled = false;

  constructor(now = Date.parse('2026-01-02T03:04:05.678Z')) {
    this.#now = now;
  }

  readonly now = (): number => this.#now;

  readonly sleep = (ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      // A timer of Node.js that is set to `Infinity` ends at once.
      if (ms === Infinity) reject(new RangeError('no clock can sleep for ever'));
      const sleeper = { at: this.#now + Math.max(0, ms), wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      });
      this.#schedule();
    });

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      const next = this.#sleepers.reduce<Sleeper | undefined>(
        (earliest, sleeper) => (earliest === undefined || sleeper.at < earliest.at ? sleeper : earliest),
        undefined,
      );
      if (next === undefined) return;
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
      this.#schedule();
    });
  }
}
