import { testKeys } from '@oms-sync/testing';

/** Which keys of the tests a text shows: as they are, percent-encoded, or in base64. */
export function findLeaks(text: string): string[] {
  const decoded = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  return Object.entries(testKeys)
    .filter(([, key]) => formsOf(key).some((form) => text.includes(form) || decoded.includes(form)))
    .map(([name]) => name);
}

/** A key, and what base64 makes of it wherever it stands in a text. */
function formsOf(key: string): string[] {
  const inBase64 = [0, 1, 2].flatMap((offset) =>
    (['base64', 'base64url'] as const).map((encoding) =>
      Buffer.from(`${' '.repeat(offset)}${key}`)
        .toString(encoding)
        // Without the characters that neighbours have a part in.
        .slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + key.length) * 8) / 6)),
    ),
  );
  return [key, ...inBase64];
}
