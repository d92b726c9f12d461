import net from 'node:net';
import { formatNotification } from './notification.ts';

export interface NotificationSenderOptions {
  /** Those of the replicas, in turn. */
  readonly ports: readonly number[];
  readonly token: string;
  /** How many notifications there are. */
  readonly count: number;
  /** One request at a time on each. */
  readonly connections: number;
  /** The service has answered the notification of this number with a 2xx. */
  readonly onAcknowledged: (number: number) => void;
}

/** So long it waits with what got no 2xx. */
const againAfterMs = 50;

/**
 * Sends notifications at full speed, as a store does: over kept-alive connections, and again what got no 2xx. It writes
 * its requests by hand, since a client of `node:http` would take more CPU than the service.
 */
export class NotificationSender {
  readonly #options: NotificationSenderOptions;
  readonly #again: number[] = [];
  #next = 0;
  #acknowledged = 0;
  /** Answers other than 2xx, and connections that ended without one. */
  repeats = 0;
  /** The status of the last answer that was no 2xx. */
  lastRefusal: string | undefined;
  readonly #done: Promise<void>;
  #onDone: () => void = () => undefined;

  constructor(options: NotificationSenderOptions) {
    this.#options = options;
    this.#done = new Promise((resolve) => {
      this.#onDone = resolve;
    });
  }

  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Resolves when every notification is acknowledged. */
  async sendAll(): Promise<void> {
    for (let index = 0; index < this.#options.connections; index++) this.#connect(index);
    await this.#done;
  }

  #connect(index: number): void {
    if (this.#acknowledged >= this.#options.count) return;
    let number: number | undefined;
    let answer = '';
    const { ports } = this.#options;
    const port = Number(ports[index % ports.length]);
    const socket = net.connect({ host: '127.0.0.1', port, noDelay: true });
    const sendNext = () => {
      if (socket.destroyed) return;
      number = this.#take();
      if (number === undefined) socket.end();
      else socket.write(this.#formatRequest(number));
    };
    socket.setEncoding('latin1');
    socket.on('connect', sendNext);
    socket.on('data', (chunk: string) => {
      answer += chunk;
      if (number === undefined || !isWhole(answer)) return;
      const status = answer.slice(9, 12);
      answer = '';
      const isKept = this.#conclude(number, status);
      number = undefined;
      if (isKept) sendNext();
      else setTimeout(sendNext, againAfterMs);
    });
    socket.on('error', () => undefined); // A service that was killed; `close` follows.
    socket.on('close', () => {
      if (number !== undefined) this.#repeat(number);
      number = undefined;
      setTimeout(() => this.#connect(index), againAfterMs);
    });
  }

  #take(): number | undefined {
    const number = this.#again.pop();
    if (number !== undefined) return number;
    return this.#next < this.#options.count ? this.#next++ : undefined;
  }

  #conclude(number: number, status: string): boolean {
    if (!status.startsWith('2')) {
      this.lastRefusal = status;
      this.#repeat(number);
      return false;
    }
    this.#acknowledged++;
    this.#options.onAcknowledged(number);
    if (this.#acknowledged === this.#options.count) this.#onDone();
    return true;
  }

  #repeat(number: number): void {
    this.repeats++;
    this.#again.push(number);
  }

  #formatRequest(number: number): string {
    const body = formatNotification(number);
    return `POST /notifications/webhook HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${this.#options.token}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  }
}

/** Is the answer there, as its length says? */
function isWhole(answer: string): boolean {
  const head = answer.indexOf('\r\n\r\n');
  if (head === -1) return false;
  const length = Number(/\r\ncontent-length: *(\d+)/i.exec(answer.slice(0, head))?.[1] ?? 0);
  return answer.length >= head + 4 + length;
}
