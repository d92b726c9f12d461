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
  /** Those that the broker has not confirmed yet. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(publisher: Pick<AmqpPublisher, 'publish'>, queue: string) {
    this.#publisher = publisher;
    this.#queue = queue;
  }

  async add(notification: Notification): Promise<'kept' | 'repeated'> {
    const mark = hashMessage(notification);
    if (mark === undefined) {
      await this.#publish(notification);
      return 'kept';
    }
    if (this.#seen.has(mark) || this.#seenBefore.has(mark)) return 'repeated';
    const before = this.#underWay.get(mark);
    if (before !== undefined) {
      await before; // A sender that did not wait for the answer shares the fate of its first message.
      return 'repeated';
    }
    const publishing = this.#publish(notification);
    this.#underWay.set(mark, publishing);
    await publishing.finally(() => this.#underWay.delete(mark));
    this.#remember(mark); // Only now: what was not kept has to come again.
    return 'kept';
  }

  #publish(notification: Notification): Promise<void> {
    const { messageId } = notification;
    return this.#publisher.publish(this.#queue, formatEnvelope(notification), {
      contentType: 'application/json',
      ...(messageId !== undefined && Buffer.byteLength(messageId) <= maxIdBytes && { messageId }),
    });
  }

  #remember(mark: string): void {
    this.#seen.add(mark);
    if (this.#seen.size < idsRemembered) return;
    this.#seenBefore = this.#seen;
    this.#seen = new Set();
  }
}
