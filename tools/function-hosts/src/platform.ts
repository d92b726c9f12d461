import type { HostOptions } from './invocation.ts';

/** What happened to an object of the source bucket. */
export interface Change {
  readonly name: string;
  readonly kind: 'created' | 'removed';
  /** Default: the source bucket of the tests, `source`. */
  readonly bucket?: string;
}

/** How the platform took the answer of the function. */
export interface Delivery {
  /** The names whose events the platform will deliver again: all of an invocation that failed, or single ones. */
  readonly returned: readonly string[];
  /** What the function said when an invocation failed. */
  readonly error: string | undefined;
}

/** A way from the bucket to the function, with its own encoding of names. */
export interface Channel {
  /** Such as `SQS, SNS inside`. */
  readonly name: string;
  /** How many changes one invocation can hold. */
  readonly batch: number;
  /**
   * Makes the native event of one invocation. `deliveries` counts how often the platform has delivered it, from 1, where
   * it says so.
   */
  makeEvent(changes: readonly Change[], deliveries: number): unknown;
  /**
   * From this delivery on, `on_failure=redeliver` must record what a passing fault hit: the platform may be about to give
   * up. Left out where it takes back all of an event or nothing.
   */
  readonly lastDelivery?: number;
  /** Settings that this channel needs. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Names that cannot come this way, because the store itself refuses them. */
  readonly refuses?: (name: string) => boolean;
}

/** The function of one platform, running. */
export interface RunningFunction {
  /** Delivers one event and reads the platform's answer as the platform does. */
  deliver(channel: Channel, changes: readonly Change[], deliveries?: number): Promise<Delivery>;
  /** Delivers something that is no event of ours. */
  deliverRaw(event: unknown): Promise<{ readonly error: string | undefined }>;
  /** Delivers what the platform's scheduler delivers, which makes the function replay the failed list. */
  replay(): Promise<{ readonly error: string | undefined }>;
  /**
   * Ends the function's process, whatever it is doing, as nobody can hinder; the next delivery starts a new one. False: there
   * was none.
   */
  kill(): Promise<boolean>;
  stop(): Promise<void>;
}

/** One platform, as the conformance suite sees it. */
export interface Platform<Running extends RunningFunction = RunningFunction> {
  readonly name: 'functiongraph' | 'aws-lambda' | 'azure-functions' | 'gcf';
  /** The store of its source bucket, as `log_bucket` names it. */
  readonly store: 'obs' | 's3' | 'az' | 'gs';
  /** The versions of Node.js that it offers. */
  readonly nodeVersions: readonly string[];
  /** The first one is used where a behaviour does not depend on the channel. */
  readonly channels: readonly [Channel, ...Channel[]];
  /** Behaviours that it cannot have, by name, each with the reason. */
  readonly cannot: Readonly<Record<string, string>>;
  start(options: HostOptions): Running;
}
