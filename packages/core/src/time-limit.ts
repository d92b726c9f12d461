import { systemClock, type Clock } from './clock.ts';

/** Something took too long. */
export class TimeLimitError extends Error {
  override readonly name = 'TimeLimitError';
  readonly code = 'ETIMEDOUT';

  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
  }
}

/**
 * Waits for something that has no limit of its own, but not for ever.
 *
 * @throws {TimeLimitError}
 */
export async function withTimeLimit<Result>(
  result: Promise<Result>,
  ms: number,
  clock: Clock = systemClock,
): Promise<Result> {
  const done = new AbortController();
  const limit = async (): Promise<never> => {
    await clock.sleep(ms, done.signal);
    throw new TimeLimitError(ms);
  };
  try {
    return await Promise.race([result, limit()]);
  } finally {
    done.abort();
  }
}
