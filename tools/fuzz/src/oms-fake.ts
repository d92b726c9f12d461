import { createServer, type Server } from 'node:http';
import { text } from 'node:stream/consumers';
import type { OmsMood } from './inputs.ts';

const path = '/v2/project/sync-tasks/task-1/events';

/**
 * The synchronization call of OMS, and nothing behind it: the stand-in of OMS checks and copies, which is more than a
 * hundred thousand inputs leave time for.
 */
export class OmsFake {
  mood: OmsMood = 'takes all';
  /** The names that were taken since the last {@link reset}. */
  accepted: string[] = [];
  /** What no sync run may send: no list of 1 to 10 well-formed names. */
  violations: string[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<OmsFake> {
    const server = createServer((request, response) => {
      text(request).then(
        (body) => {
          const [status, answer] = fake.#answer(request.url, body);
          response.writeHead(status, { 'content-type': 'application/json' }).end(answer);
        },
        () => response.destroy(),
      );
    });
    const fake = new OmsFake(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get syncUrl(): string {
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new TypeError('the server has no port');
    return `http://127.0.0.1:${address.port}${path}`;
  }

  reset(mood: OmsMood): void {
    this.mood = mood;
    this.accepted = [];
    this.violations = [];
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  #answer(url: string | undefined, body: string): [status: number, answer: string] {
    const names = url === path ? readNames(body) : undefined;
    if (names === undefined) {
      this.violations.push(`${url}: ${body.slice(0, 300)}`);
      return [400, refusal('OMS.0064')];
    }
    switch (this.mood) {
      case 'refuses the keys':
        return [401, refusal('APIG.0301')];
      case 'answers nonsense':
        return [200, '<html>welcome</html>'];
      case 'refuses some':
        if (names.some(isBad)) return [400, refusal('OMS.0064')];
        break;
      case 'fails at some':
        if (names.some(isBad)) return [500, refusal('OMS.1001')];
        break;
      case 'takes all':
    }
    this.accepted.push(...names);
    return [200, ''];
  }
}

/** One name in four. */
function isBad(name: string): boolean {
  return name.length % 4 === 1;
}

function refusal(code: string): string {
  return JSON.stringify({ error_code: code, error_msg: 'no' });
}

function readNames(body: string): string[] | undefined {
  try {
    const keys: unknown = Reflect.get(Object(JSON.parse(body)), 'object_keys');
    if (!Array.isArray(keys) || keys.length < 1 || keys.length > 10) return undefined;
    // Encoded once: nothing but these characters, and never a bare plus.
    if (!keys.every((key) => typeof key === 'string' && /^[\w.~%-]+$/.test(key))) return undefined;
    return keys.map((key) => decodeURIComponent(String(key)));
  } catch {
    return undefined; // No JSON, or no encoded name.
  }
}
