/** What a request does, as the faults and the record of requests call it. */
export type FaultOperation = 'put' | 'get' | 'head' | 'list' | 'delete';

/** One thing that goes wrong, for the requests that it is about. */
export type Fault = {
  /** All operations when left out. */
  readonly operation?: FaultOperation;
  /** All keys when left out; for a listing, its prefix counts as the key. */
  readonly keyPrefix?: string;
  /** Which part of the requests it hits, 0 to 1, evenly spread; all when left out. */
  readonly share?: number;
  /** How often it happens at most; always when left out. */
  readonly times?: number;
} & (
  | {
      /** Another answer, and nothing done. */
      readonly kind: 'answer';
      readonly status: number;
      readonly code: string;
      /** The header of that name: seconds, or a date. */
      readonly retryAfter?: number | string;
      /** A page that stands in place of all that the store would say, as a proxy on the way answers; the code is not in it. */
      readonly page?: string;
    }
  | {
      /** All done and answered, but later. */
      readonly kind: 'slow';
      readonly delayMs: number;
    }
  | {
      /**
       * `reset`: the connection is reset, and nothing done. `black-hole`: nothing done and no answer, until the
       * client gives up. `truncated`: all done, but the connection ends in the middle of the answer.
       */
      readonly kind: 'reset' | 'black-hole' | 'truncated';
    }
);

interface Armed {
  readonly fault: Fault;
  /** Times that are left. */
  left: number;
  /** The share of the requests so far, less those that were hit. */
  due: number;
}

/** The faults that are switched on. */
export class Faults {
  #armed: readonly Armed[] = [];

  /** Replaces the faults; the first that is about a request hits it. */
  set(faults: readonly Fault[]): void {
    this.#armed = faults.map((fault) => ({ fault, left: fault.times ?? Infinity, due: 0 }));
  }

  clear(): void {
    this.#armed = [];
  }

  /** The fault that hits this request, if any. Counts it. */
  take(operation: FaultOperation, key: string): Fault | undefined {
    for (const armed of this.#armed) {
      const { fault } = armed;
      if (fault.operation !== undefined && fault.operation !== operation) continue;
      if (!key.startsWith(fault.keyPrefix ?? '') || armed.left <= 0) continue;
      armed.due += fault.share ?? 1;
      if (armed.due < 1 - Number.EPSILON * 16) continue;
      armed.due -= 1;
      armed.left -= 1;
      return fault;
    }
    return undefined;
  }
}
