import type { Observed } from './metrics.ts';

/** So long may everything stand still while something waits. */
const maxStandstillMs = 5 * 60_000;

export interface Progress extends Observed {
  /** Milliseconds since 1970, as the two others. */
  readonly startedAt: number;
  readonly lastSettledAt: number | undefined;
  readonly now: number;
}

/**
 * Why the service does not do its work, for everybody to read: without names, places and addresses. Empty when it does,
 * and while it is paused: that is somebody's will.
 */
export function findStandstill(progress: Progress): string[] {
  const { dispatcher, sources, startedAt, lastSettledAt, now } = progress;
  const down = sources
    .filter(
      ({ state }) => state.status !== 'waiting' && (state.status !== 'running' || state.detail !== undefined),
    )
    .map(({ name, state }) => `source ${name}: ${state.status === 'running' ? 'troubled' : state.status}`);
  // By our own clock only: what just came may have waited for days.
  const waitsSince = Math.min(
    dispatcher.oldestHeldSince ?? Infinity,
    progress.backlog().oldestSince ?? Infinity,
  );
  const since = Math.max(waitsSince, lastSettledAt ?? startedAt);
  const standsStill = !dispatcher.isPaused && now - since > maxStandstillMs;
  return standsStill
    ? [...down, `nothing was settled for ${Math.floor((now - since) / 60_000)} minutes, and objects wait`]
    : down;
}

/** Since when the oldest of what waits does, in milliseconds since 1970; undefined if nothing waits. */
export function findOldest({
  dispatcher,
  backlog,
}: Pick<Observed, 'dispatcher' | 'backlog'>): number | undefined {
  const since = Math.min(dispatcher.oldestWaitingSince ?? Infinity, backlog().oldestSince ?? Infinity);
  return since === Infinity ? undefined : since;
}
