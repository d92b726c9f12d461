import path from 'node:path';
import { samples } from './samples.ts';
import type { Sandbox } from './sandbox.ts';
import type { Screen } from './screen.ts';

/** Puts the sample objects into the source bucket and shows how they arrive at the destination, step by step. */
export class FirstRound {
  readonly #sandbox: Sandbox;
  readonly #screen: Screen;
  readonly #logLines: string[];

  constructor(sandbox: Sandbox, screen: Screen, logLines: string[]) {
    this.#sandbox = sandbox;
    this.#screen = screen;
    this.#logLines = logLines;
  }

  /** @returns whether every object arrived as it is. */
  async play(): Promise<boolean> {
    this.#showPlaces();
    await this.#putSamples();
    await this.#notify();
    this.#showRequests();
    const arrived = await this.#showArrivals();
    await this.#showLists();
    return arrived;
  }

  #showPlaces(): void {
    const { source, logs, destination, omsUrl } = this.#sandbox;
    const show = (what: string, where: string) =>
      this.#screen.item(`${what.padEnd(20)} ${this.#screen.paint('cyan', where)}`);
    this.#screen.line(this.#screen.paint('bold', 'oms-sync, at work on this machine'));
    show('source bucket', shorten(source.root));
    show('log bucket', shorten(logs.root));
    show('destination bucket', shorten(destination.root));
    show('function', `dist/apps/functiongraph/index.js (FunctionGraph, Node.js ${process.versions.node})`);
    show('OMS (stand-in)', omsUrl);
  }

  async #putSamples(): Promise<void> {
    this.#screen.title(`1. ${samples.length} objects are put into the source bucket`);
    for (const { name, body } of samples) {
      await this.#sandbox.source.write(name, body);
      this.#screen.item(this.#screen.name(name));
    }
  }

  async #notify(): Promise<void> {
    this.#screen.title('2. OBS notifies the function, which logs');
    const changes = samples.map(({ name, body }) => ({
      name,
      kind: 'created' as const,
      size: Buffer.byteLength(body),
    }));
    const result = await this.#sandbox.notify(changes);
    for (const line of this.#logLines.splice(0)) this.#screen.item(this.#screen.paint('dim', line));
    if (!result.ok)
      this.#screen.item(this.#screen.paint('red', `${result.errorType}: ${result.errorMessage}`));
  }

  #showRequests(): void {
    const { received } = this.#sandbox;
    this.#screen.title(`3. OMS took ${received.length} requests`);
    for (const { names, rawKeys } of received) {
      this.#screen.item(
        `${String(names.length).padStart(2)} objects: ${rawKeys.slice(0, 2).join(', ')}, ...`,
      );
    }
  }

  async #showArrivals(): Promise<boolean> {
    this.#screen.title('4. OMS copies them to the destination bucket, a little later');
    await this.#sandbox.settle();
    let count = 0;
    for (const { name, body } of samples) {
      const copy = await this.#sandbox.destination.read(name);
      const arrived = copy?.equals(Buffer.from(body)) === true;
      if (arrived) count++;
      const verdict = arrived ? this.#screen.paint('green', 'arrived') : this.#screen.paint('red', 'MISSING');
      this.#screen.item(`${verdict}  ${this.#screen.name(name)}`);
    }
    this.#screen.item(`${count} of ${samples.length} arrived`);
    return count === samples.length;
  }

  async #showLists(): Promise<void> {
    this.#screen.title('5. The lists in the log bucket');
    for (const list of ['success_object', 'failed_object'] as const) {
      const names = await this.#sandbox.readList(list);
      const folder = path.join(shorten(this.#sandbox.logs.root), 'oms_source_record', list);
      this.#screen.item(`${String(names.length).padStart(2)} on ${this.#screen.paint('cyan', folder)}`);
    }
    const [first] = samples;
    if (first === undefined) return;
    const body = await this.#sandbox.logs.read(`oms_source_record/success_object/${first.name}`);
    this.#screen.item(`${first.name}: ${this.#screen.paint('dim', String(body).trimEnd())}`);
  }
}

function shorten(folder: string): string {
  const relative = path.relative(process.cwd(), folder);
  return relative.startsWith('..') ? folder : relative;
}
