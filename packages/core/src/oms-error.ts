/**
 * Why OMS did not take a request, as far as it matters for what to do next:
 * - `passing`: the same request may be taken later
 * - `refused`: it never will be, because of what is in it
 * - `identity`: OMS does not accept who is asking; no other request will fare better
 * - `quota`: a limit of the account is reached; it takes hours, not seconds
 */
export type OmsFaultClass = 'passing' | 'refused' | 'identity' | 'quota';

/** OMS, or the way to it, did not take a request. The message holds no keys. */
export class OmsError extends Error {
  override readonly name = 'OmsError';
  readonly faultClass: OmsFaultClass;
  /** HTTP status, if there was an answer. */
  readonly status: number | undefined;
  /** OMS's or the gateway's error code, such as `OMS.0064`; else that of the network fault, such as `ECONNRESET`. */
  readonly code: string;
  /** How long OMS asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(fault: {
    faultClass: OmsFaultClass;
    status?: number | undefined;
    code: string;
    message: string;
    retryAfterMs?: number | undefined;
    cause?: unknown;
  }) {
    super(fault.message, { cause: fault.cause });
    this.faultClass = fault.faultClass;
    this.status = fault.status;
    this.code = fault.code;
    this.retryAfterMs = fault.retryAfterMs;
  }

  /** Is OMS asking for fewer requests? Then the next one waits longer than after other passing faults. */
  get throttled(): boolean {
    return this.status === 429 || this.status === 503 || this.retryAfterMs !== undefined;
  }
}

// Source of the codes: OMS API Reference, error codes; API Gateway, error codes. OMS lists every code under HTTP 400,
// even OMS.1001, an internal error: so the code is asked before the status.
const identityCodes = new Set([
  'OMS.0053', // query failed or no permission
  'OMS.0068', // token authentication failed
  'OMS.0072', // no permission
  'OMS.0201', // account restricted
  'OMS.0202', // account frozen
  'OMS.0203', // no real-name authentication
  'OMS.0204',
  'OMS.1005', // authentication failed
]);
const quotaCodes = new Set(['OMS.0077', 'OMS.1021']);
const passingCodes = new Set(['OMS.1001']);
/** Of the gateway, APIG in its own documentation and APIGW in that of OMS: 0301 to 0307 are about who asks. */
const gatewayIdentityCode = /^APIGW?\.030[1-7]$/;
const gatewayThrottlingCode = /^APIGW?\.0308$/;

/** Classifies an answer of OMS that is not a success, by its error code and then by its status. */
export function classifyAnswer(status: number, code: string | undefined): OmsFaultClass {
  if (code !== undefined) {
    if (identityCodes.has(code) || gatewayIdentityCode.test(code)) return 'identity';
    if (quotaCodes.has(code)) return 'quota';
    if (passingCodes.has(code) || gatewayThrottlingCode.test(code)) return 'passing';
  }
  if (status === 401 || status === 403) return 'identity';
  // 503: OMS's status page says "do not retry"; that is the generic text of its 4xx rows.
  if (status >= 500 || status === 408 || status === 425 || status === 429) return 'passing';
  return 'refused';
}
