const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
/** How long a bar may be: each a multiple of the one before, so that bars become wider ones whole. */
const widthsMs = [
  60_000,
  5 * 60_000,
  15 * 60_000,
  hourMs,
  3 * hourMs,
  6 * hourMs,
  12 * hourMs,
  dayMs,
  7 * dayMs,
  28 * dayMs,
  84 * dayMs,
  336 * dayMs,
  3360 * dayMs,
  33_600 * dayMs,
];
const maxBars = 72;
/** About the last time that a date can have. */
const lastTime = 8e15;

export interface Bar {
  /** When it begins, in milliseconds since 1970. */
  readonly from: number;
  readonly missing: number;
  readonly stale: number;
}

/** Counts gaps by the time when the source object changed. Bars grow wider as the times spread, so there are never many. */
export class Timeline {
  #level = 0;
  #bars = new Map<number, { missing: number; stale: number }>();
  #first = Infinity;
  #last = -Infinity;

  /** How long a bar is. */
  get widthMs(): number {
    return widthsMs[this.#level] ?? dayMs;
  }

  add(kind: 'missing' | 'stale', time: number): void {
    // A store that gives a time like that has none.
    if (!(Math.abs(time) < lastTime)) return;
    this.#first = Math.min(this.#first, time);
    this.#last = Math.max(this.#last, time);
    while (this.#count() > maxBars && this.#level < widthsMs.length - 1) this.#widen();
    const bar = this.#bar(this.#bars, time);
    bar[kind]++;
  }

  /** All bars from the first to the last, empty ones too. */
  get bars(): readonly Bar[] {
    if (this.#bars.size === 0) return [];
    const start = Math.floor(this.#first / this.widthMs);
    // With the widest bars there may be more than fit: then only those that are not empty.
    const indexes =
      this.#count() > maxBars
        ? [...this.#bars.keys()].sort((a, b) => a - b)
        : Array.from({ length: this.#count() }, (_, index) => start + index);
    return indexes.map((index) => ({
      from: index * this.widthMs,
      ...(this.#bars.get(index) ?? { missing: 0, stale: 0 }),
    }));
  }

  #count(): number {
    return Math.floor(this.#last / this.widthMs) - Math.floor(this.#first / this.widthMs) + 1;
  }

  #widen(): void {
    const narrow = this.#bars;
    const narrowMs = this.widthMs;
    this.#level++;
    this.#bars = new Map();
    for (const [index, { missing, stale }] of narrow) {
      const bar = this.#bar(this.#bars, index * narrowMs);
      bar.missing += missing;
      bar.stale += stale;
    }
  }

  #bar(
    bars: Map<number, { missing: number; stale: number }>,
    time: number,
  ): { missing: number; stale: number } {
    const index = Math.floor(time / this.widthMs);
    const bar = bars.get(index) ?? { missing: 0, stale: 0 };
    bars.set(index, bar);
    return bar;
  }
}
