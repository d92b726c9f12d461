import { LogBucketError } from '@oms-sync/core';
import { isSystemError } from './object-folder.ts';

// What the stores make of what goes wrong: always a LogBucketError, never with a secret in it.

export type Operation = LogBucketError['operation'];

/** Hides the secrets, should a text hold one. */
export type Redact = (text: string) => string;

/** {@link Redact} for these secrets; those that are not there hide nothing. */
export function redactor(...secrets: readonly (string | undefined)[]): Redact {
  return (text) =>
    secrets.reduce<string>(
      (hidden, secret) => (secret ? hidden.replaceAll(secret, '[secret]') : hidden),
      text,
    );
}

/** An answer of a store other than success. */
export interface Refusal {
  readonly status: number;
  /** The store's own; left out by a proxy on the way. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  /** The number that the store gave to the request: its support asks for it. */
  readonly requestId?: string | undefined;
  /** That the fault is a passing one although its status is not 408, 429 or 5xx. */
  readonly passing?: boolean;
  readonly isKeyRefused?: boolean;
}

export function asRefusal(
  operation: Operation,
  key: string,
  { status, code: ownCode, message, requestId, passing = false, isKeyRefused }: Refusal,
  redact: Redact,
): LogBucketError {
  const code = ownCode || `HTTP${status}`;
  const text = [message && `: ${message}`, requestId && ` (request ${requestId})`].join('');
  return new LogBucketError({
    operation,
    key,
    status,
    code: redact(code),
    passing: passing || status === 408 || status === 429 || status >= 500,
    isKeyRefused,
    message: redact(`HTTP ${status} ${code}${text}`),
  });
}

/** A fault without an answer: of the network, of the way to the credentials, or a mistake in the call. */
export function asFault(
  operation: Operation,
  key: string,
  error: unknown,
  redact: Redact,
  passing = false,
): LogBucketError {
  const cause = plainError(error, redact);
  const { code, message } = cause;
  return new LogBucketError({
    operation,
    key,
    code,
    passing: passing || isNetworkCode(code),
    message,
    cause,
  });
}

/** The same without all else that errors of the SDKs carry: the request with its headers, where the secrets are. */
function plainError(error: unknown, redact: Redact): Error & { readonly code: string } {
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const code = codeOf(error) ?? name;
  // A connection that failed on each of several addresses has no message.
  const plain = new Error(redact(message === '' ? code : message));
  return Object.assign(plain, { name, code, stack: redact(stack ?? '') });
}

/** What makes a fault of an answer of success that is none. */
export function brokenAnswersOf(store: string) {
  return (
    operation: Operation,
    key: string,
    what: string,
    cause?: unknown,
    redact: Redact = redactor(),
  ): LogBucketError =>
    new LogBucketError({
      operation,
      key,
      status: 200,
      code: 'BrokenAnswer',
      passing: true,
      message: `${store} answered ${what}`,
      ...(cause === undefined ? {} : { cause: plainError(cause, redact) }),
    });
}

export function codeOf(error: unknown): string | undefined {
  return isSystemError(error) ? error.code : undefined;
}

/**
 * Codes of the operating system and the resolver (`ECONNRESET`, `EAI_AGAIN`) and of half an answer (`HPE_…`); not
 * `ERR_…`, which are mistakes in a call, nor those of a certificate that is not trusted.
 */
export function isNetworkCode(code: string): boolean {
  return /^(E(?!RR)[A-Z0-9_]+|HPE_[A-Z_]+)$/.test(code);
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
