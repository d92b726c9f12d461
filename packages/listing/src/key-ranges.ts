import { compareNames } from './name-order.ts';
import type { ListRange, ObjectSource } from './object-source.ts';

/** What a source is to be cut into. */
export interface KeyRangeOptions {
  /** What the whole names begin with. */
  readonly prefix?: string;
  /** About so many ranges are wanted; it may be fewer, where the names leave no choice. */
  readonly count: number;
  /** So many pages may be asked for to find out where to cut. */
  readonly maxProbes: number;
}

/**
 * Cuts a source into ranges that can be listed side by side. They cover every name exactly once, whatever the probes have
 * found and whatever changes meanwhile.
 *
 * The probes look for where names begin to differ, from the left: what all have in common is found by halving, then one
 * probe for each character that comes next. That is blind to how many names there are behind each, and where more
 * characters come next than there are probes, the last range has all the rest.
 *
 * @throws {SourceError}
 */
export async function findKeyRanges(source: ObjectSource, options: KeyRangeOptions): Promise<ListRange[]> {
  const { prefix = '', count } = options;
  // Where listings have an order of their own, nothing can begin at a name.
  if (!source.isOrdered || count <= 1) return [{ prefix }];
  const probes = new Probes(source, options);
  const first = await probes.findFirst();
  // Few objects are listed sooner than cut.
  if (first === undefined) return [{ prefix }];
  let branches: Branch[] = [{ beginning: prefix, first }];
  while (branches.length < count && probes.left > 0) {
    const next = (await Promise.all(branches.map((branch) => split(branch, probes)))).flat();
    if (next.length === branches.length) break;
    branches = next;
  }
  const firsts = branches.slice(1).map(({ first: cut }) => cut);
  const cuts = spread([...new Set(firsts)].sort(compareNames), count - 1);
  return [undefined, ...cuts].map((after, index) => {
    const end = cuts[index];
    // The name behind a cut, in the order of UTF-8 bytes, so that the cut itself belongs to the range before it.
    return { prefix, after, before: end === undefined ? undefined : `${end}\0` };
  });
}

/** Names that begin alike. */
interface Branch {
  readonly beginning: string;
  /** The first of them, in the order of UTF-8 bytes. */
  readonly first: string;
}

/** The branches of a branch, by the first character in which its names differ; itself if they do not, or probes are out. */
async function split(branch: Branch, probes: Probes): Promise<Branch[]> {
  const stem = await findStem(branch, probes);
  const branches: Branch[] = [];
  let first: string | undefined = branch.first;
  // A name may end where the others go on.
  if (first === stem) {
    branches.push({ beginning: stem, first });
    first = await probes.findBehind(stem, branch.beginning);
  }
  while (first !== undefined) {
    const character = String.fromCodePoint(first.codePointAt(stem.length) ?? 0);
    const beginning: string = stem + character;
    branches.push({ beginning, first });
    const next = nextCharacter(character);
    first = next === undefined ? undefined : await probes.findBehind(stem + next, branch.beginning);
  }
  return branches;
}

/** What all names of a branch begin with. */
async function findStem({ beginning, first }: Branch, probes: Probes): Promise<string> {
  const characters = Array.from(first.slice(beginning.length));
  let shared = 0;
  let tooMany = characters.length + 1;
  while (shared + 1 < tooMany) {
    const middle = Math.floor((shared + tooMany) / 2);
    const stem = beginning + characters.slice(0, middle).join('');
    const end = nextBeginning(stem);
    const isShared = end === undefined || (await probes.findBehind(end, beginning)) === undefined;
    if (isShared) shared = middle;
    else tooMany = middle;
  }
  return beginning + characters.slice(0, shared).join('');
}

/** The least text that stands behind all that begin with this one. */
function nextBeginning(text: string): string | undefined {
  const characters = Array.from(text);
  for (let last = characters.pop(); last !== undefined; last = characters.pop()) {
    const next = nextCharacter(last);
    if (next !== undefined) return characters.join('') + next;
  }
  return undefined;
}

/** The character behind this one: surrogates are none. */
function nextCharacter(character: string): string | undefined {
  const code = character.codePointAt(0) ?? 0;
  if (code === 0x10ffff) return undefined;
  return String.fromCodePoint(code === 0xd7ff ? 0xe000 : code + 1);
}

/** So many of the cuts, evenly. */
function spread(cuts: readonly string[], count: number): string[] {
  if (cuts.length <= count) return [...cuts];
  return Array.from({ length: count }, (_, index) => cuts[Math.floor((index * cuts.length) / count)] ?? '');
}

/** The first names of listings, as long as there are probes left. */
class Probes {
  left: number;
  readonly #source: ObjectSource;
  readonly #prefix: string;

  constructor(source: ObjectSource, { prefix = '', maxProbes }: KeyRangeOptions) {
    this.#source = source;
    this.#prefix = prefix;
    this.left = maxProbes;
  }

  /** The first name of all, unless they fit on one page. */
  async findFirst(): Promise<string | undefined> {
    this.left--;
    let first: string | undefined;
    for await (const [object] of this.#source.list({ prefix: this.#prefix })) {
      if (first !== undefined) return first;
      first = object?.name;
    }
    return undefined;
  }

  /** The first name behind `after` that begins so; undefined also if no probe is left. */
  findBehind(after: string, beginning: string): Promise<string | undefined> {
    return this.#find({ prefix: beginning, after });
  }

  async #find(range: ListRange): Promise<string | undefined> {
    if (this.left <= 0) return undefined;
    this.left--;
    for await (const [object] of this.#source.list({ ...range, pageSize: 1 })) return object?.name;
    return undefined;
  }
}
