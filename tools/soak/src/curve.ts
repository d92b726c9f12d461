import type { Sample } from './soak-run.ts';

interface Row<Item> {
  readonly title: string;
  readonly read: (sample: Item) => number;
}

const megabyte = 1024 * 1024;
const rows: readonly Row<Sample>[] = [
  { title: 'names a second', read: ({ namesPerSecond }) => namesPerSecond },
  { title: 'heap, MB', read: ({ heapUsed }) => heapUsed / megabyte },
  { title: 'memory, MB', read: ({ rss }) => rss / megabyte },
  { title: 'handles', read: ({ handles }) => handles },
  { title: 'median latency, ms', read: ({ medianMs }) => medianMs },
  { title: '99th percentile, ms', read: ({ p99Ms }) => p99Ms },
];

const blocks = '▁▂▃▄▅▆▇█';
const columns = 72;

/** The curves as lines of text, from 0 to the maximum of each. */
export function drawText(samples: readonly Sample[]): string {
  return drawRows(rows, samples);
}

/** Curves of anything as lines of text, from 0 to the maximum of each. */
export function drawRows<Item>(rows: readonly Row<Item>[], samples: readonly Item[]): string {
  return rows
    .map(({ title, read }) => {
      const values = thin(samples.map(read), columns);
      const most = Math.max(...values);
      const line = values
        .map((value) => blocks[Math.min(7, Math.floor((value / (most || 1)) * 8))] ?? '')
        .join('');
      return `${title.padEnd(20)} ${line} ${Math.round(most).toLocaleString('en')} at most`;
    })
    .join('\n');
}

const width = 720;
const height = 90;
const left = 150;

/** The curves as a picture; grey is where faults were on. */
export function drawSvg(samples: readonly Sample[]): string {
  const end = samples.at(-1)?.second ?? 1;
  const x = (second: number) => (left + (second / end) * (width - left - 10)).toFixed(1);
  const shades = samples.flatMap(({ phase, second }, index) => {
    const before = samples[index - 1]?.second ?? 0;
    return phase === 'calm'
      ? []
      : [
          `<rect x="${x(before)}" y="0" width="${(Number(x(second)) - Number(x(before))).toFixed(1)}" height="${rows.length * height}" fill="#8883"><title>${phase}</title></rect>`,
        ];
  });
  const curves = rows.map(({ title, read }, index) => {
    const most = Math.max(...samples.map(read));
    const y = (value: number) =>
      ((index + 1) * height - 8 - (value / (most || 1)) * (height - 24)).toFixed(1);
    const points = samples.map((sample) => `${x(sample.second)},${y(read(sample))}`).join(' ');
    return `<text x="8" y="${index * height + 20}">${title}</text>
<text x="8" y="${index * height + 38}" fill="#888">to ${Math.round(most).toLocaleString('en')}</text>
<polyline points="${points}" fill="none" stroke="#2a7" stroke-width="1.5"/>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${rows.length * height + 24}" font-family="sans-serif" font-size="13" fill="#777">
${shades.join('\n')}
${curves.join('\n')}
<text x="${left}" y="${rows.length * height + 16}">0 s</text><text x="${width - 10}" y="${rows.length * height + 16}" text-anchor="end">${Math.round(end)} s</text>
</svg>
`;
}

/** So many values at most, each the largest of its neighbours. */
function thin(values: readonly number[], count: number): number[] {
  const size = Math.max(1, values.length / count);
  return Array.from({ length: Math.min(count, values.length) }, (_, index) =>
    Math.max(...values.slice(Math.floor(index * size), Math.max(1, Math.floor((index + 1) * size)))),
  );
}
