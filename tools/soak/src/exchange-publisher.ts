import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConfirmChannel } from 'amqplib';
import { formatEvent } from './names.ts';

export interface ExchangePublisherOptions {
  readonly url: string;
  readonly exchange: string;
  /** The number of the next event; undefined when there are no more. */
  readonly next: () => number | undefined;
  /** The broker has confirmed the event of this number. */
  readonly onConfirmed: (number: number) => void;
}

/** Events that are published and not confirmed, at most. */
const window = 20;
const reconnectMs = 100;

/** Publishes events to an exchange, as a store does: with confirmations, and again what was not confirmed. */
export class ExchangePublisher {
  readonly #options: ExchangePublisherOptions;
  readonly #again: number[] = [];
  confirmed = 0;
  /** Refused, or lost with a connection. */
  repeats = 0;

  constructor(options: ExchangePublisherOptions) {
    this.#options = options;
  }

  /** Resolves when every event is confirmed. */
  async publishAll(): Promise<void> {
    for (let isDone = false; !isDone;) {
      isDone = await this.#publishUntilLost().catch(() => false); // It is the broker that is killed here.
      if (!isDone) await sleep(reconnectMs);
    }
  }

  /** @returns false when the connection was lost before everything was confirmed. */
  async #publishUntilLost(): Promise<boolean> {
    const connection = await connect(this.#options.url, { timeout: 5000 });
    const lost = new AbortController();
    connection.on('error', () => undefined); // `close` follows.
    connection.on('close', () => lost.abort());
    try {
      const channel = await connection.createConfirmChannel();
      channel.on('error', () => lost.abort()); // No such exchange yet: no replica has declared it.
      await Promise.all(Array.from({ length: window }, () => this.#publishInTurn(channel, lost.signal)));
      return !lost.signal.aborted;
    } finally {
      if (!lost.signal.aborted) await connection.close();
    }
  }

  async #publishInTurn(channel: ConfirmChannel, lost: AbortSignal): Promise<void> {
    while (!lost.aborted) {
      const number = this.#again.pop() ?? this.#options.next();
      if (number === undefined) return;
      if (await this.#publish(channel, number)) {
        this.confirmed++;
        this.#options.onConfirmed(number);
      } else {
        this.repeats++;
        this.#again.push(number);
        await sleep(reconnectMs);
      }
    }
  }

  /** @returns whether the broker has it. */
  #publish(channel: ConfirmChannel, number: number): Promise<boolean> {
    const { exchange } = this.#options;
    return new Promise((resolve) => {
      const confirm = (error: unknown) => resolve(error === null || error === undefined);
      try {
        channel.publish(exchange, 'bucket', Buffer.from(formatEvent(number)), { persistent: true }, confirm);
      } catch {
        resolve(false); // The channel is closed.
      }
    });
  }
}
