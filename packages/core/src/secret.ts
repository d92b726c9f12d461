import { inspect } from 'node:util';

/**
 * A value that must not be seen. Whatever prints it (a log, `JSON.stringify`, `util.inspect`, a template string)
 * shows `[secret]`; only {@link Secret.reveal} gives it away, and that call is easy to find.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return '[secret]';
  }

  toJSON(): string {
    return '[secret]';
  }

  [inspect.custom](): string {
    return '[secret]';
  }
}
