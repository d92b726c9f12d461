import net from 'node:net';
import { formatEvent } from './names.ts';

export interface NotificationSenderOptions {
  readonly port: number;
  readonly token: string;
  /** The number of the next notification; undefined when there are no more. */
  readonly next: () => number | undefined;
  /** One request at a time on each. */
  readonly connections: number;
  /** The service has answered the notification of this number with a 2xx. */
  readonly onAcknowledged: (number: number) => void;
}

const againMs = 50;

/**
 * Sends notifications at full speed, as a store does: over kept-alive connections, and again what got no 2xx. It writes
 * its requests by hand, since a client of `node:http` would take more CPU than the service.
 */
export class NotificationSender {
  readonly #options: NotificationSenderOptions;
  readonly #again: number[] = [];
  /** Numbers that were begun, and have no 2xx yet. */
  #open = 0;
  #acknowledged = 0;
  #isDone = false;
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
    for (let index = 0; index < this.#options.connections; index++) this.#connect();
    await this.#done;
  }

  #connect(): void {
    if (this.#isDone) return;
    let number: number | undefined;
    let answer = '';
    const socket = net.connect({ host: '127.0.0.1', port: this.#options.port, noDelay: true });
    const sendNext = () => {
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
      const isTaken = this.#conclude(number, status);
      number = undefined;
      // Whoever takes nothing now is asked again a little later.
      if (isTaken) sendNext();
      else setTimeout(() => socket.destroyed || sendNext(), againMs);
    });
    socket.on('error', () => undefined); // A service that was killed; `close` follows.
    socket.on('close', () => {
      if (number !== undefined) this.#repeat(number);
      setTimeout(() => this.#connect(), againMs);
    });
  }

  #take(): number | undefined {
    const number = this.#again.pop();
    if (number !== undefined) return number;
    const next = this.#options.next();
    if (next !== undefined) this.#open++;
    else if (this.#open === 0) this.#finish();
    return next;
  }

  /** @returns whether it was taken. */
  #conclude(number: number, status: string): boolean {
    if (!status.startsWith('2')) {
      this.lastRefusal = status;
      this.#repeat(number);
      return false;
    }
    this.#acknowledged++;
    this.#open--;
    this.#options.onAcknowledged(number);
    return true;
  }

  #finish(): void {
    this.#isDone = true;
    this.#onDone();
  }

  #repeat(number: number): void {
    this.repeats++;
    this.#again.push(number);
  }

  #formatRequest(number: number): string {
    const body = formatEvent(number);
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
