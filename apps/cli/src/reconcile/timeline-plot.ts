import { formatCount, formatDuration } from '../screen.ts';
import type { Bar, Timeline } from './timeline.ts';

const width = 960;
const height = 210;
const left = 46;
const bottom = 26;
const top = 8;
const dayMs = 86_400_000;
const maxLabels = 7;

/** The timeline as SVG: for each bar how many objects that changed then are missing, and how many are stale. */
export function drawTimeline({ bars, widthMs }: Timeline): string {
  const highest = Math.max(1, ...bars.map(({ missing, stale }) => missing + stale));
  const step = findStep(highest / 4);
  const most = Math.ceil(highest / step) * step;
  const plotHeight = height - top - bottom;
  const yOf = (count: number) => top + plotHeight * (1 - count / most);
  const slot = (width - left) / Math.max(bars.length, 12);
  const barWidth = Math.max(2, Math.min(slot * 0.72, 36));
  const labelEvery = Math.ceil(bars.length / maxLabels);

  const lines = Array.from({ length: Math.round(most / step) + 1 }, (_, index) => {
    const y = yOf(index * step).toFixed(1);
    return `<line class="grid" x1="${left}" x2="${width}" y1="${y}" y2="${y}"/><text class="axis" x="${left - 8}" y="${y}" dy="0.32em" text-anchor="end">${formatCount(index * step)}</text>`;
  });
  const shapes = bars.map((bar, index) => {
    const x = left + slot * index + (slot - barWidth) / 2;
    const missingTop = yOf(bar.missing);
    const staleTop = yOf(bar.missing + bar.stale);
    const rectangle = (name: string, y: number, end: number) =>
      end - y < 0.05
        ? ''
        : `<rect class="${name}" x="${x.toFixed(1)}" width="${barWidth.toFixed(1)}" y="${y.toFixed(1)}" height="${Math.max(1.5, end - y).toFixed(1)}" rx="1.5"/>`;
    const label =
      index % labelEvery === 0
        ? `<text class="axis" x="${(x + barWidth / 2).toFixed(1)}" y="${height - 6}" text-anchor="middle">${formatTick(bar.from, widthMs)}</text>`
        : '';
    return `<g class="bar"><title>${describeBar(bar, widthMs)}</title><rect class="hit" x="${(left + slot * index).toFixed(1)}" width="${slot.toFixed(1)}" y="${top}" height="${plotHeight}"/>${rectangle('missing', missingTop, yOf(0))}${rectangle('stale', staleTop, missingTop)}${label}</g>`;
  });
  return `<div class="plot"><svg class="timeline" viewBox="0 0 ${width} ${height}" role="img" aria-label="Missing and stale objects by the time when the source object changed, one bar for ${formatDuration(widthMs)}">${lines.join('')}${shapes.join('')}</svg></div>`;
}

function describeBar({ from, missing, stale }: Bar, widthMs: number): string {
  const start = new Date(from).toISOString().slice(0, 16).replace('T', ' ');
  return `${start} UTC and ${formatDuration(widthMs)} on: ${formatCount(missing)} missing, ${formatCount(stale)} stale`;
}

function formatTick(time: number, widthMs: number): string {
  const iso = new Date(time).toISOString();
  if (widthMs < dayMs) return `${iso.slice(5, 10)} ${iso.slice(11, 16)}`;
  return widthMs < 28 * dayMs ? iso.slice(0, 10) : iso.slice(0, 7);
}

/** 1, 2 or 5 times a power of ten. */
function findStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, least)));
  return Math.max(1, ([1, 2, 5, 10].find((factor) => factor * power >= least) ?? 10) * power);
}
