/** An answer other than success: status and code of OBS. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly code: string;
  /** Seconds, or a date. */
  readonly retryAfter: number | string | undefined;

  constructor(status: number, code: string, message: string, retryAfter?: number | string) {
    super(message);
    this.status = status;
    this.code = code;
    this.retryAfter = retryAfter;
  }
}
