import { jsonAnswer, type Answer } from './answers.ts';
import { decodeUtf8 } from './object-names.ts';
import type { Faults } from './faults.ts';
import type { ReceivedEvents } from './routes.ts';

/** What the stand-in shows and lets change of itself. */
export interface Controls {
  readonly faults: Faults;
  readonly received: readonly ReceivedEvents[];
  readonly requestCount: number;
}

/** The addresses under this path are the stand-in's own; they are not signed and no fault befalls them. */
export const controlPath = '/standin/';

/** Serves a request to the stand-in itself. */
export function serveControls(method: string, path: string, body: Buffer, controls: Controls): Answer {
  switch (`${method} ${path}`) {
    case 'GET /standin/faults':
      return jsonAnswer(controls.faults.current);
    case 'PUT /standin/faults':
      return setFaults(body, controls);
    case 'DELETE /standin/faults':
      controls.faults.clear();
      return jsonAnswer([]);
    case 'GET /standin/received':
      return jsonAnswer(controls.received);
    case 'GET /standin/requests':
      return jsonAnswer({ count: controls.requestCount });
    default:
      return { ...jsonAnswer({ message: `there is no ${method} ${path} here` }), status: 404 };
  }
}

function setFaults(body: Buffer, { faults }: Controls): Answer {
  try {
    const content: unknown = JSON.parse(decodeUtf8(body) ?? '');
    faults.set(content);
    return jsonAnswer(faults.current);
  } catch (error) {
    if (error instanceof SyntaxError) {
      return { ...jsonAnswer({ message: 'the body is not JSON' }), status: 400 };
    }
    if (error instanceof TypeError) return { ...jsonAnswer({ message: error.message }), status: 400 };
    throw error;
  }
}
