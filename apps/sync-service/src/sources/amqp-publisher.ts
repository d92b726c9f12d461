import type { ChannelModel, ConfirmChannel, Options } from 'amqplib';
import type { Clock, Secret } from '@oms-sync/core';
import { closeAmqp, openAmqp } from './amqp-connection.ts';

/** A message was not taken by the broker. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
}

interface Publishing {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  /** Why the broker takes nothing at present: it is short of memory, or of disk. */
  blocked: string | undefined;
  /** Ids of messages that no queue took. */
  readonly returned: Set<string>;
}

/** So many may wait for their confirmation: what a broker does not take must not fill our memory. */
const maxUnconfirmed = 5000;
const idHeader = 'x-oms-sync-publish';

/**
 * Publishes to queues, and knows that the broker has it on its disk. A connection of its own: RabbitMQ does not read from
 * those that publish while it is short of memory, and acknowledgements must go on.
 */
export class AmqpPublisher {
  readonly #url: Secret;
  readonly #clock: Clock;
  #publishing: Promise<Publishing> | undefined;
  #next = 0;
  #unconfirmed = 0;

  constructor(url: Secret, clock: Clock) {
    this.#url = url;
    this.#clock = clock;
  }

  /**
   * Resolves when the broker has confirmed the message.
   *
   * @throws {PublishError} when it has not, takes nothing at present, or has no such queue.
   */
  async publish(queue: string, body: Buffer, options: Options.Publish): Promise<void> {
    try {
      const publishing = await (this.#publishing ??= this.#open());
      const { blocked } = publishing;
      if (blocked !== undefined) throw new PublishError(`the broker takes nothing: ${blocked}`);
      if (this.#unconfirmed >= maxUnconfirmed)
        throw new PublishError(`the broker is slow: ${maxUnconfirmed} messages wait`);
      this.#unconfirmed++;
      await this.#send(publishing, queue, body, options).finally(() => this.#unconfirmed--);
    } catch (error) {
      if (error instanceof PublishError) throw error;
      throw new PublishError(`cannot publish to ${queue}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    const publishing = await this.#publishing?.catch(() => undefined);
    if (publishing !== undefined) await closeAmqp(publishing.connection);
  }

  async #open(): Promise<Publishing> {
    const forget = () => (this.#publishing = undefined);
    try {
      const to = { url: this.#url, name: 'oms-sync publisher', clock: this.#clock };
      return await openAmqp(to, async (connection) => {
        const channel = await connection.createConfirmChannel();
        const returned = new Set<string>();
        channel.on('error', forget); // `close` follows.
        channel.on('close', () => {
          forget();
          void closeAmqp(connection); // Where the channel alone is gone.
        });
        channel.on('return', ({ properties }) => returned.add(String(properties.headers?.[idHeader])));
        const publishing: Publishing = { connection, channel, blocked: undefined, returned };
        connection.on('blocked', (reason) => (publishing.blocked = reason));
        connection.on('unblocked', () => (publishing.blocked = undefined));
        return publishing;
      });
    } catch (error) {
      forget();
      throw error;
    }
  }

  #send(
    { channel, returned }: Publishing,
    queue: string,
    body: Buffer,
    options: Options.Publish,
  ): Promise<void> {
    const id = String(this.#next++);
    const given: unknown = options.headers;
    const headers = { ...(typeof given === 'object' && given), [idHeader]: id };
    const all = { ...options, headers, persistent: true, mandatory: true };
    return new Promise((resolve, reject) => {
      channel.sendToQueue(queue, body, all, (error: unknown) => {
        // The return comes before the confirmation.
        if (returned.delete(id)) reject(new PublishError(`there is no queue ${queue}`));
        else if (error !== null && error !== undefined) {
          reject(new PublishError(`the broker did not take a message to ${queue}`, { cause: error }));
        } else resolve();
      });
    });
  }
}
