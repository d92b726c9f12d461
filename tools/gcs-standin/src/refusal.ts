/** An answer other than success: status and reason of the JSON API. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly reason: string;
  /** Seconds, or a date. */
  readonly retryAfter: number | string | undefined;

  constructor(status: number, reason: string, message: string, retryAfter?: number | string) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.retryAfter = retryAfter;
  }
}
