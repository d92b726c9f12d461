import { setMaxListeners } from 'node:events';
import { connect, type ConfirmChannel } from 'amqplib';
import { formatNotification } from './notification.ts';
import { pause } from './pause.ts';

export interface BrokerSenderOptions {
  readonly url: string;
  readonly exchange: string;
  /** The numbers of its notifications: from the first, so many. */
  readonly first: number;
  readonly count: number;
  /** So many wait for the broker's confirmation at most. */
  readonly unconfirmed: number;
  /** The broker has confirmed the notification of this number. */
  readonly onConfirmed: (number: number) => void;
}

const againAfterMs = 200;

/** Publishes notifications to the exchange, as a store does, and again what the broker has not confirmed. */
export class BrokerSender {
  readonly #options: BrokerSenderOptions;
  readonly #again: number[] = [];
  #next: number;
  #confirmed = 0;
  /** Notifications that were sent again. */
  repeats = 0;

  constructor(options: BrokerSenderOptions) {
    this.#options = options;
    this.#next = options.first;
  }

  get confirmed(): number {
    return this.#confirmed;
  }

  /** Resolves when every notification is confirmed, or it is stopped. */
  async sendAll(stopped: AbortSignal): Promise<void> {
    while (this.#confirmed < this.#options.count && !stopped.aborted) {
      await this.#sendWhileConnected(stopped);
      await pause(againAfterMs, stopped);
    }
  }

  async #sendWhileConnected(stopped: AbortSignal): Promise<void> {
    const { url, exchange } = this.#options;
    const lost = new AbortController();
    const over = AbortSignal.any([lost.signal, stopped]);
    setMaxListeners(0, over); // Each message that waits has one.
    const connection = await connect(url, { timeout: 5000 }).catch(() => undefined); // The broker is away.
    if (connection === undefined) return;
    connection.on('error', () => lost.abort());
    connection.on('close', () => lost.abort());
    try {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => lost.abort());
      channel.on('close', () => lost.abort());
      await channel.checkExchange(exchange);
      const senders = Array.from({ length: this.#options.unconfirmed }, () => this.#sendOnes(channel, over));
      await Promise.all(senders);
    } catch {
      // There is no exchange yet, or the broker has gone: what is not confirmed is sent again.
    } finally {
      void connection.close().catch(() => undefined);
    }
  }

  /** One after the other. */
  async #sendOnes(channel: ConfirmChannel, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const number = this.#take();
      if (number === undefined) return;
      const isConfirmed = await publish(channel, this.#options.exchange, number, over);
      if (isConfirmed) {
        this.#confirmed++;
        this.#options.onConfirmed(number);
      } else {
        this.repeats++;
        this.#again.push(number);
        await pause(againAfterMs, over);
      }
    }
  }

  #take(): number | undefined {
    const { first, count } = this.#options;
    return this.#again.pop() ?? (this.#next < first + count ? this.#next++ : undefined);
  }
}

/** Gives false when the broker refuses it, or is lost before it has confirmed it. */
function publish(
  channel: ConfirmChannel,
  exchange: string,
  number: number,
  over: AbortSignal,
): Promise<boolean> {
  return new Promise((resolve) => {
    const giveUp = () => resolve(false);
    over.addEventListener('abort', giveUp, { once: true });
    const body = Buffer.from(formatNotification(number));
    try {
      channel.publish(exchange, 'object.created', body, { persistent: true }, (error: unknown) => {
        over.removeEventListener('abort', giveUp);
        resolve(error === null || error === undefined);
      });
    } catch {
      resolve(false); // The channel is closed.
    }
  });
}
