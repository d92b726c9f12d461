import { hostileKeys, makeText, makeUnspeakable, makeValue } from './hostile-values.ts';
import type { Random } from './random.ts';

type Container = Record<string, unknown> | unknown[];

/** Where a value stands. */
interface Place {
  readonly container: Container;
  readonly key: string;
}

/** What a mutation may draw on. */
export interface MutationOptions {
  /** Another real event, to take parts from. */
  readonly other: () => unknown;
  /** May values come in that JSON cannot say? */
  readonly inProcess: boolean;
}

/** Enough to choose from, also in an event with many thousand records. */
const maxPlaces = 5000;

/** Changes one thing in an event, in place where that is possible, and gives what is then the event. */
export function mutate(event: unknown, random: Random, options: MutationOptions): unknown {
  const places = findPlaces(event);
  const place = random.pick(places);
  if (place === undefined || random.chance(0.02)) return replaceWhole(event, random, options);
  const value = read(place);
  switch (random.below(15)) {
    case 0:
      remove(place);
      break;
    case 1:
      duplicate(place, random);
      break;
    case 2:
      rename(place, random);
      break;
    case 3:
    case 4:
      write(place, makeValue(random));
      break;
    case 5:
      write(place, options.inProcess ? makeUnspeakable(random) : makeValue(random));
      break;
    case 6:
      write(place, changeType(value));
      break;
    case 7: {
      const other = random.pick(places) ?? place;
      const theirs = read(other);
      // A value must not come to stand inside of itself: not every event is read in this process.
      if (!isContainer(value) && !isContainer(theirs)) {
        write(other, value);
        write(place, theirs);
      }
      break;
    }
    case 8: {
      const from = random.pick(findPlaces(options.other()));
      if (from !== undefined) write(place, read(from));
      break;
    }
    case 9:
      addHostileKey(place.container, random);
      break;
    default: {
      const textPlace = random.pick(places.filter((candidate) => typeof read(candidate) === 'string'));
      if (textPlace === undefined) break;
      write(textPlace, mutateText(String(read(textPlace)), random, options));
    }
  }
  return event;
}

function replaceWhole(event: unknown, random: Random, { other, inProcess }: MutationOptions): unknown {
  switch (random.below(5)) {
    case 0:
      return [event, other()];
    case 1:
      return [event];
    case 2:
      return other();
    case 3:
      return inProcess ? makeUnspeakable(random) : makeValue(random);
    default:
      return makeValue(random);
  }
}

/** Changes a text; one that holds JSON, plain or as Base64, more often inside than outside. */
export function mutateText(text: string, random: Random, options: MutationOptions): string {
  const inner = readJson(text);
  if (inner !== undefined && random.chance(0.8)) {
    const changed = mutate(inner.value, random, { ...options, inProcess: false });
    return inner.encode(JSON.stringify(changed) ?? 'null');
  }
  const at = random.below(text.length + 1);
  switch (random.below(7)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + makeText(random) + text.slice(at);
    case 2:
      return text.slice(0, at) + text.slice(at + 1);
    case 3:
      return text + text;
    case 4:
      return text.toUpperCase();
    case 5:
      return encodeURIComponent(text.replace(/\p{Surrogate}/gu, '\ufffd'));
    default:
      return makeText(random);
  }
}

/** What a text holds as JSON, and how to put other JSON in its place. */
function readJson(text: string): { value: unknown; encode: (json: string) => string } | undefined {
  const forms = [
    { json: text, encode: (json: string) => json },
    {
      json: Buffer.from(text, 'base64').toString('utf8'),
      encode: (json: string) => Buffer.from(json).toString('base64'),
    },
  ];
  for (const { json, encode } of forms) {
    if (!/^\s*[[{]/.test(json)) continue;
    try {
      return { value: JSON.parse(json) as unknown, encode };
    } catch {
      continue; // Not this form.
    }
  }
  return undefined;
}

/** A number as a text, a text as a list of it, and so on. */
function changeType(value: unknown): unknown {
  if (typeof value === 'string') return Number.isNaN(Number(value)) ? [value] : Number(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (Array.isArray(value)) return Object.fromEntries(value.entries());
  return isContainer(value) ? [value] : String(value);
}

function remove({ container, key }: Place): void {
  if (Array.isArray(container)) container.splice(Number(key), 1);
  else delete container[key];
}

/** An element of a list once or many times more; a member under another name. */
function duplicate({ container, key }: Place, random: Random): void {
  const value = read({ container, key });
  if (Array.isArray(container)) {
    const times = random.chance(0.02) ? 3000 : random.below(12) + 1;
    if (container.length + times < 20_000) container.push(...Array.from({ length: times }, () => value));
  } else {
    define(container, `${key}2`, value);
  }
}

function rename(place: Place, random: Random): void {
  const { container, key } = place;
  const value = read(place);
  remove(place);
  if (Array.isArray(container)) container.push(value);
  else define(container, random.pick([key.toUpperCase(), ` ${key}`, `${key}s`, ...hostileKeys]), value);
}

function addHostileKey(container: Container, random: Random): void {
  if (!Array.isArray(container)) define(container, random.pick(hostileKeys), makeValue(random));
}

function read({ container, key }: Place): unknown {
  return Object.getOwnPropertyDescriptor(container, key)?.value;
}

function write({ container, key }: Place, value: unknown): void {
  define(container, key, value);
}

/** As JSON.parse does: `__proto__` is a member like any other. */
function define(container: Container, key: string, value: unknown): void {
  if (Object.isFrozen(container)) return;
  Object.defineProperty(container, key, { value, writable: true, enumerable: true, configurable: true });
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null;
}

/** Every member and element, level by level; without recursion, as events may be deep or refer to themselves. */
function findPlaces(event: unknown): Place[] {
  const places: Place[] = [];
  const seen = new Set<unknown>();
  const waiting = [event];
  for (let next = 0; next < waiting.length && places.length < maxPlaces; next++) {
    const container = waiting[next];
    if (!isContainer(container) || seen.has(container) || ArrayBuffer.isView(container)) continue;
    seen.add(container);
    for (const key of Object.keys(container).slice(0, maxPlaces)) {
      places.push({ container, key });
      waiting.push(read({ container, key }));
    }
  }
  return places;
}
