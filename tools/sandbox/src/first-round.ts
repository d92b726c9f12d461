import path from 'node:path';
import { showLog } from './log-view.ts';
import { samples } from './samples.ts';
import type { Sandbox } from './sandbox.ts';
import { count, describeReturn, type Screen } from './screen.ts';

/** An object of the first round. */
type Sample = (typeof samples)[number];

/** How the first round ended. */
export interface Arrivals {
  readonly arrived: number;
  readonly of: number;
}

/** As people call the stores. */
const storeNames = { obs: 'OBS', s3: 'S3', az: 'Azure Blob Storage', gs: 'Cloud Storage' } as const;

/** Puts the sample objects into the source bucket and shows how they arrive at the destination, step by step. */
export class FirstRound {
  readonly #sandbox: Sandbox;
  readonly #screen: Screen;
  readonly #logLines: string[];
  /** Those that the source's store can hold. */
  readonly #samples: readonly Sample[];
  /** Those that it cannot. */
  readonly #refused: readonly Sample[];

  constructor(sandbox: Sandbox, screen: Screen, logLines: string[]) {
    this.#sandbox = sandbox;
    this.#screen = screen;
    this.#logLines = logLines;
    const [channel] = sandbox.platform.channels;
    const isRefused = ({ name }: Sample) => channel.refuses?.(name) === true;
    this.#samples = samples.filter((sample) => !isRefused(sample));
    this.#refused = samples.filter(isRefused);
  }

  /** @returns how many objects arrived as they are. */
  async play(): Promise<Arrivals> {
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
    const { platform } = this.#sandbox;
    const show = (what: string, where: string) =>
      this.#screen.item(`${what.padEnd(35)} ${this.#screen.paint('cyan', where)}`);
    this.#screen.line(this.#screen.paint('bold', `oms-sync, at work on this machine: ${platform.name}`));
    show(`source bucket (${storeNames[platform.store]})`, shorten(source.root));
    // One stand-in serves all platforms here; each app can keep its lists in its own cloud as well.
    show('log bucket (OBS, on any platform)', shorten(logs.root));
    show('destination bucket (OBS)', shorten(destination.root));
    show(
      'function',
      `dist/apps/${platform.name}, by ${platform.channels[0].name}, Node.js ${process.versions.node}`,
    );
    show('OMS (stand-in)', omsUrl);
  }

  async #putSamples(): Promise<void> {
    this.#screen.title(`1. ${count(this.#samples.length, 'object')} are put into the source bucket`);
    for (const { name, body } of this.#samples) {
      await this.#sandbox.source.write(name, body);
      this.#screen.item(this.#screen.name(name));
    }
    for (const { name } of this.#refused) {
      const why = `left out, ${storeNames[this.#sandbox.platform.store]} takes no such name`;
      this.#screen.item(this.#screen.paint('dim', `${this.#screen.name(name)}   (${why})`));
    }
  }

  async #notify(): Promise<void> {
    this.#screen.title('2. The bucket notifies the function, which logs');
    const changes = this.#samples.map(({ name }) => ({ name, kind: 'created' as const }));
    const { returned, error } = await this.#sandbox.notify(changes);
    showLog(this.#screen, this.#logLines.splice(0));
    if (returned.length > 0) this.#screen.item(this.#screen.paint('red', describeReturn(returned, error)));
  }

  #showRequests(): void {
    const { received } = this.#sandbox;
    this.#screen.title(`3. OMS took ${count(received.length, 'request')}`);
    for (const { names, rawKeys } of received) {
      const shown = [...rawKeys.slice(0, 2), ...(rawKeys.length > 2 ? ['...'] : [])];
      this.#screen.item(`${count(names.length, 'object').padStart(10)}: ${shown.join(', ')}`);
    }
  }

  async #showArrivals(): Promise<Arrivals> {
    this.#screen.title('4. OMS copies them to the destination bucket, a little later');
    await this.#sandbox.settle();
    let arrivals = 0;
    for (const { name, body } of this.#samples) {
      const copy = await this.#sandbox.destination.read(name);
      const arrived = copy?.equals(Buffer.from(body)) === true;
      if (arrived) arrivals++;
      const verdict = arrived ? this.#screen.paint('green', 'arrived') : this.#screen.paint('red', 'MISSING');
      this.#screen.item(`${verdict}  ${this.#screen.name(name)}`);
    }
    this.#screen.item(`${arrivals} of ${this.#samples.length} arrived`);
    return { arrived: arrivals, of: this.#samples.length };
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
