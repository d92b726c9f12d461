/** How an invocation ended; an error as the platform gives it to the caller. */
export type InvocationResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly errorType: string; readonly errorMessage: string };

/** A failure of the host, not of the function: a timeout, or the end of the function's process. */
export function failInvocation(
  errorType: 'TimeoutError' | 'RuntimeError',
  errorMessage: string,
): InvocationResult {
  return { ok: false, errorType, errorMessage };
}

/** What all hosts need to know about a function. */
export interface HostOptions {
  /** The folder with the function's code, as it is uploaded. */
  readonly code: string;
  /** The folder with the built runtimes of this tool, `dist/tools/function-hosts`. */
  readonly runtimes: string;
  /** The function's settings. */
  readonly settings: Readonly<Record<string, string>>;
  /** The function's timeout, in seconds (default: that of the platform). */
  readonly timeoutSeconds?: number;
  /** The Node.js to run it with (default: this one). */
  readonly node?: string;
  /** Gets each line that the function logs. */
  readonly log?: (line: string) => void;
  /** Gets each answer, as the platform got it. */
  readonly answered?: (result: InvocationResult) => void;
}
