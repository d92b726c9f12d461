/**
 * What an HTTP function gets and answers with; only what is used here. It is what Express gives.
 * Source: the functions framework for Node.js 5, functions.d.ts.
 */
export interface HttpRequest {
  readonly method: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Parsed, if its content type is JSON; bytes, if the framework does not know the content type. */
  readonly body?: unknown;
}

export interface HttpResponse {
  status(code: number): this;
  set(header: string, value: string): this;
  send(text?: string): unknown;
}
