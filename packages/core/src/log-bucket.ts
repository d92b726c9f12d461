/** One object of a log bucket, as a listing gives it. */
export interface LogObject {
  readonly key: string;
  /** In bytes. */
  readonly size: number;
  readonly lastModified: Date;
}

/** Is it a folder? A store with folders lists them too. */
export function isFolder({ key, size }: LogObject): boolean {
  return key.endsWith('/') && size === 0;
}

/** Which part of a listing is wanted, and how its pages are asked for. */
export interface ListOptions {
  /** Only keys behind this one, in the order of their UTF-8 bytes. Cheap where the store can begin there, see its file. */
  readonly after?: string | undefined;
  /** Keys that come in another order than that are an error: what stands behind `after` would be a guess. */
  readonly inOrder?: boolean | undefined;
  /** Objects that are asked for at a time; left out, as many as the store gives. */
  readonly pageSize?: number | undefined;
  /** Asks for a page, and may ask again when that fails; left out, a page is asked for once. */
  readonly attempt?: (<Page>(ask: () => Promise<Page>) => Promise<Page>) | undefined;
}

/**
 * Where the lists live. The stores are in packages/log-bucket, one file each, and pass one shared suite.
 *
 * Keys are whole: the caller puts the prefix in front. Bodies are text: lists are, and the SDK of OBS corrupts
 * anything else. Every method throws {@link LogBucketError} and nothing else.
 *
 * A call with `timeLimitMs` is given up, and its connection closed, when that is over, or earlier by the store's own limit.
 */
export interface LogBucket {
  /**
   * Loads the SDK of the store. The sync run calls it while the first request to OMS is in flight, so that a cold
   * start does not wait for both in turn. The other methods call it by themselves.
   */
  prepare(): Promise<void>;
  /** Writes one object whole; an older one of the same key is replaced. Durable once it resolves. */
  put(key: string, body: string, contentType: string, timeLimitMs?: number): Promise<void>;
  /** The body, or undefined when there is no such object. */
  get(key: string, timeLimitMs?: number): Promise<string | undefined>;
  /** All objects whose key begins with the prefix, in the order of the keys' UTF-8 bytes (in `az`, in an order of its own). */
  list(prefix: string, options?: ListOptions): AsyncIterable<LogObject>;
  /** Removes an object; none of that key is no error. */
  delete(key: string, timeLimitMs?: number): Promise<void>;
}

/** A log bucket did not do what was asked. `passing`: the same call may work later. */
export class LogBucketError extends Error {
  override readonly name = 'LogBucketError';
  readonly operation: 'prepare' | 'put' | 'get' | 'list' | 'delete';
  /** The key, or the prefix of a listing. */
  readonly key: string;
  /** HTTP status, if the store answered. */
  readonly status: number | undefined;
  /** The store's own code, such as `AccessDenied`, or that of the network fault, such as `ECONNREFUSED`. */
  readonly code: string;
  readonly passing: boolean;
  /** That the store does not take this key, whatever the object: it may take another. */
  readonly isKeyRefused: boolean;

  constructor(fault: {
    operation: LogBucketError['operation'];
    key: string;
    status?: number | undefined;
    code: string;
    passing: boolean;
    isKeyRefused?: boolean | undefined;
    message: string;
    cause?: unknown;
  }) {
    super(`log bucket: ${fault.operation} ${fault.key}: ${fault.message}`, { cause: fault.cause });
    this.operation = fault.operation;
    this.key = fault.key;
    this.status = fault.status;
    this.code = fault.code;
    this.passing = fault.passing;
    this.isKeyRefused = fault.isKeyRefused ?? false;
  }
}
