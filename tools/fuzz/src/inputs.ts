import type { EntryPointName } from './entry-point.ts';
import { mutate } from './mutations.ts';
import { nest } from './hostile-values.ts';
import { Random } from './random.ts';
import type { Seeds } from './seeds.ts';

/** What OMS does with the names of one input; a name that is refused is refused each time. */
export type OmsMood =
  'takes all' | 'refuses some' | 'fails at some' | 'refuses the keys' | 'answers nonsense';

/** One input of an entry point. The same seed, entry point and index give the same one again. */
export interface Input {
  readonly entryPoint: EntryPointName;
  readonly index: number;
  readonly event: unknown;
  /** The event as the text that arrives, where text arrives; may be no JSON. Latin-1: each character is a byte. */
  readonly bytes: string | undefined;
  /** A name of a flawless record among the others, or alone where nothing is changed: it must not get lost. */
  readonly canary: string | undefined;
  readonly mood: OmsMood;
  /** What was done to the event, for the report. */
  readonly mutations: readonly number[];
  /** Decides what else there is to decide, such as the headers of a request. */
  readonly random: Random;
}

export interface InputOptions {
  readonly seed: number;
  readonly entryPoint: EntryPointName;
  readonly seeds: Seeds;
  /** May values come that JSON cannot say? */
  readonly inProcess: boolean;
}

const largeBytes = 6_291_456;

/**
 * Makes an input.
 *
 * @param keep which of its mutations to apply; all if left out.
 */
export function makeInput(options: InputOptions, index: number, keep?: readonly number[]): Input {
  const { seed, entryPoint, seeds } = options;
  const random = new Random(seed, entryPoint, index);
  let event = seeds.pick(random);
  const count = random.chance(0.05) ? 0 : 1 + random.below(random.chance(0.2) ? 12 : 3);
  const mutations = keep ?? Array.from({ length: count }, (_, step) => step);
  for (const step of mutations) {
    const ofStep = new Random(seed, entryPoint, index, step);
    event = mutate(event, ofStep, {
      other: () => seeds.pick(ofStep),
      // Rarely, or the other kinds would hardly get a turn.
      inProcess: options.inProcess && ofStep.chance(0.3),
    });
    if (isTooLarge(event)) event = seeds.pick(ofStep);
  }
  const canary = random.chance(0.5) ? `canary/${entryPoint}/${index}` : undefined;
  // Where nothing is changed, it is all that there is.
  const alone = canary === undefined || count > 0 ? undefined : seeds.pickWithName(random, canary);
  event = alone ?? event;
  const isPlanted = alone !== undefined || (canary !== undefined && plant(event, canary, seeds, random));
  const planted = isPlanted ? canary : undefined;
  const mood = random.chance(0.7)
    ? 'takes all'
    : random.pick(['refuses some', 'fails at some', 'refuses the keys', 'answers nonsense'] as const);
  const enlarged = count === 0 ? event : enlarge(event, random);
  const whole = toBytes(enlarged);
  const bytes = whole === undefined || !random.chance(0.08) ? whole : damage(whole, random);
  return {
    entryPoint,
    index,
    event: enlarged,
    bytes, // Damage may hit the flawless record itself.
    canary: options.inProcess || bytes === whole ? planted : undefined,
    mood,
    mutations,
    random,
  };
}

/** Would no platform let it through? Copies of copies grow quickly. */
function isTooLarge(event: unknown): boolean {
  let left = largeBytes;
  const waiting = [event];
  // What refers to itself has no end, but is not large.
  const visits = new Map<object, number>();
  while (left > 0 && waiting.length > 0) {
    const value = waiting.pop();
    left -= typeof value === 'string' ? value.length : 4;
    if (typeof value !== 'object' || value === null) continue;
    const count = (visits.get(value) ?? 0) + 1;
    visits.set(value, count);
    if (count <= 5000) for (const member of Object.values(value)) waiting.push(member);
  }
  return left <= 0;
}

/** Puts a flawless record among those of the event, wherever it has a list of records. */
function plant(event: unknown, name: string, seeds: Seeds, random: Random): boolean {
  const records = findRecords(event);
  if (records === undefined || records.list.length > 15_000) return false;
  const like = sourceOf(records.list[0]);
  // A few tries to find a channel whose events have such a list, at first one from the same source.
  for (let tries = 0; tries < 20; tries++) {
    const theirs = findRecords(seeds.pickWithName(random, name));
    const [record] = theirs?.list ?? [];
    if (theirs?.name !== records.name || record === undefined) continue;
    if (tries < 10 && sourceOf(record) !== like) continue;
    records.list.splice(random.below(records.list.length + 1), 0, record);
    return true;
  }
  return false;
}

/** What a record of AWS or Huawei Cloud says it is of. */
function sourceOf(record: unknown): unknown {
  if (typeof record !== 'object' || record === null) return undefined;
  const read = (name: string): unknown => Object.getOwnPropertyDescriptor(record, name)?.value;
  return read('eventSource') ?? read('EventSource');
}

/** The list of records of an event, and what it is called. */
export function findRecords(event: unknown): { readonly name: string; readonly list: unknown[] } | undefined {
  if (Array.isArray(event)) return Object.isFrozen(event) ? undefined : { name: '', list: event };
  if (typeof event !== 'object' || event === null) return undefined;
  for (const name of ['Records', 'record', 'tasks']) {
    const list: unknown = Object.getOwnPropertyDescriptor(event, name)?.value;
    if (Array.isArray(list) && !Object.isFrozen(list)) return { name, list };
  }
  return undefined;
}

/** Now and then: as much as a platform lets through, in one value or in many records, or very deep. */
function enlarge(event: unknown, random: Random): unknown {
  if (!random.chance(0.001)) return event;
  const records = findRecords(event)?.list;
  switch (random.below(4)) {
    case 0:
      return { filler: 'x'.repeat(largeBytes), event };
    case 1:
      return nest(50_000, true);
    case 2:
      records?.push(nest(50_000, false));
      return event;
    default: {
      const [record] = records ?? [];
      if (records !== undefined) {
        for (let count = records.length; count < 10_000; count++) records.push(record);
      }
      return event;
    }
  }
}

/** The event as JSON; undefined for what JSON cannot say. */
function toBytes(event: unknown): string | undefined {
  const json = toJson(event);
  return json === undefined ? undefined : Buffer.from(json).toString('latin1');
}

/** Cut off, a byte changed, no UTF-8, too deep, twice, or with a member that means something to JavaScript. */
export function damage(bytes: string, random: Random): string {
  const at = random.below(bytes.length + 1);
  switch (random.below(6)) {
    case 0:
      return bytes.slice(0, at);
    case 1:
      return bytes.slice(0, at) + String.fromCharCode(random.below(256)) + bytes.slice(at + 1);
    case 2: // No UTF-8: a lone byte, an overlong slash, a surrogate.
      return (
        bytes.slice(0, at) + random.pick(['\xff', '\xc0\xaf', '\xed\xa0\x80'] as const) + bytes.slice(at)
      );
    case 3:
      return '['.repeat(100_000) + bytes;
    case 4:
      return `${bytes}${bytes}`;
    default:
      return bytes.replace('{"', '{"__proto__":{"polluted":true},"');
  }
}

function toJson(event: unknown): string | undefined {
  try {
    return JSON.stringify(event);
  } catch {
    return undefined; // Too deep, cyclic, or a BigInt: that comes in the same process or not at all.
  }
}
