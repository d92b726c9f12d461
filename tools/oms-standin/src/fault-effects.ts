import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { refusalAnswer, Refusal, type Answer } from './answers.ts';
import type { AnswerFault, Fault } from './faults.ts';

/** What a fault did before the request was served: an answer, silence, or nothing, and it is served. */
export type Intervention = Answer | 'gone' | 'serve';

interface Exchange {
  readonly response: ServerResponse;
  /** Reads the body, so that a client is not cut off while it still writes. */
  readonly readBody: () => Promise<Buffer>;
  /** Aborted when the stand-in closes. */
  readonly closing: AbortSignal;
}

/** Lets a fault act on a request that is not yet served. */
export async function actBefore(fault: Fault, exchange: Exchange): Promise<Intervention> {
  switch (fault.kind) {
    case 'answer':
      await exchange.readBody();
      return answerOf(fault);
    case 'slow':
      await exchange.readBody();
      return (await waited(fault.delayMs, exchange.closing)) ? 'serve' : 'gone';
    case 'black-hole':
      return 'gone';
    case 'reset':
      if (fault.when === 'after') return 'serve';
      if (fault.when === 'before') reset(exchange.response);
      else await resetInTheHead(exchange);
      return 'gone';
    case 'garbage':
    case 'truncated':
      return 'serve';
  }
}

/** Lets a fault act on the answer of an accepted request. False: the answer goes out as it is. */
export function actAfter(fault: Fault, response: ServerResponse): boolean {
  switch (fault.kind) {
    case 'reset':
      reset(response);
      return true;
    case 'garbage':
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('<html><body>It works!</bo');
      return true;
    case 'truncated':
      response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': 64 });
      response.write('{"sync_', () => response.socket?.end());
      return true;
    case 'answer':
    case 'slow':
    case 'black-hole':
      return false;
  }
}

function reset(response: ServerResponse): void {
  // Without this a Node.js server closes politely, and the client sees an end, not ECONNRESET.
  response.socket?.resetAndDestroy();
}

/** Half of the head only: a client that had the status would have to believe that the request was accepted. */
async function resetInTheHead({ response, readBody }: Exchange): Promise<void> {
  await readBody();
  response.socket?.write('HTTP/1.1 200 OK\r\nContent-Ty', () => reset(response));
}

async function waited(delayMs: number, closing: AbortSignal): Promise<boolean> {
  try {
    await sleep(delayMs, undefined, { signal: closing });
    return true;
  } catch (error) {
    if (closing.aborted) return false;
    throw error;
  }
}

function answerOf({ status, errorCode, errorMessage, retryAfter, body }: AnswerFault): Answer {
  const [usualCode, usualMessage] = usualErrors[status] ?? [status < 500 ? 'OMS.0064' : 'OMS.1001', 'Error.'];
  const answer = refusalAnswer(new Refusal(status, errorCode ?? usualCode, errorMessage ?? usualMessage));
  return {
    ...answer,
    ...(body !== undefined && { body }),
    headers: { ...answer.headers, ...(retryAfter !== undefined && { 'Retry-After': String(retryAfter) }) },
  };
}

/** What each status comes with. Source: the error tables of OMS and of the API gateway. */
const usualErrors: Readonly<Record<number, readonly [code: string, message: string]>> = {
  400: ['OMS.0064', 'Invalid request parameters.'],
  401: ['APIG.0301', 'Incorrect IAM authentication information.'],
  403: ['APIG.0304', 'The request is not authorized.'],
  404: ['APIG.0101', 'The API does not exist.'],
  413: ['APIG.0201', 'The request is too large.'],
  429: ['APIG.0308', 'The throttling threshold has been reached.'],
  500: ['OMS.1001', 'Internal error.'],
  502: ['APIG.0201', 'Backend unavailable.'],
  503: ['OMS.1001', 'Service unavailable.'],
  504: ['APIG.0201', 'Backend timeout.'],
};
