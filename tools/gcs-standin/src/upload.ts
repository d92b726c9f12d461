import { Refusal } from './refusal.ts';

/** What an upload says of its object besides the bytes. */
export interface Metadata {
  readonly name?: string;
  readonly contentType?: string;
}

/** Reads the metadata of an object. @throws {Refusal} */
export function readMetadata(json: string): Metadata {
  let value: unknown;
  try {
    value = json === '' ? {} : JSON.parse(json);
  } catch {
    throw new Refusal(400, 'parseError', 'The metadata is no JSON.');
  }
  if (!isRecord(value)) throw new Refusal(400, 'parseError', 'The metadata is no object.');
  const { name, contentType } = value;
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof contentType === 'string' ? { contentType } : {}),
  };
}

/**
 * Takes a body of `multipart/related` apart: metadata, then bytes.
 *
 * https://docs.cloud.google.com/storage/docs/uploading-objects (JSON API, multipart upload).
 *
 * @throws {Refusal}
 */
export function readMultipart(
  contentType: string,
  body: Buffer,
): { readonly metadata: Metadata; readonly bytes: Buffer } {
  const boundary = /^multipart\/related;.*boundary="?([^";]+)"?/.exec(contentType)?.[1];
  if (boundary === undefined) throw new Refusal(400, 'badContent', 'The upload has no boundary.');
  const [, first, second] = splitAt(body, `--${boundary}`);
  if (first === undefined || second === undefined) {
    throw new Refusal(400, 'badContent', 'The upload does not have two parts.');
  }
  const [metadata, media] = [readPart(first), readPart(second)];
  return {
    metadata: { contentType: media.contentType, ...readMetadata(metadata.bytes.toString()) },
    bytes: media.bytes,
  };
}

function readPart(part: Buffer): { readonly contentType: string; readonly bytes: Buffer } {
  const end = part.indexOf('\r\n\r\n');
  const head = part.subarray(0, end).toString();
  // Each part begins behind the boundary's line end, and ends in front of that of the next.
  const bytes = part.subarray(end + 4, part.length - 2);
  return {
    contentType: /content-type:\s*(.+)/i.exec(head)?.[1]?.trim() ?? 'application/octet-stream',
    bytes,
  };
}

function splitAt(body: Buffer, separator: string): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = body.indexOf(separator); at >= 0; at = body.indexOf(separator, from)) {
    parts.push(body.subarray(from, at));
    from = at + separator.length;
  }
  return [...parts, body.subarray(from)];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
