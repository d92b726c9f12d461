import type { StatusReport } from '../status-report.ts';

const tokenKey = 'oms-sync-token';
const answerWithinMs = 5000;

/** The service does not let us in. */
export class LoginNeeded extends Error {}

/** The service said no, and why. */
export class Refused extends Error {}

/** The token goes nowhere but into a header of our own requests. */
export const login = {
  get hasToken(): boolean {
    return sessionStorage.getItem(tokenKey) !== null;
  },
  keep(token: string): void {
    sessionStorage.setItem(tokenKey, token);
  },
  forget(): void {
    sessionStorage.removeItem(tokenKey);
  },
};

/** @throws {LoginNeeded} or whatever `fetch` throws when the connection is lost. */
export function readStatus(): Promise<StatusReport> {
  return send<StatusReport>('GET', '/status');
}

/** What is asked for is begun; what comes of it is in the status. */
export function change(what: 'pause' | 'resume' | 'replay'): Promise<unknown> {
  return send('POST', `/${what}`);
}

/** @param limit objects a second; undefined for no limit. */
export function changeRate(limit: number | undefined): Promise<unknown> {
  return send('POST', '/rate', { rate_limit: limit ?? null });
}

async function send<Answer>(method: string, path: string, body?: object): Promise<Answer> {
  const token = sessionStorage.getItem(tokenKey);
  const headers = {
    'x-oms-sync': '1',
    ...(token !== null && { authorization: `Bearer ${token}` }),
    ...(body && { 'content-type': 'application/json' }),
  };
  const response = await fetch(path, {
    method,
    headers,
    ...(body && { body: JSON.stringify(body) }),
    cache: 'no-store',
    signal: AbortSignal.timeout(answerWithinMs),
  });
  const answer: unknown = await response.json();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it comes from the service that this page came from
  if (response.ok) return answer as Answer;
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined;
  const message = typeof error === 'string' ? error : `status ${response.status}`;
  throw response.status === 401 ? new LoginNeeded(message) : new Refused(message);
}
