import type { Failure } from './status-report.ts';

const failuresKept = 50;
const longestText = 1024;

/** The last objects that went on the failed list, however many there are. */
export class RecentFailures {
  readonly #failures: Failure[] = [];

  add(failure: Failure): void {
    const { name, message } = failure;
    this.#failures.unshift({ ...failure, name: shorten(name), message: shorten(message) });
    this.#failures.splice(failuresKept);
  }

  report(): readonly Failure[] {
    return this.#failures;
  }
}

function shorten(text: string): string {
  return text.length <= longestText ? text : `${text.slice(0, longestText)}…`;
}
