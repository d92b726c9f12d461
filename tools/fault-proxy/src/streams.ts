import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { Direction, NetworkFault } from './faults.ts';

/** The bytes of one direction of a connection. */
export type Bytes = AsyncIterable<Buffer>;

/** What a fault can do to its connection. */
export interface Link {
  readonly random: () => number;
  /** Aborted when the connection is gone. */
  readonly signal: AbortSignal;
  /** Resets both sides. */
  reset(): void;
  /** Closes both sides in peace. */
  close(): void;
}

/** Lets a fault act on the bytes of one direction. */
export function applyFault(fault: NetworkFault, direction: Direction, bytes: Bytes, link: Link): Bytes {
  switch (fault.kind) {
    case 'latency':
      return delay(bytes, () => fault.ms + link.random() * (fault.jitterMs ?? 0), link);
    case 'bandwidth':
      return delay(
        slice(bytes, Math.ceil(fault.bytesPerSecond / 50)),
        ({ length }) => (length / fault.bytesPerSecond) * 1000,
        link,
      );
    case 'slicer':
      return slice(bytes, fault.bytes);
    case 'slow-close':
      return closeLate(bytes, fault.ms, link);
    case 'black-hole':
      return direction === (fault.direction ?? 'up') ? swallow(bytes, fault.bytes ?? 0) : bytes;
    case 'data-limit':
      return direction === fault.direction ? limit(bytes, fault.bytes, link) : bytes;
    case 'reset':
      if (fault.when === 'before-body' || fault.when === 'during-body') {
        return direction === 'up' ? resetInBody(bytes, fault.when, link) : bytes;
      }
      return direction === 'down' ? resetInAnswer(bytes, fault.when, link) : bytes;
    case 'connection-limit':
      return bytes; // It acts when the connection comes.
  }
}

async function* delay(bytes: Bytes, delayOf: (piece: Buffer) => number, { signal }: Link): Bytes {
  for await (const piece of bytes) {
    await sleep(delayOf(piece), undefined, { signal });
    yield piece;
  }
}

async function* slice(bytes: Bytes, size: number): Bytes {
  for await (const piece of bytes) {
    for (let start = 0; start < piece.length; start += size) {
      yield piece.subarray(start, start + size);
      await setImmediate(); // Else the pieces would leave as one.
    }
  }
}

async function* closeLate(bytes: Bytes, ms: number, { signal }: Link): Bytes {
  yield* bytes;
  await sleep(ms, undefined, { signal });
}

async function* swallow(bytes: Bytes, after: number): Bytes {
  let left = after;
  for await (const piece of bytes) {
    yield piece.subarray(0, left);
    left = Math.max(0, left - piece.length);
  }
}

async function* limit(bytes: Bytes, most: number, link: Link): Bytes {
  let left = most;
  for await (const piece of bytes) {
    yield piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return link.close();
  }
}

async function* resetInBody(bytes: Bytes, when: 'before-body' | 'during-body', link: Link): Bytes {
  let seen = Buffer.alloc(0);
  let passed = 0;
  for await (const piece of bytes) {
    seen = Buffer.concat([seen, piece]);
    const end = endOfPart(seen, when);
    yield seen.subarray(passed, end);
    passed = Math.min(seen.length, end);
    if (seen.length >= end) return link.reset();
  }
}

/** Where the head of a request ends, or the first half of its body; Infinity while that is not known. */
function endOfPart(request: Buffer, when: 'before-body' | 'during-body'): number {
  const head = request.indexOf('\r\n\r\n') + 4;
  if (head < 4) return Infinity;
  if (when === 'before-body') return head;
  const [, length = '0'] = /\r\ncontent-length: *(\d+)/i.exec(request.toString('latin1', 0, head)) ?? [];
  return head + Math.ceil(Number(length) / 2);
}

async function* resetInAnswer(bytes: Bytes, when: 'after-body' | 'during-answer', link: Link): Bytes {
  for await (const piece of bytes) {
    if (when === 'during-answer') yield piece.subarray(0, Math.floor(piece.length / 2));
    return link.reset();
  }
}
