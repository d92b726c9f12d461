/** A name of the input, or the bytes that are none. */
export type InputName =
  | { readonly name: string }
  /** Not UTF-8; `text` shows its bytes. */
  | { readonly text: string };

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads names from a stream of bytes, in constant memory but for the longest of them.
 *
 * - `newline`: a name a line. A carriage return before a line's end and a byte order mark at the beginning are not part
 *   of a name: they come from Windows.
 * - `null`: names end with a NUL byte, and everything else is part of them, as `find -print0` writes them.
 *
 * Empty names are left out.
 */
export async function* readNames(
  bytes: AsyncIterable<Uint8Array>,
  separator: 'newline' | 'null',
): AsyncGenerator<InputName, void, undefined> {
  const isLines = separator === 'newline';
  let isFirst = true;
  for await (const piece of split(bytes, isLines ? lineFeed : 0)) {
    let name = piece;
    if (isLines && isFirst && name.subarray(0, 3).equals(byteOrderMark)) name = name.subarray(3);
    if (isLines && name.at(-1) === carriageReturn) name = name.subarray(0, -1);
    isFirst = false;
    if (name.length > 0) yield decode(name);
  }
}

async function* split(
  bytes: AsyncIterable<Uint8Array>,
  separator: number,
): AsyncGenerator<Buffer, void, undefined> {
  /** The pieces of what has no end yet. */
  let begun: Uint8Array[] = [];
  for await (const chunk of bytes) {
    let start = 0;
    for (let end = chunk.indexOf(separator); end !== -1; end = chunk.indexOf(separator, start)) {
      yield Buffer.concat([...begun, chunk.subarray(start, end)]);
      begun = [];
      start = end + 1;
    }
    if (start < chunk.length) begun.push(chunk.subarray(start));
  }
  if (begun.length > 0) yield Buffer.concat(begun);
}

function decode(bytes: Buffer): InputName {
  try {
    return { name: decoder.decode(bytes) };
  } catch {
    return { text: showBytes(bytes) }; // The caller says what is wrong with it.
  }
}

/** Printable ASCII as it is, any other byte as `\xff`. */
function showBytes(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(
      /[^\x20-\x5b\x5d-\x7e]/g,
      (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
    );
}
