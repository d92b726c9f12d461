import type { FailedObject } from '@oms-sync/core';
import { formatCount, formatDuration, type Screen } from '../screen.ts';
import { classOf } from './filters.ts';

interface ReasonCount {
  readonly reasonClass: string;
  readonly code: string;
  count: number;
  /** When the oldest came on the list, ISO 8601. */
  oldest: string;
}

/** How many entries there are for each reason. */
export class ReasonCounts {
  total = 0;
  readonly #counts = new Map<string, ReasonCount>();

  add(entry: FailedObject): void {
    this.total++;
    const reasonClass = classOf(entry);
    const code = entry.errorCode ?? '';
    const key = `${reasonClass} ${code}`;
    const found = this.#counts.get(key);
    if (found === undefined) {
      this.#counts.set(key, { reasonClass, code, count: 1, oldest: entry.recordedAt });
      return;
    }
    found.count++;
    if (entry.recordedAt < found.oldest) found.oldest = entry.recordedAt;
  }

  /** The most frequent first. */
  get sorted(): readonly ReasonCount[] {
    return [...this.#counts.values()].sort((a, b) => b.count - a.count);
  }

  /** Shows a line for each reason. */
  show(screen: Screen): void {
    screen.table(
      ['class', 'code', 'objects', 'oldest'],
      this.sorted.map(({ reasonClass, code, count, oldest }) => [
        reasonClass,
        code,
        count,
        formatAge(oldest, Date.now()),
      ]),
    );
  }

  /** `12 objects: 10 passing HTTP.503, 2 refused OMS.0064`. */
  get summary(): string {
    const parts = this.sorted.map(({ reasonClass, code, count }) =>
      `${formatCount(count)} ${reasonClass} ${code}`.trimEnd(),
    );
    const noun = this.total === 1 ? 'entry' : 'entries';
    return `${formatCount(this.total)} ${noun}: ${parts.join(', ')}`;
  }

  toJSON(): unknown {
    const reasons = this.sorted.map(({ reasonClass, code, count, oldest }) => ({
      reason_class: reasonClass,
      error_code: code === '' ? undefined : code,
      objects: count,
      oldest,
    }));
    return { objects: this.total, reasons };
  }
}

/** How long ago something was: `3 d 4 h`. */
export function formatAge(time: string, now: number): string {
  const ms = now - Date.parse(time);
  return Number.isNaN(ms) ? 'unknown' : formatDuration(ms);
}
