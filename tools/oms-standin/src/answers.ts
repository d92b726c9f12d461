import { randomUUID } from 'node:crypto';

/** What goes back over the wire. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Empty for the calls that have no documented body. */
  readonly body: string;
  /** A few words for the log line of the request. */
  readonly note?: string;
}

/** A request is refused, in OMS's own shape. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** `OMS.xxxx` is the service's own, `APIG.xxxx` that of the gateway in front of it. */
  readonly errorCode: string;

  constructor(status: number, errorCode: string, message: string) {
    super(message);
    this.status = status;
    this.errorCode = errorCode;
  }
}

export function jsonAnswer(value: unknown, note?: string): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(value),
    ...(note !== undefined && { note }),
  };
}

export function emptyAnswer(note?: string): Answer {
  return { status: 200, body: '', ...(note !== undefined && { note }) };
}

export function refusalAnswer({ status, errorCode, message }: Refusal): Answer {
  // Only bodies that the gateway itself writes have a request_id.
  const requestId = errorCode.startsWith('APIG') ? { request_id: randomUUID() } : {};
  return {
    status,
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ error_code: errorCode, error_msg: message, ...requestId }),
    note: `${errorCode} ${message}`,
  };
}

/** OMS.0064 is its general "invalid request parameters"; the message says which. */
export function invalid(what: string): Refusal {
  return new Refusal(400, 'OMS.0064', `Invalid request parameters: ${what}`);
}
