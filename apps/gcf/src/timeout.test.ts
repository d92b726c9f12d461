import { expect, it } from 'vitest';
import { readTimeoutMs } from './timeout.ts';

it.each([
  [{ CLOUD_RUN_TIMEOUT_SECONDS: '540' }, 540_000],
  [{ CLOUD_RUN_TIMEOUT_SECONDS: '300', FUNCTION_TIMEOUT_SEC: '60' }, 300_000],
  [{ FUNCTION_TIMEOUT_SEC: '120' }, 120_000],
  [{}, 60_000],
  [{ CLOUD_RUN_TIMEOUT_SECONDS: '' }, 60_000],
  [{ CLOUD_RUN_TIMEOUT_SECONDS: '0' }, 60_000],
  [{ CLOUD_RUN_TIMEOUT_SECONDS: 'soon' }, 60_000],
])('reads from %j that the timeout is %i ms', (environment, timeoutMs) => {
  expect(readTimeoutMs(environment)).toBe(timeoutMs);
});
