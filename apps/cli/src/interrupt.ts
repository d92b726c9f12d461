import type { Screen } from './screen.ts';

/**
 * Turns the first Ctrl-C into a signal to come to an end; a second one ends the process at once, as ever.
 *
 * @param notice what to say at the first one.
 */
export function abortOnInterrupt(
  screen: Screen,
  notice: string,
): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  const abort = () => {
    screen.note(notice);
    controller.abort();
  };
  process.once('SIGINT', abort);
  return { signal: controller.signal, stop: () => process.removeListener('SIGINT', abort) };
}
