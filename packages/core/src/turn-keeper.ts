import type { InTurn } from './sync-run.ts';

/** Starts something that has waited for its turn. */
type Start = () => void;

/**
 * Lets so many things be under way at a time, those of live events first: one of a replay gets its turn when no live one
 * waits. In each lane the first to come is the first to go.
 */
export class TurnKeeper {
  readonly #most: number;
  #underWay = 0;
  readonly #live = new Lane();
  readonly #replay = new Lane();

  /** @param most at a time, from 1. */
  constructor(most: number) {
    this.#most = most;
  }

  readonly inLiveTurn: InTurn = (act) => this.#inTurn(this.#live, act);
  readonly inReplayTurn: InTurn = (act) => this.#inTurn(this.#replay, act);

  async #inTurn<Result>(lane: Lane, act: () => Promise<Result>): Promise<Result> {
    if (this.#underWay < this.#most) this.#underWay++;
    else await new Promise<void>((resolve) => lane.add(resolve));
    try {
      return await act();
    } finally {
      this.#passOn();
    }
  }

  /** The turn goes to the next one as it is, so nobody gets in between. */
  #passOn(): void {
    const start = this.#live.take() ?? this.#replay.take();
    if (start === undefined) this.#underWay--;
    else start();
  }
}

/** First come, first go; of any length. */
class Lane {
  #waiting: Start[] = [];
  #gone = 0;

  add(start: Start): void {
    this.#waiting.push(start);
  }

  take(): Start | undefined {
    const start = this.#waiting[this.#gone];
    if (start !== undefined) this.#gone++;
    // Half of them at a time, so it costs each little.
    if (2 * this.#gone > this.#waiting.length) {
      this.#waiting.splice(0, this.#gone);
      this.#gone = 0;
    }
    return start;
  }
}
