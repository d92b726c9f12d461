/** An error as a text for people: what it says, and what has caused it if that says more. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error && cause.message !== message ? `${message} (${cause.message})` : message;
}
