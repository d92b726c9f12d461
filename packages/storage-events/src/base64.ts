/**
 * The text that Base64 stands for. Without `Buffer`: that is Node's, and it takes anything for Base64.
 *
 * @returns undefined for what is no Base64, or no UTF-8.
 */
export function decodeBase64(encoded: string): string | undefined {
  try {
    const bytes = Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined; // Said by the type, for the caller to report what it found.
  }
}
