import { readNumber } from './names.ts';

/** What has become of a name, each a bit. */
const acknowledged = 1;
const received = 2;
const succeeded = 4;

/** What the run knows of each name, by its number: a byte each. */
export class Ledger {
  #marks = new Uint8Array(1 << 20);
  /** How many names are on the success list. */
  succeeded = 0;
  /** Names on a list, or in a request, that were never sent as they are. */
  readonly strangers: string[] = [];

  acknowledge(from: number, to: number): void {
    for (let number = from; number < to; number++) this.#mark(number, acknowledged);
  }

  /** OMS has received them. */
  receive(names: readonly string[]): void {
    this.#markAll(names, received);
  }

  /** They are on the success list. */
  succeed(names: readonly string[]): void {
    this.#markAll(names, succeeded);
  }

  /** Compares, at the end: nothing is lost, and nothing is claimed. */
  judge(sent: number, onFailedList: ReadonlySet<number>): Verdict {
    const lost: number[] = [];
    const unfounded: number[] = [];
    let requested = 0;
    for (let number = 0; number < sent; number++) {
      const marks = this.#marks[number] ?? 0;
      const isListed = (marks & succeeded) !== 0 || onFailedList.has(number);
      if ((marks & acknowledged) !== 0 && !isListed) lost.push(number);
      if ((marks & succeeded) !== 0 && (marks & received) === 0) unfounded.push(number);
      if ((marks & succeeded) !== 0) requested++;
    }
    return { requested, lost, unfounded, strangers: this.strangers };
  }

  #markAll(names: readonly string[], mark: number): void {
    for (const name of names) {
      const number = readNumber(name);
      if (number === undefined) this.strangers.push(name);
      else this.#mark(number, mark);
    }
  }

  #mark(number: number, mark: number): void {
    if (number >= this.#marks.length) {
      const larger = new Uint8Array(2 * Math.max(number, this.#marks.length));
      larger.set(this.#marks);
      this.#marks = larger;
    }
    const marks = this.#marks[number] ?? 0;
    if (mark === succeeded && (marks & succeeded) === 0) this.succeeded++;
    this.#marks[number] = marks | mark;
  }
}

export interface Verdict {
  /** How many names are on the success list. */
  readonly requested: number;
  /** Acknowledged, and on no list. */
  readonly lost: readonly number[];
  /** On the success list, and never received by OMS. */
  readonly unfounded: readonly number[];
  readonly strangers: readonly string[];
}
