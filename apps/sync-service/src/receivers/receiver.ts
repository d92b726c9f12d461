import type { StorageRecord } from '@oms-sync/core';

/** What is known of a request before its body is read. */
export interface RequestHead {
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly query: Readonly<Record<string, unknown>>;
}

/** A message about objects, translated. */
export interface Message {
  readonly kind: 'message';
  /** The sender's id of the message, where it promises that no other message has it. */
  readonly messageId: string | undefined;
  readonly records: readonly StorageRecord[];
}

/** Something else that a sender says: nothing in it is to be kept. */
export interface Handshake {
  readonly kind: 'handshake';
  /** What it is, for the log. */
  readonly what: string;
  readonly level: 'info' | 'warn';
  /** The topic, or whatever it is about. */
  readonly about?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Readonly<Record<string, string>>;
}

/** Takes the notifications of one kind of sender, at `/notifications/{name}`. */
export interface Receiver {
  /** In the path, metrics and logs: `smn`. */
  readonly name: string;
  /** The longest body that its sender sends, in bytes. */
  readonly maxBytes: number;
  /**
   * Lets the sender in by what stands in front of the body, where that is enough to know it.
   *
   * @throws {Refusal} for everybody else.
   */
  admit?(head: RequestHead): void | Promise<void>;
  /** @throws {Refusal} for what is not, or not now, to be accepted. */
  receive(head: RequestHead, body: unknown): Message | Handshake | Promise<Message | Handshake>;
  /** Answers `OPTIONS`, by which a sender asks whether it may send. */
  greet?(head: RequestHead): Handshake;
}

/** Why a request was refused. It becomes a label of a metric: one of few. */
export type RefusalReason =
  /** Token, key or identity of the sender. */
  | 'sender'
  /** A topic that is not in the settings. */
  | 'topic'
  /** Not from the signer that it has to be from, or out of its time. */
  | 'certificate'
  | 'signature'
  /** Signed more than a day ago. */
  | 'age'
  | 'address'
  /** No message of this kind, or none that anybody understands. */
  | 'content'
  | 'too_large'
  | 'not_found'
  /** No HTTP. */
  | 'malformed'
  // From here on it is a passing fault: the sender is to send it again.
  | 'rate'
  | 'time'
  | 'unavailable';

/**
 * The status of each refusal. A passing fault is always 503: SMN repeats a message after 5xx only, SNS documents the same
 * for 429 but not everybody saw it, and the others repeat after both. What nobody understands is 422, not 400: Event
 * Grid drops a 400 at once and tries anything else again.
 */
const statuses = {
  sender: 401,
  topic: 403,
  certificate: 403,
  signature: 403,
  age: 403,
  address: 403,
  content: 422,
  too_large: 413,
  not_found: 404,
  malformed: 400,
  rate: 503,
  time: 503,
  unavailable: 503,
} as const satisfies Record<RefusalReason, number>;

/** A request that is not accepted. The message is for the sender's people and the log, and holds no secret. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly reason: RefusalReason;
  /** The status of the answer. */
  readonly statusCode: number;

  constructor(reason: RefusalReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
    this.statusCode = statuses[reason];
  }
}

/** The value of a header that stands once. */
export function getHeader({ headers }: RequestHead, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
