import type { Dispatcher } from './dispatcher.ts';
import type { Source } from './source.ts';

/** What readiness is judged by. */
export interface Progress {
  readonly now: number;
  /** When the service began, in milliseconds since 1970. */
  readonly startedAt: number;
  readonly sources: readonly Pick<Source, 'name' | 'state'>[];
  readonly dispatcher: Pick<Dispatcher, 'held' | 'oldestHeldSince' | 'lastSettledAt' | 'isPaused'>;
}

/** So long may something wait while nothing is settled. Longer than a request and its tries take. */
const maxStillMs = 120_000;

/**
 * Does the service get on? Running is not enough: a source may be cut off, or OMS away.
 *
 * @returns what is in its way, for people; empty if nothing is.
 */
export function findHindrances({ now, startedAt, sources, dispatcher }: Progress): string[] {
  const hindrances = sources
    .filter(({ state }) => state.status !== 'running')
    .map(
      ({ name, state }) =>
        `${name} is ${state.status}${state.detail === undefined ? '' : `: ${state.detail}`}`,
    );
  const { oldestHeldSince: waitingSince, lastSettledAt = startedAt, isPaused, held } = dispatcher;
  const stillMs = waitingSince === undefined ? 0 : now - Math.max(waitingSince, lastSettledAt);
  // Somebody wanted it to wait.
  if (stillMs > maxStillMs && !isPaused) {
    hindrances.push(
      `${held} records wait, and nothing was settled for ${Math.round(stillMs / 1000)} s: is OMS or the log bucket away?`,
    );
  }
  return hindrances;
}
