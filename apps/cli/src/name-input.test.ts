import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readNames, type InputName } from './name-input.ts';

async function read(
  bytes: Uint8Array,
  separator: 'newline' | 'null',
  cuts: readonly number[] = [],
): Promise<InputName[]> {
  const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
  async function* chunks() {
    let start = 0;
    for (const end of ends) {
      yield await Promise.resolve(bytes.subarray(start, end));
      start = end;
    }
  }
  const names: InputName[] = [];
  for await (const name of readNames(chunks(), separator)) names.push(name);
  return names;
}

const cutsOf = fc.array(fc.nat(), { maxLength: 10 });

describe('readNames', () => {
  it('gives back any names, wherever the bytes are cut', async () => {
    const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0'));
    await fc.assert(
      fc.asyncProperty(fc.array(name), cutsOf, fc.boolean(), async (names, cuts, isEnded) => {
        const text = names.join('\0') + (isEnded ? '\0' : '');
        expect(await read(Buffer.from(text), 'null', cuts)).toEqual(names.map((each) => ({ name: each })));
      }),
    );
  });

  it('reads lines as they come from anywhere, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(cutsOf, async (cuts) => {
        const text = '\u{FEFF}ä\r\n\r\n\n \u{FEFF}b \nc\rd\n😀';
        const names = ['ä', ' \u{FEFF}b ', 'c\rd', '😀'].map((name) => ({ name }));
        expect(await read(Buffer.from(text), 'newline', cuts)).toEqual(names);
      }),
    );
  });

  it('takes bytes that are no UTF-8 for one bad name', async () => {
    const bytes = Buffer.from([0x61, 0x0a, 0x5c, 0xff, 0x62, 0x0a, 0x63]);
    expect(await read(bytes, 'newline')).toEqual([
      { name: 'a' },
      { text: String.raw`\x5c\xffb` },
      { name: 'c' },
    ]);
  });

  it('takes carriage returns and byte order marks as they are with NUL', async () => {
    expect(await read(Buffer.from('\u{FEFF}a\r\0\nb\0\0'), 'null')).toEqual([
      { name: '\u{FEFF}a\r' },
      { name: '\nb' },
    ]);
  });
});
