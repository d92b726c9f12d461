import type { Clock } from './clock.ts';
import type { SyncEventSink } from './oms-client.ts';

/**
 * Lets no more than so many names a second through to OMS, evenly: a request goes out when the names of those before it
 * have had their time. An idle second is not made up for.
 *
 * For runs without a deadline: the time-out of a request begins to run when it is sent, after the wait.
 *
 * @param namesPerSecond above 0.
 */
export function limitRate(sink: SyncEventSink, namesPerSecond: number, clock: Clock): SyncEventSink {
  /** When the next request may go out. */
  let freeAt = 0;
  return {
    async createSyncEvents(names, timeoutMs, onSent) {
      const now = clock.now();
      const startAt = Math.max(now, freeAt);
      freeAt = startAt + (names.length / namesPerSecond) * 1000;
      if (startAt > now) await clock.sleep(startAt - now);
      await sink.createSyncEvents(names, timeoutMs, onSent);
    },
  };
}
