import { SingleBar } from 'cli-progress';
import { formatCount, formatDuration, type Output } from './screen.ts';

/** What takes a while. */
export interface Progress {
  /** So much is done. */
  update(done: number): void;
  /** Takes the bar off the screen. To be called in any case. */
  stop(): void;
}

export interface ProgressOptions {
  readonly label: string;
  /** What is counted, `objects`. */
  readonly unit: string;
  /** How much it will be, if that is known. */
  readonly total?: number | undefined;
  readonly output: Output;
  readonly now: () => number;
}

/** What is over sooner needs no progress. */
const quietMs = 1500;
/** How often a line is written where there is no terminal. */
const lineEveryMs = 10_000;
/** The rate is that of so long. */
const rateWindowMs = 10_000;

/** A bar on a terminal, a line every ten seconds elsewhere; nothing for what takes less than a moment. */
export function startProgress(options: ProgressOptions): Progress {
  const { output, now, total } = options;
  const startedAt = now();
  const isTerminal = output.isTTY === true;
  const rate = new Rate(startedAt);
  let done = 0;
  let lastLineAt = startedAt;
  let bar: SingleBar | undefined;

  const draw = () => {
    const at = now();
    rate.add(at, done);
    if (at - startedAt < quietMs) return;
    const text = describe(options, done, rate.perSecond(at));
    if (!isTerminal) {
      if (at - lastLineAt < lineEveryMs) return;
      lastLineAt = at;
      output.write(`${text}\n`);
      return;
    }
    if (bar === undefined) {
      bar = new SingleBar({
        format: total === undefined ? '{text}' : '{bar} {text}',
        barCompleteChar: '█',
        barIncompleteChar: '░',
        barsize: 24,
        hideCursor: true,
        clearOnComplete: true,
        stream: process.stderr,
      });
      bar.start(Math.max(1, total ?? 1), 0, { text });
    }
    bar.update(Math.min(done, total ?? 1), { text });
  };
  const timer = setInterval(draw, isTerminal ? 200 : 1000);
  timer.unref();
  return {
    update(count) {
      done = count;
    },
    stop() {
      clearInterval(timer);
      bar?.stop();
    },
  };
}

/** `backfill: 12,345 of 100,000 objects, 2,345/s, 37 s left`. */
function describe({ label, unit, total }: ProgressOptions, done: number, perSecond: number): string {
  const of = total === undefined ? '' : ` of ${formatCount(total)}`;
  const left =
    total === undefined || perSecond <= 0 || done >= total
      ? ''
      : `, ${formatDuration(((total - done) / perSecond) * 1000)} left`;
  return `${label}: ${formatCount(done)}${of} ${unit}, ${formatCount(Math.round(perSecond))}/s${left}`;
}

/** How fast it went lately. */
class Rate {
  #samples: { readonly at: number; readonly done: number }[];

  constructor(startedAt: number) {
    this.#samples = [{ at: startedAt, done: 0 }];
  }

  add(at: number, done: number): void {
    this.#samples.push({ at, done });
    const [, second] = this.#samples;
    if (second !== undefined && at - second.at > rateWindowMs) this.#samples.shift();
  }

  perSecond(at: number): number {
    const [first] = this.#samples;
    const last = this.#samples.at(-1);
    if (first === undefined || last === undefined || at <= first.at) return 0;
    return ((last.done - first.done) / (at - first.at)) * 1000;
  }
}
