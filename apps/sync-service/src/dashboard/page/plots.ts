import UPlot from 'uplot';
import type { TimelineReport } from '../status-report.ts';
import { element, setText } from './elements.ts';
import { formatClock, formatNumber, formatSeconds } from './format.ts';

interface Line {
  readonly label: string;
  /** Name of a variable of the style sheet. */
  readonly color: string;
  readonly read: (timeline: TimelineReport) => readonly number[];
}

const throughputLines: readonly Line[] = [
  { label: 'received', color: '--other', read: (timeline) => timeline.received },
  { label: 'requested', color: '--good', read: (timeline) => timeline.requested },
  { label: 'not requested', color: '--bad', read: (timeline) => timeline.unrequested },
];
const lagLines: readonly Line[] = [
  { label: 'lag', color: '--warn', read: (timeline) => timeline.lag_seconds },
];
const height = 220;

/** A plot of the last hour, in the colours of the theme that is on. */
export class Plot {
  readonly #id: string;
  readonly #lines: readonly Line[];
  readonly #format: (value: number) => string;
  readonly #plot: UPlot;

  private constructor(id: string, lines: readonly Line[], format: (value: number) => string) {
    this.#id = id;
    this.#lines = lines;
    this.#format = format;
    const target = element(`${id}-plot`);
    const axis = {
      stroke: () => readColor('--quiet'),
      grid: { stroke: () => readColor('--line'), width: 1 },
      ticks: { show: false },
      font: '12px system-ui, sans-serif',
    };
    const options: UPlot.Options = {
      width: Math.max(1, target.clientWidth),
      height,
      ms: 1,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.1)] } },
      axes: [
        {
          ...axis,
          size: 30,
          space: 90,
          values: (_plot: UPlot, times: number[]) => formatClocks(times),
        },
        {
          ...axis,
          size: 56,
          values: (_plot: UPlot, values: number[]) => values.map((value) => formatNumber(value)),
        },
      ],
      series: [
        {},
        ...lines.map(({ color }) => ({
          stroke: () => readColor(color),
          width: 2,
          points: { show: false },
        })),
      ],
      hooks: { setCursor: [(plot) => this.#read(plot.cursor.idx)] },
    };
    this.#plot = new UPlot(options, [[], ...lines.map(() => [])], target);
    new ResizeObserver(() => this.#plot.setSize({ width: Math.max(1, target.clientWidth), height })).observe(
      target,
    );
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#plot.redraw());
  }

  static throughput(): Plot {
    return new Plot('throughput', throughputLines, (value) => `${formatNumber(value)}/s`);
  }

  static lag(): Plot {
    return new Plot('lag', lagLines, formatSeconds);
  }

  show(timeline: TimelineReport): void {
    const columns = this.#lines.map((line) => [...line.read(timeline)]);
    this.#plot.setData([[...timeline.time], ...columns]);
    const parts = this.#lines.map(({ label }, index) => {
      const values = columns[index] ?? [];
      const most = values.reduce((most, value) => Math.max(most, value), 0);
      return `${label} ${this.#format(values.at(-1) ?? 0)} now, ${this.#format(most)} at most`;
    });
    element(`${this.#id}-plot`).setAttribute('aria-label', `The last hour: ${parts.join('; ')}`);
    this.#read(this.#plot.cursor.idx);
  }

  /** Says what the lines are where the pointer is. */
  #read(index: number | null | undefined): void {
    const [times, ...columns] = this.#plot.data;
    const time = index === null || index === undefined ? undefined : times[index];
    if (index === null || index === undefined || time === undefined) {
      setText(`${this.#id}-reading`, times.length < 2 ? 'The first figures come in a few seconds.' : '');
      return;
    }
    const parts = this.#lines.map(
      ({ label }, line) => `${label} ${this.#format(columns[line]?.[index] ?? 0)}`,
    );
    setText(`${this.#id}-reading`, `${formatClock(time)}  ${parts.join(', ')}`);
  }
}

/** With seconds where minutes alone would be the same again and again. */
function formatClocks(times: readonly number[]): string[] {
  const [first = 0, second = Infinity] = times;
  return times.map((time) => formatClock(time).slice(0, second - first < 60_000 ? 8 : 5));
}

/** As the browser computes it: `light-dark()` is no colour for a canvas. */
function readColor(variable: string): string {
  const probe = element('state-text');
  const before = probe.style.color;
  probe.style.color = `var(${variable})`;
  const { color } = getComputedStyle(probe);
  probe.style.color = before;
  return color;
}
