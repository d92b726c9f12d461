/** What the run tells the driver. */
export type Command =
  /** Deliver events at full speed until `drain`. */
  | {
      readonly kind: 'start';
      readonly bundle: string;
      readonly settings: Readonly<Record<string, string>>;
      readonly sampleEveryMs: number;
    }
  /** Deliver again what was not acknowledged, and nothing new. */
  | { readonly kind: 'drain' }
  /** Deliver the event of a timer. */
  | { readonly kind: 'replay' };

/** What the driver, the process of the function, tells the run. */
export type Message =
  /** The function has acknowledged the names of these numbers, from the first to before the last. */
  | { readonly kind: 'acknowledged'; readonly from: number; readonly to: number }
  | { readonly kind: 'replayed'; readonly error: string | undefined }
  | { readonly kind: 'drained'; readonly sent: number }
  | ({ readonly kind: 'sample' } & DriverSample);

/** The process of the function, over the time since the last sample. */
export interface DriverSample {
  readonly invocations: number;
  /** Invocations that failed and were delivered again. */
  readonly failures: number;
  readonly names: number;
  /** Of invocations, in milliseconds. */
  readonly medianMs: number;
  readonly p99Ms: number;
  /** After a garbage collection, in bytes. */
  readonly heapUsed: number;
  readonly rss: number;
  /** Sockets, timers and requests that keep the process alive. */
  readonly handles: number;
}
