import type { IncomingMessage } from 'node:http';
import { Refusal } from './answers.ts';
import { decodeObjectName } from './object-names.ts';

/** The gateway takes no larger body. */
const maxBodyBytes = 12 * 1024 * 1024;

/** Reads the body of a request when it is first asked for. */
export function bodyReader(request: IncomingMessage): () => Promise<Buffer> {
  let reading: Promise<Buffer> | undefined;
  return () => (reading ??= readBody(request));
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  // Read to its end first: a client that is cut off while it writes never sees the answer.
  if (size > maxBodyBytes) throw new Refusal(413, 'APIG.0201', 'The request is larger than 12 MB');
  return Buffer.concat(chunks);
}

/** The names that a body asks for, as far as it can be understood: a fault may come before any check of it. */
export function namesIn(body: Buffer): string[] {
  let fields: unknown;
  try {
    fields = JSON.parse(body.toString('utf8'));
  } catch {
    return []; // Not JSON: it holds no names. If it is served, OMS.0067 says so.
  }
  if (typeof fields !== 'object' || fields === null || !('object_keys' in fields)) return [];
  const keys: unknown = fields.object_keys;
  if (!Array.isArray(keys)) return [];
  return keys.flatMap((key: unknown) => (typeof key === 'string' ? (decodeObjectName(key) ?? []) : []));
}
