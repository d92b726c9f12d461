/** An event of a shape that nobody understands. The message names what was found; nothing of it was translated. */
export class UnknownEventError extends Error {
  override readonly name = 'UnknownEventError';
}
