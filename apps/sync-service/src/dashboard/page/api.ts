import type { StatusReport } from '../status-report.ts';

const tokenKey = 'oms-sync-token';
const answerWithinMs = 5000;

/** The service does not let us in. */
export class LoginNeeded extends Error {}

/** The service said no, and why. */
export class Refused extends Error {}

/** What a replay did. */
export interface ReplayOutcome {
  readonly report: { readonly received: number; readonly requested: number; readonly unrequested: number };
  readonly parked: number;
  readonly left_keys: number;
  readonly error?: string;
}

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
  return send<StatusReport>('GET', '/api/status', AbortSignal.timeout(answerWithinMs));
}

export function change(what: 'pause' | 'resume'): Promise<unknown> {
  return send('POST', `/api/${what}`, AbortSignal.timeout(answerWithinMs));
}

/** It may take minutes. */
export function replay(): Promise<ReplayOutcome> {
  return send<ReplayOutcome>('POST', '/api/replay');
}

async function send<Answer>(method: string, path: string, signal?: AbortSignal): Promise<Answer> {
  const token = sessionStorage.getItem(tokenKey);
  const headers = { 'x-oms-sync': '1', ...(token !== null && { authorization: `Bearer ${token}` }) };
  const response = await fetch(path, { method, headers, cache: 'no-store', ...(signal && { signal }) });
  const answer: unknown = await response.json();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- it comes from the service that this page came from
  if (response.ok) return answer as Answer;
  const error = typeof answer === 'object' && answer !== null && 'error' in answer ? answer.error : undefined;
  const message = typeof error === 'string' ? error : `status ${response.status}`;
  throw response.status === 401 ? new LoginNeeded(message) : new Refused(message);
}
