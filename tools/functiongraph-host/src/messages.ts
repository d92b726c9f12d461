/** What the host sends to the runtime process. */
export interface Invocation {
  readonly requestId: string;
  readonly event: unknown;
}

/** What the runtime process sends back; an error as FunctionGraph gives it to the caller. */
export type InvocationResult =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly errorType: string; readonly errorMessage: string };

export interface Completion {
  readonly requestId: string;
  readonly result: InvocationResult;
}
