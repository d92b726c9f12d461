import { isLoopback } from '@oms-sync/core';

// How the stores call their SDKs.

/** How long one request may take, from the first byte sent to the last one received. */
export const defaultTimeoutMs = 10_000;

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
 * the signal tells the request to take its socket down.
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
    run(deadline.signal)
      .finally(() => clearTimeout(timer))
      .then(resolve, reject);
  });
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
