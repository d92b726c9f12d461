import Table from 'cli-table3';
import pc from 'picocolors';
import { startProgress, type Progress } from './progress.ts';

/** A stream that text goes to, as `process.stdout`. */
export interface Output {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Color = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export type Paint = (color: Color, text: string | number) => string;

/** What stands in a table: text as it comes from anywhere, a number, or a word of ours in a colour. */
export type Cell = string | number | { readonly color: Color; readonly text: string };

/**
 * Where a command shows what it found: results on standard output (text for people, or JSON with `--json`), and on
 * standard error what is only of interest while it runs. Colours and bars on a terminal only.
 */
export class Screen {
  /** With `--json`: {@link line} and {@link table} show nothing, {@link json} does. */
  readonly isJson: boolean;
  /** How wide a line may be. */
  readonly columns: number;
  readonly #stdout: Output;
  readonly #stderr: Output;
  readonly #colors: ReturnType<typeof pc.createColors>;

  constructor(options: {
    readonly stdout: Output;
    readonly stderr: Output;
    readonly isJson: boolean;
    /** `NO_COLOR` is set. */
    readonly noColor: boolean;
  }) {
    this.isJson = options.isJson;
    this.#stdout = options.stdout;
    this.#stderr = options.stderr;
    this.columns = options.stdout.columns ?? 100;
    this.#colors = pc.createColors(options.stdout.isTTY === true && !options.noColor);
  }

  readonly paint: Paint = (color, text) => this.#colors[color](text);

  /** A line for people, which may be painted; what others have painted goes through {@link showName} first. */
  line(text = ''): void {
    if (!this.isJson) this.#stdout.write(`${showPainted(text)}\n`);
  }

  /** Empties the screen for what is drawn next in its place; on a terminal only. */
  clear(): void {
    if (!this.isJson && this.#stdout.isTTY === true) this.#stdout.write('\u001B[2J\u001B[H');
  }

  /** A table for people. */
  table(head: readonly string[], rows: readonly (readonly Cell[])[]): void {
    if (this.isJson) return;
    const table = new Table({
      head: head.map((text) => this.paint('bold', text)),
      chars: borderless,
      style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
    });
    for (const row of rows) table.push(row.map((cell) => formatCell(cell, this.paint)));
    const text = table.toString().replace(/[ ]+$/gm, '');
    this.#stdout.write(`${text}\n`);
  }

  /** One JSON document, or one line of many, for machines. */
  json(value: unknown): void {
    if (this.isJson) this.#stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** Text as it is, whatever the format: what a command was asked to print. */
  raw(text: string): void {
    this.#stdout.write(text);
  }

  /** Something that people should know, beside the results. */
  note(text: string): void {
    this.#stderr.write(`${showText(text)}\n`);
  }

  /** Shows how far something is, with rate and remaining time, if it takes longer than a moment. */
  progress(label: string, unit: string, total?: number): Progress {
    return startProgress({ label, unit, total, output: this.#stderr, now: Date.now });
  }
}

const borderless = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '',
};

function formatCell(cell: Cell, paint: Paint): { content: string; hAlign: 'left' | 'right' } {
  if (typeof cell === 'number') return { content: formatCount(cell), hAlign: 'right' };
  const content = typeof cell === 'string' ? showName(cell) : paint(cell.color, cell.text);
  return { content, hAlign: 'left' };
}

/** `1,234,567`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en');
}

/** `1 object`, `2 objects`. */
export function formatNumberOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `1.5 GB`, in powers of 1,000. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** `45 s`, `3 min 20 s`, `5 h 10 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([count]) => count > 0);
  if (first === -1) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([count]) => count > 0)
    .map(([count, unit]) => `${count} ${unit}`)
    .join(' ');
}

/** What moves the cursor, colours the screen, breaks a line or turns the direction of writing. */
const unsafe = /[\p{Cc}\p{Cs}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu;
/** The sequences of {@link Screen.paint}, between which a text is looked at. */
const colorSequence = new RegExp(`(${String.fromCodePoint(0x1b)}\\[\\d+m)`);

/** A name of an object for a terminal: characters that could do something to it as escapes. */
export function showName(name: string): string {
  return name.replace(
    unsafe,
    (character) => `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** Text of several lines that may hold a name, such as an error message. */
export function showText(text: string): string {
  return text.split('\n').map(showName).join('\n');
}

/** Text of ours, that may be painted and hold a name. */
function showPainted(text: string): string {
  // Every second part is a colour.
  return text
    .split(colorSequence)
    .map((part, index) => (index % 2 === 0 ? showText(part) : part))
    .join('');
}
