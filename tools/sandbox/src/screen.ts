import { styleText } from 'node:util';

type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** What the sandbox shows: colours on a terminal only, and names so that each stays on its line. */
export class Screen {
  readonly #out: NodeJS.WriteStream;
  readonly #hasColours: boolean;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
    this.#hasColours = out.isTTY && process.env['NO_COLOR'] === undefined;
  }

  line(text = ''): void {
    this.#out.write(`${text}\n`);
  }

  title(text: string): void {
    this.line(`\n${this.paint('bold', text)}`);
  }

  item(text: string): void {
    this.line(`   ${text}`);
  }

  paint(style: Style, text: string): string {
    return this.#hasColours ? styleText(style, text) : text;
  }

  /** An object's name on one line, whatever is in it. */
  name(name: string): string {
    return name.replace(/[\p{Cc}\\]/gu, (character) => JSON.stringify(character).slice(1, -1));
  }
}

/** `1 object`, `2 objects`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** Says that the platform could not be rid of everything. */
export function describeReturn(returned: readonly string[], error: string | undefined): string {
  return `${count(returned.length, 'object')} still with the platform${error === undefined ? '' : `: ${error}`}`;
}
