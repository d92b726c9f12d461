import path from 'node:path';
import type { Change } from '@oms-sync/function-hosts';
import { showLog } from './log-view.ts';
import type { Sandbox } from './sandbox.ts';
import { describeReturn, type Screen } from './screen.ts';
import { watchBucket } from './watcher.ts';

/** Synchronizes whatever happens in the source bucket, until stopped. */
export class WatchedRounds {
  readonly #sandbox: Sandbox;
  readonly #screen: Screen;
  readonly #logLines: string[];
  #inTurn: Promise<void> = Promise.resolve();
  #stopWatching: () => Promise<void> = () => Promise.resolve();

  private constructor(sandbox: Sandbox, screen: Screen, logLines: string[]) {
    this.#sandbox = sandbox;
    this.#screen = screen;
    this.#logLines = logLines;
  }

  static async start(sandbox: Sandbox, screen: Screen, logLines: string[]): Promise<WatchedRounds> {
    const rounds = new WatchedRounds(sandbox, screen, logLines);
    rounds.#stopWatching = await watchBucket(sandbox.source, (changes) => {
      rounds.#inTurn = rounds.#inTurn.then(() => rounds.#play(changes));
    });
    const faults = `${sandbox.omsUrl}/standin/faults`;
    screen.title(
      `Now it is your turn: watching the source bucket of ${sandbox.platform.name}. Ctrl-C stops.`,
    );
    screen.item(`drop a file into ${screen.paint('cyan', sandbox.source.root)}`);
    screen.item('or make OMS refuse, drop another one, and look at the failed list:');
    screen.item(`curl -X PUT ${faults} -d '[{"kind":"answer","status":400,"errorCode":"OMS.0064"}]'`);
    screen.item(`curl -X DELETE ${faults}   makes OMS well again`);
    return rounds;
  }

  /** Ends the watching; a round that is under way is finished first. */
  async stop(): Promise<void> {
    await this.#stopWatching();
    await this.#inTurn;
  }

  async #play(changes: readonly Change[]): Promise<void> {
    const screen = this.#screen;
    screen.line();
    const { returned, error } = await this.#sandbox.notify(changes);
    showLog(screen, this.#logLines.splice(0));
    if (returned.length > 0) screen.item(screen.paint('red', describeReturn(returned, error)));
    await this.#sandbox.settle();
    for (const { name, kind } of changes) {
      if (kind === 'created') screen.item(await this.#judge(name));
      else
        screen.item(
          `${screen.paint('yellow', 'removed')}  ${screen.name(name)}: stays at the destination, OMS does not synchronize deletions`,
        );
    }
  }

  /** Has the object arrived, and if not, why? */
  async #judge(name: string): Promise<string> {
    const { source, destination } = this.#sandbox;
    const [original, copy] = await Promise.all([source.read(name), destination.read(name)]);
    const shown = this.#screen.name(name);
    if (original !== undefined && copy?.equals(original) === true) {
      return `${this.#screen.paint('green', 'arrived')}  ${shown}`;
    }
    const failure = await this.#sandbox.readFailure(name);
    const why =
      failure && `, on the failed list: ${path.relative(process.cwd(), failure.file)}\n   ${failure.entry}`;
    return `${this.#screen.paint('red', 'MISSING')}  ${shown}${why ?? ''}`;
  }
}
