import type { Delivery } from './delivery.ts';

/** How a source is. */
export interface SourceState {
  /** `waiting`: another replica does it, and this one would take over. */
  readonly status: 'connecting' | 'running' | 'waiting' | 'failed' | 'stopped';
  /** Why it failed, or what it waits for; for people, without secrets. */
  readonly detail?: string | undefined;
  /** What it is connected to, without secrets: a queue, a table, a path. */
  readonly place: string;
  /** What waits at the source itself, if it can tell: messages of a queue, bytes that a slot retains. */
  readonly backlog?: { readonly count: number; readonly unit: 'messages' | 'rows' | 'bytes' } | undefined;
}

/** A source can never work as it is set: it says what there is to do. */
export class SourceError extends Error {
  override readonly name = 'SourceError';
}

/** Takes a delivery, and resolves when there is room for the next one. */
export type Submit = (delivery: Delivery) => Promise<void>;

/**
 * Where the service learns of objects. What it delivers stays with it until it is settled. A connection that is lost is
 * made again by itself, with growing waits; nothing is thrown after {@link Source.start}.
 */
export interface Source {
  /** In metrics and logs: `smn`, `amqp`, `postgres`. */
  readonly name: string;
  readonly state: SourceState;
  /**
   * Begins to deliver.
   *
   * @throws {SourceError} only if it can never work: a wrong setting, no such queue.
   */
  start(submit: Submit): Promise<void>;
  /** Delivers nothing more. Called before the dispatcher hands back what is not settled. */
  stop(): Promise<void>;
  /** Ends the connections, when everything is settled or handed back. */
  close(): Promise<void>;
}
