import { describe, expect, it } from 'vitest';
import { systemClock } from './clock.ts';

describe('the real clock', () => {
  it('says what time it is', () => {
    const before = Date.now();
    expect(systemClock.now()).toBeGreaterThanOrEqual(before);
    expect(systemClock.now()).toBeLessThanOrEqual(Date.now());
  });

  it('sleeps', async () => {
    const startedAt = performance.now();
    await systemClock.sleep(3);
    await systemClock.sleep(3, new AbortController().signal);
    // Node.js counts whole milliseconds.
    expect(performance.now() - startedAt).toBeGreaterThan(4);
  });

  it('wakes up when it is told to, or does not go to sleep', async () => {
    const stop = new AbortController();
    const asleep = systemClock.sleep(60_000, stop.signal);
    stop.abort();
    await expect(asleep).resolves.toBeUndefined();
    await expect(systemClock.sleep(60_000, stop.signal)).resolves.toBeUndefined();
  });
});
