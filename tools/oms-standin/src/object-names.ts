const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The object name that an element of `object_keys` stands for, or undefined when it stands for none.
 *
 * The decoding is that of HTML forms: the documented example `test+001.txt` stands beside `test%2B001.txt`, so a bare
 * plus is a space. https://support.huaweicloud.com/api-oms/CreateSyncEvents.html
 */
export function decodeObjectName(raw: string): string | undefined {
  // A lone surrogate has no UTF-8 bytes: Buffer.from would put U+FFFD in its place.
  if (/%(?![0-9a-f]{2})/i.test(raw) || /\p{Surrogate}/u.test(raw)) return undefined;
  const bytes: Buffer[] = [];
  for (const part of raw.replaceAll('+', ' ').split(/(%[0-9a-f]{2})/i)) {
    bytes.push(
      part.startsWith('%') ? Buffer.of(Number.parseInt(part.slice(1), 16)) : Buffer.from(part, 'utf8'),
    );
  }
  return decodeUtf8(Buffer.concat(bytes));
}

/** The way OMS's lists and requests write a name: each byte but those of letters, digits and `-._~` as %XX. */
export function encodeObjectName(name: string): string {
  return encodeURIComponent(name).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The text, or undefined when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined; // The caller knows what the bytes were and says so.
  }
}
