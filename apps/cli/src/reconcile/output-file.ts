import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import { UsageError } from '../exit-code.ts';

const charactersAtOnce = 1 << 18;

/** A file that has its name only when it is whole: what was cut off does not look like a short result. */
export class OutputFile {
  readonly #name: string;
  readonly #temporaryName: string;
  readonly #file: FileHandle;
  #text = '';
  #isOpen = true;

  private constructor(name: string, temporaryName: string, file: FileHandle) {
    this.#name = name;
    this.#temporaryName = temporaryName;
    this.#file = file;
  }

  /**
   * @param option that names it.
   * @throws {UsageError} if it cannot be written.
   */
  static async open(option: string, name: string): Promise<OutputFile> {
    const temporaryName = `${name}.partial`;
    try {
      return new OutputFile(name, temporaryName, await open(temporaryName, 'w'));
    } catch (error) {
      throw new UsageError(`${option}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }

  async write(text: string): Promise<void> {
    this.#text += text;
    if (this.#text.length >= charactersAtOnce) await this.#flush();
  }

  /** Everything is written: the file gets its name. */
  async finish(): Promise<void> {
    await this.#flush();
    this.#isOpen = false;
    await this.#file.close();
    await rename(this.#temporaryName, this.#name);
  }

  /** To be called in any case: what is not finished goes. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#file.close();
    await rm(this.#temporaryName, { force: true });
  }

  async #flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    await this.#file.writeFile(text);
  }
}
