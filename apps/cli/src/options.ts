import { InvalidArgumentError } from 'commander';

/** Reads the number of an option. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1e9)) throw new InvalidArgumentError('Expected a number above 0.');
  return value;
}

const maxParallel = 100;

/** Reads how many things go on side by side. */
export function parseParallel(text: string): number {
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= maxParallel) return count;
  throw new InvalidArgumentError(`Expected a whole number from 1 to ${maxParallel}.`);
}

const unitsMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * Reads a point in time: ISO 8601 (without a zone, UTC), or how long ago, such as `90m`, `12h`, `7d`, or `now`.
 *
 * @returns milliseconds since 1970.
 */
export function parseTime(text: string): number {
  if (text === 'now') return Date.now();
  const [, count, unit] = /^(\d{1,6})([smhd])$/.exec(text) ?? [];
  if (count !== undefined && (unit === 's' || unit === 'm' || unit === 'h' || unit === 'd')) {
    return Date.now() - Number(count) * unitsMs[unit];
  }
  const isIso = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/.test(text);
  const hasZone = /Z$|[+-]\d{2}:\d{2}$/.test(text) || !text.includes('T');
  const time = isIso ? Date.parse(hasZone ? text : `${text}Z`) : Number.NaN;
  if (Number.isNaN(time) || !isDate(text.slice(0, 10))) {
    throw new InvalidArgumentError(
      'Expected a time such as 2026-01-31T12:00:00Z or 2026-01-31, how long ago such as 90m, 12h or 7d, or now.',
    );
  }
  return time;
}

/** `Date.parse` takes February 30 for March 2. */
function isDate(day: string): boolean {
  return new Date(Date.parse(day)).toISOString().startsWith(day);
}

const unitsBytes = { '': 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12 };

/** Reads a size in bytes: `0`, `500k`, `10M`, `2G`, in powers of 1,000. */
export function parseSize(text: string): number {
  const [, count, unit = ''] = /^(\d{1,12})([kMGT]?)$/.exec(text) ?? [];
  if (count === undefined || !(unit === '' || unit === 'k' || unit === 'M' || unit === 'G' || unit === 'T')) {
    throw new InvalidArgumentError('Expected a size in bytes, such as 0, 500k, 10M or 2G.');
  }
  return Number(count) * unitsBytes[unit];
}
