import { createHash } from 'node:crypto';
import type { KnownRecord } from './delivery.ts';

/** What came by HTTP, translated. */
export interface Notification {
  /** The name of the receiver, as in the metrics. */
  readonly source: string;
  /** The sender's id of the message, if it has one: a second message of the same id is a repeat. */
  readonly messageId: string | undefined;
  readonly records: readonly KnownRecord[];
  /** Milliseconds since 1970. */
  readonly receivedAt: number;
}

/** Where notifications are kept from the answer to the sender until they are settled. */
export interface Inbox {
  /**
   * Keeps a notification. Resolves when it would survive a loss of power (or of this replica): only then may the sender
   * get its 2xx.
   *
   * @returns `repeated` if one of this source and id was kept lately: nothing is done then.
   * @throws if it cannot be kept: the sender gets a 5xx and sends it again.
   */
  add(notification: Notification): Promise<'kept' | 'repeated'>;
}

/** A short text for source and message id, which may be long; undefined without an id. */
export function hashMessage({ source, messageId }: Notification): string | undefined {
  if (messageId === undefined) return undefined;
  return createHash('sha256').update(`${source}\0${messageId}`).digest('base64').slice(0, 24);
}
