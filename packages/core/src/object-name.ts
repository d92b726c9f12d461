const loneSurrogate = /\p{Surrogate}/u;

/** Is the text a name that an object can have? Not empty, and no lone surrogate: that has no UTF-8 form. */
export function isObjectName(text: string): boolean {
  return text !== '' && !loneSurrogate.test(text);
}

/**
 * Percent-encodes everything but `A-Za-z0-9-._~`, as its UTF-8 bytes: what signatures and OMS ask for. A space is
 * `%20`, a plus `%2B`, a slash `%2F`; never a bare `+`, which OMS reads as a space.
 * Source: OMS API Reference, CreateSyncEvents, the examples `test%2F001.txt` and `test%2B001.txt`.
 *
 * @throws {URIError} for a lone surrogate, see {@link isObjectName}.
 */
export function percentEncode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
