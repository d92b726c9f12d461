import type { Screen } from './screen.ts';

const signals = ['SIGINT', 'SIGTERM'] as const;

/**
 * Turns the first Ctrl-C (or SIGTERM) into a signal to come to an end; a second one ends the process at once, as ever.
 *
 * @param notice what to say at the first one.
 */
export function abortOnInterrupt(
  screen: Screen,
  notice: string,
): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const stop = () => signals.forEach((signal) => process.off(signal, abort));
  const abort = () => {
    stop();
    screen.note(notice);
    controller.abort();
  };
  for (const signal of signals) process.on(signal, abort);
  return { signal: controller.signal, stop };
}
