import { mkdirSync, rmSync } from 'node:fs';
import type { BenchMessage } from './messages.ts';

/** An input that takes longer has hung. */
const hangMs = 40_000;

/** From now on, what this process prints, line by line, and what is thrown where nobody catches it. */
export function watchProcess(): { readonly lines: string[]; readonly uncaught: string[] } {
  const lines: string[] = [];
  const uncaught: string[] = [];
  for (const name of ['stdout', 'stderr'] as const) {
    process[name].write = (chunk: string | Uint8Array) => {
      lines.push(
        ...String(chunk)
          .split('\n')
          .filter((line) => line !== ''),
      );
      return true;
    };
  }
  process.on('uncaughtException', (error) => uncaught.push(error.stack ?? String(error)));
  process.on('unhandledRejection', (reason) => {
    uncaught.push(`rejection: ${reason instanceof Error ? reason.stack : String(reason)}`);
  });
  return { lines, uncaught };
}

/** What comes of it, or that it hangs. */
export function withTimeLimit<Answer>(answer: Promise<Answer>): Promise<Answer | { readonly kind: 'hung' }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve({ kind: 'hung' }), hangMs);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** What all objects have that they should not have; takes it away again. */
export function clearPrototype(): string[] {
  return [Object.prototype, Array.prototype, Function.prototype].flatMap((prototype) =>
    Object.keys(prototype).filter((key) => Reflect.deleteProperty(prototype, key)),
  );
}

export function empty(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}

/** In bytes, without garbage (--expose-gc). */
export function measureHeap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

export function send(message: BenchMessage): void {
  process.send?.(message);
}
