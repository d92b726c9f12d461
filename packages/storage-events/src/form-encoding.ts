import type { RecordOrigin, StorageRecord } from './storage-record.ts';

/**
 * Decodes a form-encoded key: `+` is a space, `%XX` the bytes of UTF-8. Once: what is decoded is not decoded again.
 *
 * @returns undefined for a broken escape or bytes that are not UTF-8; such a key is the name of nothing.
 */
export function decodeForm(key: string): string | undefined {
  try {
    return decodeURIComponent(key.replaceAll('+', ' '));
  } catch {
    return undefined; // URIError: said by the type, for the caller to report as one bad record.
  }
}

/** The record of a creation whose key is form-encoded. */
export function toFormKeyRecord(origin: RecordOrigin, key: string): StorageRecord {
  const name = decodeForm(key);
  return name === undefined
    ? { ...origin, kind: 'invalid', text: key, reason: 'the key has a broken escape' }
    : { ...origin, kind: 'created', name };
}
