// Azure and Google Cloud cannot hold every key as a name. What they cannot, and nothing else, is written with
// look-alikes, as rclone does it (https://rclone.org/overview/#encoding, and its notes on Azure Blob), so that a name
// stays readable:
//
//   control characters, DEL        U+2400 to U+241F, U+2421 (their pictures)
//   \                              U+FF3C (its full-width form)
//   .                              U+FF0E
//   /                              U+FF0F
//   one of these look-alikes       U+201B in front of it, where it would be taken for one in this store
//   U+201B itself                  twice
//   U+0080–U+009F, U+E000–U+F8FF,
//   U+FFFE, U+FFFF                 U+201B and a character from U+3400 on

/** The way of one store from keys to names, and back. */
export interface Names {
  /** The name of the object that holds a key. */
  readonly nameOf: (key: string) => string;
  /** The key that an object holds. A name that `nameOf` does not make, put there by others, is its own key. */
  readonly keyOf: (name: string) => string;
  /** What the names of all keys with this prefix begin with. Other names may, too. */
  readonly namePrefixOf: (prefix: string) => string;
}

const quote = '\u201B';
const twins = new Map<string, string>([
  ...Array.from({ length: 0x20 }, (_, code): [string, string] => [char(code), char(0x2400 + code)]),
  ['\u007F', '\u2421'],
  ['\\', '\uFF3C'],
  ['.', '\uFF0E'],
  ['/', '\uFF0F'],
]);
const originals = new Map([...twins].map(([original, twin]) => [twin, original]));

/** Characters that have no look-alike: first, last, and what the first becomes behind the quote. */
const shifted: readonly (readonly [first: number, last: number, target: number])[] = [
  [0x80, 0x9f, 0x3400],
  [0xe000, 0xf8ff, 0x3420],
  [0xfffe, 0xffff, 0x4d20],
];

interface NameRules {
  /** Finds, one by one, the characters that the store cannot hold where they stand. */
  readonly forbidden: RegExp;
  /** Finds, one by one, what stands in a name for such a character, and the quote. */
  readonly lookAlike: RegExp;
  readonly maxSlashes?: number;
  /** The part of a prefix that is written in one way whatever follows it. */
  readonly certain: (prefix: string) => string;
}

function makeNames({ forbidden, lookAlike, maxSlashes = Infinity, certain }: NameRules): Names {
  const special = new RegExp(`${lookAlike.source}|${forbidden.source}`, 'g');
  const written = new RegExp(`\u201B[^]|${lookAlike.source}`, 'g');
  const nameOf = (key: string): string => {
    let slashes = 0;
    return key.replace(special, (character) => {
      if (character === '/') {
        slashes += 1;
        if (slashes <= maxSlashes) return character;
      }
      const twin = twins.get(character);
      if (twin !== undefined) return twin;
      const code = character.charCodeAt(0);
      const range = shifted.find(([first, last]) => code >= first && code <= last);
      return quote + (range === undefined ? character : char(range[2] + code - range[0]));
    });
  };
  const keyOf = (name: string): string => {
    const key = name.replace(written, (found) => {
      if (found === quote || !found.startsWith(quote)) return originals.get(found) ?? found;
      const character = found.slice(quote.length);
      const code = character.charCodeAt(0);
      const range = shifted.find(([first, last, target]) => code >= target && code <= target + last - first);
      return range === undefined ? character : char(range[0] + code - range[2]);
    });
    return nameOf(key) === name ? key : name;
  };
  return { nameOf, keyOf, namePrefixOf: (prefix) => nameOf(certain(prefix)) };
}

/**
 * Names in Azure Blob Storage: no control characters, no code points like U+E000, no backslash, no part that ends in a
 * dot, at most 254 parts, at most 1,024 characters ("Naming and Referencing Containers, Blobs, and Metadata" of its
 * REST reference). Its SDK also folds `a/../b` before it sends it.
 *
 * No key of 1,024 bytes gets longer than 1,024 characters: what becomes two characters had two bytes at least.
 */
export const azureNames = makeNames({
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  forbidden: /[\u0000-\u001F\u007F-\u009F\\/\uE000-\uF8FF\uFFFE\uFFFF]|\.(?=\/|$)/,
  lookAlike: /[\u201B\u2400-\u241F\u2421\uFF0E\uFF0F\uFF3C]/,
  // Fewer than the 253 that are allowed: some tools count the container as a part.
  maxSlashes: 250,
  // A dot is written in one way at the end of a part and in another before something else.
  certain: (prefix) => prefix.replace(/\.+$/, ''),
});

const challenges = '.well-known/acme-challenge/';

/**
 * Names in Google Cloud Storage: no line feed or carriage return, not `.` or `..`, nothing under
 * `.well-known/acme-challenge/`, at most 1,024 bytes (https://docs.cloud.google.com/storage/docs/objects#naming). A key
 * with a line end in it can be too long by the two bytes that each look-alike has more.
 */
export const gcsNames = makeNames({
  forbidden: /[\r\n]|^\.(?=\.?$|well-known\/acme-challenge\/)/,
  lookAlike: /[\u201B\u240A\u240D]|^\uFF0E(?=\.?$|well-known\/acme-challenge\/)/,
  certain: (prefix) => {
    const dotted = prefix.replace(/^\uFF0E/, '.');
    return dotted === '..' || challenges.startsWith(dotted) ? '' : prefix;
  },
});

/** Names that others gave: each is what it is. */
export const namesAsTheyAre: Names = {
  nameOf: (key) => key,
  keyOf: (name) => name,
  namePrefixOf: (prefix) => prefix,
};

function char(code: number): string {
  return String.fromCharCode(code);
}
