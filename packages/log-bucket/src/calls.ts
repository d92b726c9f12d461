import pLimit from 'p-limit';
import { isLoopback } from '@oms-sync/core';

// How the stores call their SDKs.

/** How long one request may take, from the first byte sent to the last one received. */
export const defaultTimeoutMs = 10_000;

/**
 * How long a request for credentials may take. All calls of a moment share one, so no single call's time limit may end
 * it, and it must end by itself: else the SDKs go on waiting for it, in every later call too. It is less than the time
 * of a call, so that the next one begins anew.
 */
export const credentialsTimeoutMs = (timeoutMs: number): number => timeoutMs / 2;

/** More would only queue up elsewhere, and a function has few file handles (FunctionGraph, Lambda: 1,024). */
export const maxSockets = 64;

/** Loads something once, on first use. What could not be loaded is loaded anew by the next call. */
export function lazily<Value>(load: () => Promise<Value>): () => Promise<Value> {
  let loaded: Promise<Value> | undefined;
  return () =>
    (loaded ??= load().catch((error: unknown) => {
      loaded = undefined;
      throw error;
    }));
}

/**
 * Runs one request. When its time is up, the promise is rejected with the code of the operating system for that, and
 * the signal tells the request to take its socket down. Without any time, nothing is run.
 */
export function withDeadline<Result>(
  timeoutMs: number,
  run: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    const deadline = new AbortController();
    const timer = setTimeout(() => {
      const fault = Object.assign(new Error(`no answer within ${timeoutMs} ms`), { code: 'ETIMEDOUT' });
      reject(fault);
      deadline.abort(fault);
    }, timeoutMs);
    if (timeoutMs <= 0) return;
    run(deadline.signal)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
}

/** Runs one request when it is its turn, unless the time limit of the call is over by then. */
export type InTurn = <Result>(
  run: (signal: AbortSignal) => Promise<Result>,
  timeLimitMs?: number,
) => Promise<Result>;

/** As many requests at a time as there are sockets: a request's time does not run while it waits for one. */
export function requestsInTurn(timeoutMs: number): InTurn {
  const inTurn = pLimit(maxSockets);
  return (run, timeLimitMs = Infinity) => {
    const until = Date.now() + timeLimitMs;
    return inTurn(() => withDeadline(Math.min(timeoutMs, until - Date.now()), run));
  };
}

/**
 * Nothing that is signed leaves this machine in the clear.
 *
 * @throws {RangeError}
 */
export function refusePlainHttp(endpoint: URL): void {
  if (endpoint.protocol === 'https:' || (endpoint.protocol === 'http:' && isLoopback(endpoint))) return;
  const found = `${endpoint.protocol}//${endpoint.host}`;
  throw new RangeError(
    `a log bucket is reached by https (http is accepted for this machine only), not ${found}`,
  );
}
