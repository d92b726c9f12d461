/** Google's default. */
const defaultSeconds = 60;

/**
 * The function's timeout, in milliseconds. A function has no context that tells it, so it comes from the environment:
 * Cloud Run sets the first, the first generation set the second.
 * Sources: the functions framework for Node.js 5, options.ts; Cloud Functions, "Runtime environment variables".
 */
export function readTimeoutMs(environment: Readonly<Record<string, string | undefined>>): number {
  const seconds = Number(environment['CLOUD_RUN_TIMEOUT_SECONDS'] ?? environment['FUNCTION_TIMEOUT_SEC']);
  return (seconds > 0 ? seconds : defaultSeconds) * 1000;
}
