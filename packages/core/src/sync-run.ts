import type { Clock } from './clock.ts';
import { maxNamesPerRequest, type SyncEventSink } from './oms-client.ts';
import { OmsError, type OmsFaultClass } from './oms-error.ts';

/** What became of one name. `attempts` counts the requests that held it. */
export type Outcome =
  | { readonly kind: 'requested'; readonly attempts: number }
  | { readonly kind: 'unrequested'; readonly attempts: number; readonly reason: Reason };

/** Why an object was not requested. */
export interface Reason {
  /** As OMS's faults are classified; `invalid` is what is no name at all and was never sent. */
  readonly class: OmsFaultClass | 'invalid';
  /** OMS's error code, or the code of a network fault, or one of ours: `NotSent`, `InvalidName`. */
  readonly code: string;
  readonly message: string;
}

export interface SyncRunOptions {
  readonly oms: SyncEventSink;
  readonly clock: Clock;
  /** A number from 0 to below 1, as `Math.random` gives it. */
  readonly random: () => number;
  /** Lets so many requests to OMS be under way at a time; all runs of an instance share it. */
  readonly inTurn: InTurn;
  readonly requestTimeoutMs: number;
  readonly maxAttempts: number;
  /** No request is under way after this time, in milliseconds since 1970; `Infinity` for no limit. */
  readonly sendUntil: number;
  /** Called once for each name, as soon as it is settled. */
  readonly onSettled: (name: string, outcome: Outcome) => void;
}

/** Runs something as soon as it is its turn. */
export type InTurn = <Result>(act: () => Promise<Result>) => Promise<Result>;

/** The cost of a sync run. */
export interface SyncRunStatistics {
  /** Requests sent to OMS, retries included. */
  requests: number;
  /** Requests that were sent again after a passing fault. */
  retries: number;
  /** From the first request to the last answer. */
  omsMs: number;
}

const firstDelayMs = 200;
/** Throttling is relieved by waiting, a broken connection by trying again: so they start differently. */
const firstThrottledDelayMs = 1000;
const maxDelayMs = 20_000;
/** A longer `Retry-After` is no wait but an outage: the names are given up and can be replayed later. */
const maxRetryAfterMs = 5 * 60_000;

/**
 * Asks OMS to synchronize objects: in batches, several at a time, with retries of passing faults.
 *
 * Every name is settled exactly once, whatever happens:
 * - a refused batch is halved until the culprit stands alone (one bad name never harms its neighbours);
 * - a batch that keeps failing by an answer of OMS gets a last try, each name alone;
 * - after an identity fault nothing more is sent, since no other request will fare better;
 * - `Retry-After` stops all sending until then;
 * - nothing is under way after `sendUntil`.
 *
 * @param names no two of them equal.
 */
export async function runSync(names: readonly string[], options: SyncRunOptions): Promise<SyncRunStatistics> {
  const run = new SyncRun(options);
  const startedAt = options.clock.now();
  const batches: string[][] = [];
  for (let start = 0; start < names.length; start += maxNamesPerRequest) {
    batches.push(names.slice(start, start + maxNamesPerRequest));
  }
  await run.settleAll(batches);
  return { ...run.statistics, omsMs: options.clock.now() - startedAt };
}

/** It was not sent: the time was up, or an identity fault stopped the run. */
interface NotSent {
  readonly kind: 'not-sent';
}

class SyncRun {
  readonly statistics = { requests: 0, retries: 0 };
  readonly #options: SyncRunOptions;
  /** Resolves when the time to send is up: the turn of a batch may come later than that. */
  #timeIsUp: Promise<NotSent> = new Promise(() => undefined);
  /** Set by the first identity fault. */
  #stopped: Reason | undefined;
  /** Until when OMS asked for silence. */
  #silentUntil = 0;
  #silencedBy: Reason | undefined;

  constructor(options: SyncRunOptions) {
    this.#options = options;
  }

