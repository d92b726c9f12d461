import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testKeys } from '@oms-sync/testing';
import type { ListOptions, LogBucket, LogObject } from '@oms-sync/core';
import { uglyKeys } from './ugly-keys.ts';

/** A log bucket with nothing in it, for one test. */
export interface OpenedLogBucket {
  readonly bucket: LogBucket;
  close(): Promise<void>;
  /** The content type that an object has, where the peer can tell. */
  contentType?(key: string): Promise<string | undefined>;
}

/** What a peer cannot prove, and why. Each proof that is named is skipped, with the reason in its name. */
export interface PeerLimits {
  readonly contentType?: string;
  /** Why listings come on one page however many objects there are. */
  readonly paging?: string;
  /** Why listings come in another order than that of the keys' UTF-8 bytes. */
  readonly order?: string;
  /** By the name of a key in `uglyKeys`. */
  readonly keys?: Readonly<Record<string, string>>;
  /** For the keys of the property test: can the peer hold it? */
  readonly holds?: (key: string) => boolean;
}

const textType = 'text/plain; charset=utf-8';
/** More than two pages of a peer whose pages are small on purpose. */
const manyObjects = 25;

/** What every store has to do. Each runs this against its peer. */
export function describeLogBucket(
  name: string,
  open: () => Promise<OpenedLogBucket>,
  limits: PeerLimits = {},
): void {
  describe(`log bucket: ${name}`, () => {
    let opened: OpenedLogBucket;
    let bucket: LogBucket;
    beforeEach(async () => {
      opened = await open();
      ({ bucket } = opened);
    });
    afterEach(() => opened.close());

    /** The keys as listed, or put in order where the peer has another one. */
    const keysOf = async (prefix = ''): Promise<string[]> => {
      const keys = (await objectsOf(bucket, prefix)).map(({ key }) => key);
      return limits.order === undefined ? keys : keys.sort(compareBytes);
    };

    /** Runs unless the peer cannot prove it. */
    const prove = (title: string, reason: string | undefined, test: () => Promise<void>) => {
      const remark = reason === undefined ? '' : ` (not here: ${reason})`;
      // oxlint-disable-next-line vitest/expect-expect -- the test has them
      it.skipIf(reason !== undefined)(`${title}${remark}`, test);
    };

    it('can be prepared more than once, also at the same time', async () => {
      await Promise.all([bucket.prepare(), bucket.prepare()]);
      await expect(bucket.prepare()).resolves.toBeUndefined();
    });

    it('gives back what was put', async () => {
      await bucket.put('lists/a.txt', 'one', textType);
      expect(await bucket.get('lists/a.txt')).toBe('one');
    });

    it('replaces an object of the same key', async () => {
      await bucket.put('a', 'a long body', textType);
      await bucket.put('a', 'short', textType);
      expect(await bucket.get('a')).toBe('short');
      expect(await keysOf()).toEqual(['a']);
    });

    it('knows a missing object from an empty one', async () => {
      await bucket.put('empty', '', textType);
      expect(await bucket.get('empty')).toBe('');
      expect(await bucket.get('missing')).toBeUndefined();
    });

    it('removes an object, and does not mind when there is none', async () => {
      await bucket.put('a', 'one', textType);
      await bucket.put('b', 'two', textType);
      await bucket.delete('a');
      await bucket.delete('a');
      expect(await bucket.get('a')).toBeUndefined();
      expect(await keysOf()).toEqual(['b']);
    });

    it('lists key, size in bytes and time', async () => {
      const before = Date.now();
      await bucket.put('a', 'zwölf', textType);
      const [object] = await objectsOf(bucket);
      expect(object).toMatchObject({ key: 'a', size: 6 });
      // Some stores keep whole seconds, and the clocks of others are not ours.
      expect(Math.abs((object?.lastModified.getTime() ?? 0) - before)).toBeLessThan(60_000);
    });

    it('lists by prefix, which need not end at a slash', async () => {
      for (const key of ['a/1', 'a/2', 'ab', 'b', 'A/1']) await bucket.put(key, key, textType);
      expect(await keysOf('a')).toEqual(['a/1', 'a/2', 'ab']);
      expect(await keysOf('a/')).toEqual(['a/1', 'a/2']);
      expect(await keysOf('c')).toEqual([]);
    });

    prove("lists in the order of the keys' UTF-8 bytes", limits.order, async () => {
      // In UTF-16, the emoji would come before U+FF5E.
      const keys = ['A', 'a', 'a!', 'a/', 'a/b', 'b', 'ä', '漢', '\uFF5E', '😀'];
      for (const key of [...keys].reverse()) await bucket.put(key, key, textType);
      expect(await keysOf()).toEqual(keys);
    });

    prove('lists all pages', limits.paging, async () => {
      const keys = Array.from({ length: manyObjects }, (_, index) => `+p ${String(index).padStart(4, '0')}`);
      await Promise.all(keys.map((key) => bucket.put(key, key, textType)));
      expect(await keysOf('+p ')).toEqual(keys);
    });

    it('lists what stands behind a key, there or not', async () => {
      for (const key of ['a', 'a/1', 'a/2', 'ab', 'b', 'é', '漢', '\uFF5E', '😀'])
        await bucket.put(key, key, textType);
      const keysAfter = async (after: string, prefix = '') =>
        (await objectsOf(bucket, prefix, { after })).map(({ key }) => key).sort(compareBytes);
      expect(await keysAfter('a/1')).toEqual(['a/2', 'ab', 'b', 'é', '漢', '\uFF5E', '😀']);
      expect(await keysAfter('a/1', 'a')).toEqual(['a/2', 'ab']);
      expect(await keysAfter('a/11', 'a/')).toEqual(['a/2']);
      expect(await keysAfter('A', 'b')).toEqual(['b']);
      expect(await keysAfter('b', 'a')).toEqual([]);
      // In UTF-16, the emoji stands before U+FF5E.
      expect(await keysAfter('\uFF5E')).toEqual(['😀']);
      expect(await keysAfter('😀')).toEqual([]);
      expect(await keysAfter('\u{10FFFF}')).toEqual([]);
    });

    it('lists behind any key', async () => {
      const keys = ['.', 'a', 'a b', 'a%2Fb', 'a+b', 'a//b', 'a/b', '漢', '😀'];
      for (const key of keys) await bucket.put(key, key, textType);
      const ugly = Object.entries(uglyKeys).filter(([what]) => limits.keys?.[what] === undefined);
      for (const after of [...keys, ...ugly.map(([, key]) => key)]) {
        const listed = (await objectsOf(bucket, '', { after })).map(({ key }) => key);
        expect(listed.sort(compareBytes)).toEqual(keys.filter((key) => compareBytes(key, after) > 0));
      }
    });

    prove('asks for each page by way of the attempt', limits.paging, async () => {
      const keys = Array.from({ length: manyObjects }, (_, index) => `p${String(index).padStart(4, '0')}`);
      await Promise.all(keys.map((key) => bucket.put(key, key, textType)));
      let pages = 0;
      const attempt = async <Page>(ask: () => Promise<Page>): Promise<Page> => {
        pages++;
        await ask(); // As if it had failed.
        return ask();
      };
      const listed = await objectsOf(bucket, '', { attempt, pageSize: 4 });
      expect(listed.map(({ key }) => key)).toEqual(keys);
      expect(pages).toBeGreaterThanOrEqual(Math.ceil(manyObjects / 4));
    });

    it('keeps the other form of the same letter apart', async () => {
      await bucket.put('caf\u00e9', 'NFC', textType);
      await bucket.put('cafe\u0301', 'NFD', textType);
      expect([await bucket.get('caf\u00e9'), await bucket.get('cafe\u0301')]).toEqual(['NFC', 'NFD']);
    });

    it('holds a key that others lie under', async () => {
      for (const key of ['a/b/c', 'a', 'a/b']) await bucket.put(key, key, textType);
      expect(await keysOf()).toEqual(['a', 'a/b', 'a/b/c']);
      await bucket.delete('a');
      expect(await bucket.get('a/b')).toBe('a/b');
    });

    describe('key', () => {
      for (const [what, key] of Object.entries(uglyKeys)) {
        prove(what, limits.keys?.[what], async () => {
          await bucket.put(key, `body of ${what}`, textType);
          expect(await bucket.get(key)).toBe(`body of ${what}`);
          expect(await keysOf()).toEqual([key]);
          expect(await keysOf(key)).toEqual([key]);
          await bucket.delete(key);
          expect(await keysOf()).toEqual([]);
        });
      }
    });

    describe('body', () => {
      const bodies = {
        empty: '',
        'not ASCII': 'zwölf 漢字 😀\n',
        'line ends of both kinds': 'a\r\nb\nc\r',
        'byte order mark': '\uFEFFa',
        'XML and NUL': '<a>&amp;\0</a>',
        'of 1 MB': 'ä'.repeat(500_000),
      };
      it.each(Object.entries(bodies))('%s', async (_what, body) => {
        await bucket.put('a', body, textType);
        const got = await bucket.get('a');
        // Not toBe: it would print a megabyte.
        expect(got === body, `${got?.length} characters`).toBe(true);
        expect((await objectsOf(bucket)).map(({ size }) => size)).toEqual([Buffer.byteLength(body)]);
      });
    });

    prove('gives the object its content type', limits.contentType, async () => {
      await bucket.put('a.txt', 'a', textType);
      await bucket.put('b.json', '{}', 'application/x-ndjson');
      await bucket.put('empty', '', 'text/csv');
      expect(await opened.contentType?.('a.txt')).toBe(textType);
      expect(await opened.contentType?.('b.json')).toBe('application/x-ndjson');
      expect(await opened.contentType?.('empty')).toBe('text/csv');
    });

    it('keeps any set of keys', async () => {
      await fc.assert(
        fc.asyncProperty(fc.uniqueArray(anyKey, { maxLength: 8 }), async (generated) => {
          const keys = generated.filter(limits.holds ?? (() => true));
          await Promise.all(keys.map((key) => bucket.put(key, key, textType)));
          const listed = await keysOf();
          expect(listed).toEqual([...keys].sort(compareBytes));
          expect(await Promise.all(keys.map((key) => bucket.get(key)))).toEqual(keys);
          await Promise.all(listed.map((key) => bucket.delete(key)));
        }),
        { numRuns: 25 },
      );
    });

    it('does not show the keys of the account', async () => {
      await bucket.prepare();
      const shown = inspect(bucket, { depth: Infinity, showHidden: true, getters: true });
      expect(Object.values(testKeys).filter((key) => shown.includes(key))).toHaveLength(0);
    });
  });
}

/** Parts of keys that some system minds. */
const uglyParts = [
  '/',
  '+',
  '%',
  '%2F',
  '.',
  '..',
  '=',
  '&',
  '?',
  '#',
  '\\',
  ' ',
  '\0',
  '\r\n',
  'a',
  'A',
  'é',
  'e\u0301',
];

/** Keys of 1 to about 200 bytes. */
const anyKey = fc
  .oneof(
    fc.array(fc.constantFrom(...uglyParts), { maxLength: 12 }).map((parts) => parts.join('')),
    fc.string({ unit: 'binary', maxLength: 50 }),
  )
  .filter((key) => key !== '' && Buffer.byteLength(key) <= 200);

async function objectsOf(bucket: LogBucket, prefix = '', options?: ListOptions): Promise<LogObject[]> {
  const objects: LogObject[] = [];
  for await (const object of bucket.list(prefix, options)) objects.push(object);
  return objects;
}

function compareBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
