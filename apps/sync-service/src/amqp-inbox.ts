import { hashMessage, type Inbox, type Notification } from './inbox.ts';
import { formatEnvelope } from './sources/message-body.ts';
import type { AmqpPublisher } from './sources/amqp-publisher.ts';

/** Twice that at most, in some 15 MB. */
const idsRemembered = 50_000;
/** Of a short string. Source: AMQP 0-9-1, 4.2.5.3. */
const maxIdBytes = 255;

/**
 * Keeps notifications in the queue of a broker, from which every replica takes its share. A broker cannot tell a repeat, so
 * each replica remembers the last ids that it has kept itself. What another replica has kept, or this one before it was
 * started again, is kept once more: it is requested again, and OMS skips what is there.
 */
export class AmqpInbox implements Inbox {
  readonly #publisher: Pick<AmqpPublisher, 'publish'>;
  readonly #queue: string;
  #seen = new Set<string>();
  #seenBefore = new Set<string>();

  constructor(publisher: Pick<AmqpPublisher, 'publish'>, queue: string) {
    this.#publisher = publisher;
    this.#queue = queue;
  }

  async add(notification: Notification): Promise<'kept' | 'repeated'> {
    const { messageId } = notification;
    const mark = hashMessage(notification);
    if (mark !== undefined && (this.#seen.has(mark) || this.#seenBefore.has(mark))) return 'repeated';
    await this.#publisher.publish(this.#queue, formatEnvelope(notification), {
      contentType: 'application/json',
      ...(messageId !== undefined && Buffer.byteLength(messageId) <= maxIdBytes && { messageId }),
    });
    if (mark !== undefined) this.#remember(mark); // Only now: what was not kept has to come again.
    return 'kept';
  }

  #remember(mark: string): void {
    this.#seen.add(mark);
    if (this.#seen.size < idsRemembered) return;
    this.#seenBefore = this.#seen;
    this.#seen = new Set();
  }
}
