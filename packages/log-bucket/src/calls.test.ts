import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { codeOf } from './faults.ts';
import { maxSockets, requestsInTurn } from './calls.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe('requests in turn', () => {
  it('are no more at a time than there are sockets, and their time begins with their turn', async () => {
    const inTurn = requestsInTurn(1_000);
    let running = 0;
    let most = 0;
    const answerAfter = (ms: number) =>
      inTurn(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setTimeout(resolve, ms));
        running -= 1;
      });
    const requests = Promise.all(Array.from({ length: 5 * maxSockets }, () => answerAfter(900)));
    await vi.advanceTimersByTimeAsync(5 * 900);
    await requests;
    expect(most).toBe(maxSockets);
  });

  it('end when the time limit of the call is over, also the wait for their turn', async () => {
    const inTurn = requestsInTurn(10_000);
    const seen = vi.fn<(signal: AbortSignal) => Promise<void>>(() => new Promise(() => undefined));
    const calls = Array.from({ length: maxSockets + 1 }, () => inTurn(seen, 500).catch(codeOf));
    await vi.advanceTimersByTimeAsync(501);
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['ETIMEDOUT']));
    expect(seen).toHaveBeenCalledTimes(maxSockets);
    expect(seen.mock.calls.every(([signal]) => signal.aborted)).toBe(true);
  });
});
