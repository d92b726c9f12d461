import { connect, type ChannelModel, type ConfirmChannel, type Options } from 'amqplib';
import { TimeLimitError, withTimeLimit, type Secret } from '@oms-sync/core';

/** Connects with heartbeats: a broker that is gone without a word is noticed in 20 seconds. */
export function connectAmqp(url: Secret, name: string): Promise<ChannelModel> {
  const address = new URL(url.reveal());
  if (!address.searchParams.has('heartbeat')) address.searchParams.set('heartbeat', '10');
  return connect(address.href, {
    timeout: 10_000,
    noDelay: true,
    clientProperties: { connection_name: name },
  });
}

/** A message was not taken by the broker. */
export class PublishError extends Error {
  override readonly name = 'PublishError';
}

interface Publishing {
  readonly connection: ChannelModel;
  readonly channel: ConfirmChannel;
  /** Ids of messages that no queue took. */
  readonly returned: Set<string>;
}

/** RabbitMQ itself gives up on a queue that cannot take a message after a minute. */
const confirmWithinMs = 10_000;
const idHeader = 'x-oms-sync-publish';

/**
 * Publishes to queues, and knows that the broker has it on its disk. A connection of its own: RabbitMQ does not read from
 * those that publish while it is short of memory, and acknowledgements must go on.
 */
export class AmqpPublisher {
  readonly #url: Secret;
  #publishing: Promise<Publishing> | undefined;
  #next = 0;

  constructor(url: Secret) {
    this.#url = url;
  }

  /**
   * Resolves when the broker has confirmed the message.
   *
   * @throws {PublishError} when it has not, or there is no such queue.
   */
  async publish(queue: string, body: Buffer, options: Options.Publish): Promise<void> {
    const opening = this.#publishing ?? this.#connect();
    try {
      const publishing = await opening;
      await withTimeLimit(this.#send(publishing, queue, body, options), confirmWithinMs);
    } catch (error) {
      if (error instanceof TimeLimitError) this.#giveUp(opening);
      if (error instanceof PublishError) throw error;
      throw new PublishError(`cannot publish to ${queue}`, { cause: error });
    }
  }

  async close(): Promise<void> {
    const publishing = await this.#publishing?.catch(() => undefined);
    // The other side may have closed it already.
    await publishing?.connection.close().catch(() => undefined);
  }

  /** A queue without a leader confirms nothing, and the connection stays: the next try has another one. */
  #giveUp(opening: Promise<Publishing>): void {
    if (this.#publishing === opening) this.#publishing = undefined;
    void opening.then(({ connection }) => connection.close()).catch(() => undefined); // It is lost already.
  }

  #connect(): Promise<Publishing> {
    const opening = this.#open(() => {
      if (this.#publishing === opening) this.#publishing = undefined;
    });
    this.#publishing = opening;
    return opening;
  }

  /** @param forget is called when it is of no use any more. */
  async #open(forget: () => void): Promise<Publishing> {
    try {
      const connection = await connectAmqp(this.#url, 'oms-sync publisher');
      connection.on('error', forget); // `close` follows.
      connection.on('close', forget);
      const channel = await connection.createConfirmChannel();
      const returned = new Set<string>();
      channel.on('error', forget);
      channel.on('close', () => {
        forget();
        void connection.close().catch(() => undefined); // Where the connection itself is gone.
      });
      channel.on('return', ({ properties }) => returned.add(String(properties.headers?.[idHeader])));
      return { connection, channel, returned };
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
