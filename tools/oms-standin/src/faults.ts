import { parseFaults } from './fault-schema.ts';

/** Which requests a fault befalls. Without any of these: every CreateSyncEvents request. */
export interface FaultScope {
  /** The part of the matching requests, 0 to 1, drawn at random. */
  readonly share?: number;
  /** Only requests that hold one of these names (decoded). */
  readonly names?: readonly string[];
  /** Only so many requests; then the fault is spent. */
  readonly times?: number;
  /** So many matching requests pass first. */
  readonly after?: number;
  /** Also the other routes of the API. */
  readonly everywhere?: boolean;
}

/**
 * Answers with a status instead of accepting the request. Without `errorCode` and `errorMessage` they are what the
 * service or its gateway has for that status. `retryAfter`: seconds, or a whole header value such as an HTTP date.
 * `body`: sent as it is in place of the JSON.
 */
export interface AnswerFault {
  readonly kind: 'answer';
  readonly status: number;
  readonly errorCode?: string;
  readonly errorMessage?: string;
  readonly retryAfter?: number | string;
  readonly body?: string;
}

/** Waits, then serves the request as usual. It is accepted after the wait, also when the client has left. */
export interface SlowFault {
  readonly kind: 'slow';
  readonly delayMs: number;
}

/**
 * Resets the connection. `before`: once the headers are there (the body is read first only when a fault with `names`
 * had to look into it). `during`: after half the head of an answer. `after`: the request is accepted, its answer never
 * sent.
 */
export interface ResetFault {
  readonly kind: 'reset';
  readonly when: 'before' | 'during' | 'after';
}

/** Never answers, and does not accept the request. The connection stays open. */
export interface BlackHoleFault {
  readonly kind: 'black-hole';
}

/** Accepts the request and answers 200 with a body that is not JSON, though its type says so. */
export interface GarbageFault {
  readonly kind: 'garbage';
}

/** Accepts the request and answers 200 with a body shorter than its Content-Length, then closes. */
export interface TruncatedFault {
  readonly kind: 'truncated';
}

/**
 * Something that goes wrong on purpose. `slow`, `reset` `after`, `garbage` and `truncated` leave the request to be
 * accepted, or refused, as usual: one that is refused (a wrong signature, say) gets its plain refusal. All others
 * happen instead of acceptance.
 */
export type Fault = FaultScope &
  (AnswerFault | SlowFault | ResetFault | BlackHoleFault | GarbageFault | TruncatedFault);

/** Switches faults on and off. The first fault of the array that befalls a request is the one it gets. */
export interface FaultSwitch {
  /** Puts these faults in place of all before. Throws a TypeError that says what is wrong with them. */
  set(faults: readonly Fault[]): void;
  clear(): void;
}

interface FaultState {
  readonly fault: Fault;
  matched: number;
  befallen: number;
}

/** The faults that are on, and how often each has befallen a request. */
export class Faults implements FaultSwitch {
  readonly #random: () => number;
  #states: FaultState[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  get current(): readonly Fault[] {
    return this.#states.map(({ fault }) => fault);
  }

  set(faults: unknown): void {
    this.#states = parseFaults(faults).map((fault) => ({ fault, matched: 0, befallen: 0 }));
  }

  clear(): void {
    this.#states = [];
  }

  /** The fault that befalls a request. Its names are asked for only when a fault depends on them. */
  async choose(isEvents: boolean, readNames: () => Promise<readonly string[]>): Promise<Fault | undefined> {
    for (const state of this.#states) {
      const { fault } = state;
      if (!isEvents && fault.everywhere !== true) continue;
      if (fault.names !== undefined) {
        const names = await readNames();
        if (!fault.names.some((name) => names.includes(name))) continue;
      }
      if (this.#befalls(state)) return fault;
    }
    return undefined;
  }

  #befalls(state: FaultState): boolean {
    const { after = 0, times = Infinity, share = 1 } = state.fault;
    state.matched += 1;
    if (state.matched <= after || state.befallen >= times || this.#random() >= share) return false;
    state.befallen += 1;
    return true;
  }
}
