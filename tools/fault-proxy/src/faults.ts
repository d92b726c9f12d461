/** `up`: what the client sends. `down`: what the server answers. */
export type Direction = 'up' | 'down';

/** Which connections a fault befalls. Without any of these: all of them. */
export interface FaultScope {
  /** Only so many connections; then the fault is spent. */
  readonly times?: number;
  /** The part of the connections, 0 to 1, drawn at random. */
  readonly share?: number;
}

/**
 * What a bad network does to a connection. Those of one connection act together, in the order in which they are given.
 *
 * - `latency`: each piece is late by `ms`, and by up to `jitterMs` more.
 * - `bandwidth`: so many bytes a second, each way.
 * - `slicer`: everything comes in pieces of so many bytes.
 * - `slow-close`: the end of a direction is late.
 * - `black-hole`: what the client sends vanishes, and nothing ever comes back. `down`: the server gets all of it, but its
 *   answer vanishes, but for so many bytes (default 0).
 * - `data-limit`: the connection is closed, politely, after so many bytes in a direction.
 * - `reset`: the first request of HTTP on the connection ends in a reset. `before-body`: the server has the head only;
 *   `during-body`: half of the body too; `after-body`: it has the whole request and has begun to answer, but nothing of
 *   that arrives; `during-answer`: half of the first piece of it arrives.
 * - `connection-limit`: whoever comes while there are so many connections already is reset at once.
 */
export type NetworkFault = FaultScope &
  (
    | { readonly kind: 'latency'; readonly ms: number; readonly jitterMs?: number }
    | { readonly kind: 'bandwidth'; readonly bytesPerSecond: number }
    | { readonly kind: 'slicer'; readonly bytes: number }
    | { readonly kind: 'slow-close'; readonly ms: number }
    | { readonly kind: 'black-hole'; readonly direction?: Direction; readonly bytes?: number }
    | { readonly kind: 'data-limit'; readonly direction: Direction; readonly bytes: number }
    | {
        readonly kind: 'reset';
        readonly when: 'before-body' | 'during-body' | 'after-body' | 'during-answer';
      }
    | { readonly kind: 'connection-limit'; readonly most: number }
  );

/** The faults that are on, and how often each is still to befall a connection. */
export class ArmedFaults {
  readonly #random: () => number;
  #armed: { readonly fault: NetworkFault; left: number }[] = [];

  constructor(random: () => number) {
    this.#random = random;
  }

  set(faults: readonly NetworkFault[]): void {
    this.#armed = faults.map((fault) => ({ fault, left: fault.times ?? Infinity }));
  }

  /** The faults of a new connection. `open`: how many there are besides. */
  take(open: number): NetworkFault[] {
    const taken = this.#armed.filter(({ fault, left }) => {
      if (left <= 0 || (fault.kind === 'connection-limit' && open < fault.most)) return false;
      return fault.share === undefined || this.#random() < fault.share;
    });
    for (const armed of taken) armed.left--;
    return taken.map(({ fault }) => fault);
  }
}
