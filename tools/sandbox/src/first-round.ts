import path from 'node:path';
import { samples } from './samples.ts';
import type { Sandbox } from './sandbox.ts';
import { describeReturn, type Screen } from './screen.ts';

/** An object of the first round. */
type Sample = (typeof samples)[number];

/** Puts the sample objects into the source bucket and shows how they arrive at the destination, step by step. */
export class FirstRound {
  readonly #sandbox: Sandbox;
  readonly #screen: Screen;
  readonly #logLines: string[];
  /** Those that the source's store can hold. */
  readonly #samples: readonly Sample[];

  constructor(sandbox: Sandbox, screen: Screen, logLines: string[]) {
    this.#sandbox = sandbox;
    this.#screen = screen;
    this.#logLines = logLines;
    const [channel] = sandbox.platform.channels;
    this.#samples = samples.filter(({ name }) => channel.refuses?.(name) !== true);
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
    const { platform } = this.#sandbox;
    show(
      'function',
      `dist/apps/${platform.name}, by ${platform.channels[0].name}, Node.js ${process.versions.node}`,
    );
    show('OMS (stand-in)', omsUrl);
  }

  async #putSamples(): Promise<void> {
    this.#screen.title(`1. ${this.#samples.length} objects are put into the source bucket`);
    for (const { name, body } of this.#samples) {
      await this.#sandbox.source.write(name, body);
      this.#screen.item(this.#screen.name(name));
    }
  }

  async #notify(): Promise<void> {
    this.#screen.title('2. The bucket notifies the function, which logs');
    const changes = this.#samples.map(({ name }) => ({ name, kind: 'created' as const }));
    const { returned, error } = await this.#sandbox.notify(changes);
    for (const line of this.#logLines.splice(0)) this.#screen.item(this.#screen.paint('dim', line));
    if (returned.length > 0) this.#screen.item(this.#screen.paint('red', describeReturn(returned, error)));
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
    for (const { name, body } of this.#samples) {
      const copy = await this.#sandbox.destination.read(name);
      const arrived = copy?.equals(Buffer.from(body)) === true;
      if (arrived) count++;
      const verdict = arrived ? this.#screen.paint('green', 'arrived') : this.#screen.paint('red', 'MISSING');
      this.#screen.item(`${verdict}  ${this.#screen.name(name)}`);
    }
    this.#screen.item(`${count} of ${this.#samples.length} arrived`);
    return count === this.#samples.length;
  }

  async #showLists(): Promise<void> {
    this.#screen.title('5. The lists in the log bucket');
    for (const list of ['success_object', 'failed_object'] as const) {
      const names = await this.#sandbox.readList(list);
      const folder = path.join(shorten(this.#sandbox.logs.root), 'oms_source_record', list);
      this.#screen.item(`${String(names.length).padStart(2)} on ${this.#screen.paint('cyan', folder)}`);
    }
    const [first] = this.#samples;
    if (first === undefined) return;
    const body = await this.#sandbox.logs.read(`oms_source_record/success_object/${first.name}`);
    this.#screen.item(`${first.name}: ${this.#screen.paint('dim', String(body).trimEnd())}`);
  }
}

function shorten(folder: string): string {
  const relative = path.relative(process.cwd(), folder);
  return relative.startsWith('..') ? folder : relative;
}
