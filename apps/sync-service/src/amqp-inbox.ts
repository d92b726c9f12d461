import type { Inbox, Notification } from './inbox.ts';
import { formatEnvelope } from './sources/message-body.ts';
import type { AmqpPublisher } from './sources/amqp-publisher.ts';

/**
 * Keeps notifications in the queue of a broker, from which every replica takes its share. A broker cannot tell a repeat:
 * the other replica may have had the first one. So each is kept, and a repeat is requested again, which OMS skips.
 */
export class AmqpInbox implements Inbox {
  readonly #publisher: Pick<AmqpPublisher, 'publish'>;
  readonly #queue: string;

  constructor(publisher: Pick<AmqpPublisher, 'publish'>, queue: string) {
    this.#publisher = publisher;
    this.#queue = queue;
  }

  async add(notification: Notification): Promise<'kept'> {
    const { messageId } = notification;
    await this.#publisher.publish(this.#queue, formatEnvelope(notification), {
      contentType: 'application/json',
      ...(messageId !== undefined && messageId.length <= 200 && { messageId }),
    });
    return 'kept';
  }
}
