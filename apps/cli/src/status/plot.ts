/** A count over time: what happened from `time` (milliseconds since 1970) on. */
interface Point {
  readonly time: number;
  readonly count: number;
}

/** A time that is drawn as columns of equal length. */
export interface TimeSpan {
  /** In milliseconds since 1970. */
  readonly from: number;
  /** How much time a column stands for. */
  readonly columnMs: number;
  readonly columns: number;
  /** How many characters wide a column is. */
  readonly columnWidth: number;
}

/**
 * Divides a time into columns that fill a width, none shorter than the interval of the counts: each count lies in one
 * column, and all columns hold equally many.
 */
export function divideTime(
  { from, to, intervalMs }: { readonly from: number; readonly to: number; readonly intervalMs: number },
  width: number,
): TimeSpan {
  const columnMs = Math.max(1, Math.ceil((to - from) / width / intervalMs)) * intervalMs;
  const columns = Math.max(1, Math.ceil((to - from) / columnMs));
  return { from, columnMs, columns, columnWidth: Math.max(1, Math.floor(width / columns)) };
}

/** The sum of each column. What lies outside of the time is left out. */
export function sumColumns(points: readonly Point[], { from, columnMs, columns }: TimeSpan): number[] {
  const sums = Array.from({ length: columns }, () => 0);
  for (const { time, count } of points) {
    const column = Math.floor((time - from) / columnMs);
    const sum = sums[column];
    if (sum !== undefined) sums[column] = sum + count;
  }
  return sums;
}

const blocks = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/** Draws numbers from 0 on as blocks, the largest as a full one. Nothing is a dot; anything else is seen. */
export function plotBlocks(values: readonly number[], columnWidth = 1): string {
  const largest = Math.max(...values);
  return values
    .map((value) => {
      const block = value <= 0 ? '·' : blocks[Math.ceil((value / largest) * blocks.length) - 1];
      return (block ?? '█').repeat(columnWidth);
    })
    .join('');
}

/** The times under a plot: one in front, others as they fit, and that of now at the end. */
export function formatTimeAxis({ from, columnMs, columns, columnWidth }: TimeSpan): string {
  const width = columns * columnWidth;
  const spanMs = columns * columnMs;
  const label = (at: number) => `╵${formatTime(from + (at / width) * spanMs, spanMs)}`;
  const end = 'now╵';
  const step = Math.max(label(0).length + 2, Math.ceil(width / 4 / columnWidth) * columnWidth);
  let axis = '';
  for (let at = 0; at + label(at).length + 1 + end.length <= width; at += step) {
    axis = axis.padEnd(at) + label(at);
  }
  return axis.padEnd(Math.max(axis.length, width - end.length)) + end;
}

/** In UTC: of a day the time, of some days both, of longer the date. */
function formatTime(time: number, spanMs: number): string {
  const [date = '', clock = ''] = new Date(time).toISOString().slice(5, 16).split('T');
  if (spanMs <= 36 * 3_600_000) return clock;
  return spanMs <= 7 * 86_400_000 ? `${date} ${clock}` : date;
}