  async settleAll(batches: readonly (readonly string[])[]): Promise<void> {
    const { clock, sendUntil } = this.#options;
    const done = new AbortController();
    if (sendUntil !== Infinity) {
      const waitMs = Math.max(0, sendUntil - clock.now());
      this.#timeIsUp = clock.sleep(waitMs, done.signal).then(() => ({ kind: 'not-sent' }));
    }
    try {
      await Promise.all(batches.map((batch) => this.#settle(batch, 0)));
    } finally {
      done.abort();
    }
  }

  /** Settles all names of a batch. `attempts`: how many requests held them before. */
  async #settle(batch: readonly string[], attempts: number, firstTry = 1): Promise<void> {
    let lastFault: Reason | undefined;
    for (let tries = firstTry; ; tries++) {
      const result = await Promise.race([this.#options.inTurn(() => this.#send(batch)), this.#timeIsUp]);
      if (result.kind === 'not-sent') {
        return this.#giveUp(batch, attempts, this.#stopped ?? lastFault ?? this.#silencedBy ?? noTimeLeft);
      }
      attempts++;
      if (result.kind === 'accepted') {
        for (const name of batch) this.#options.onSettled(name, { kind: 'requested', attempts });
        return;
      }
      const { error } = result;
      if (isSplittable(error) && batch.length > 1) {
        const middle = Math.ceil(batch.length / 2);
        await Promise.all([
          this.#settle(batch.slice(0, middle), attempts),
          this.#settle(batch.slice(middle), attempts),
        ]);
        return;
      }
      if (error.faultClass !== 'passing') return this.#giveUp(batch, attempts, asReason(error));
      if (tries >= this.#options.maxAttempts) return this.#tryAlone(batch, attempts, error);
      lastFault = asReason(error);
      if (!(await this.#waitBeforeRetry(error, tries))) return this.#giveUp(batch, attempts, lastFault);
      this.statistics.retries++;
    }
  }

  async #send(
    batch: readonly string[],
  ): Promise<
    { readonly kind: 'accepted' } | { readonly kind: 'failed'; readonly error: OmsError } | NotSent
  > {
    const { oms, clock, requestTimeoutMs, sendUntil } = this.#options;
    while (clock.now() < this.#silentUntil) {
      const silentMs = this.#silentUntil - clock.now();
      if (this.#silentUntil >= sendUntil || silentMs > maxRetryAfterMs) return { kind: 'not-sent' };
      await clock.sleep(silentMs);
    }
    const leftMs = sendUntil - clock.now();
    if (this.#stopped !== undefined || leftMs < 1) return { kind: 'not-sent' };
    this.statistics.requests++;
    try {
      await oms.createSyncEvents(batch, Math.min(requestTimeoutMs, leftMs));
      return { kind: 'accepted' };
    } catch (error) {
      if (!(error instanceof OmsError)) throw error;
      // At once, before the next request takes its turn.
      if (error.faultClass === 'identity' && !(isSplittable(error) && batch.length > 1)) {
        this.#stopped ??= asReason(error);
      }
      if (error.faultClass === 'passing' && error.retryAfterMs !== undefined)
        this.#beSilent(error, error.retryAfterMs);
      return { kind: 'failed', error };
    }
  }

  /** Waits before the next try, with full jitter. Gives false when there is no time for one. */
  async #waitBeforeRetry(error: OmsError, tries: number): Promise<boolean> {
    const { clock, random, sendUntil } = this.#options;
    const retryAfterMs = error.retryAfterMs ?? 0;
    if (retryAfterMs > maxRetryAfterMs) return false;
    const ceiling = (error.throttled ? firstThrottledDelayMs : firstDelayMs) * 2 ** (tries - 1);
    const delayMs = retryAfterMs + random() * Math.min(ceiling, maxDelayMs);
    if (clock.now() + delayMs >= sendUntil) return false;
    await clock.sleep(delayMs);
    return true;
  }

  #beSilent(error: OmsError, forMs: number): void {
    this.#silentUntil = Math.max(this.#silentUntil, this.#options.clock.now() + forMs);
    this.#silencedBy = asReason(error);
  }

  /**
   * The last chance of a batch that OMS has answered with a passing fault each time: if one name is what makes it fail,
   * the others get through alone.
   */
  async #tryAlone(batch: readonly string[], attempts: number, error: OmsError): Promise<void> {
    if (batch.length === 1 || !isAnswer(error)) return this.#giveUp(batch, attempts, asReason(error));
    await Promise.all(batch.map((name) => this.#settle([name], attempts, this.#options.maxAttempts)));
  }

  #giveUp(batch: readonly string[], attempts: number, reason: Reason): void {
    for (const name of batch) this.#options.onSettled(name, { kind: 'unrequested', attempts, reason });
  }
}

const noTimeLeft: Reason = {
  class: 'passing',
  code: 'NotSent',
  message: 'the invocation had no time left to send it',
};

/** May it be about one name of the batch? A 403 without a code of OMS may come from a firewall in between. */
function isSplittable({ faultClass, code }: OmsError): boolean {
  return faultClass === 'refused' || (faultClass === 'identity' && code === 'HTTP.403');
}

/** Did OMS itself answer, and not that it is too busy or away? */
function isAnswer({ status }: OmsError): boolean {
  return status !== undefined && ![429, 502, 503, 504].includes(status);
}

function asReason(error: OmsError): Reason {
  return { class: error.faultClass, code: error.code, message: error.message };
}
