import { UnknownEventError } from './unknown-event-error.ts';

/** A JSON object. Reading a member that is not there gives undefined, also for names such as `__proto__`. */
export interface JsonObject {
  readonly [name: string]: unknown;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The member at a path of names, or undefined when there is none. */
export function getMember(value: unknown, ...path: readonly string[]): unknown {
  let member = value;
  for (const name of path) {
    if (!isObject(member) || !Object.hasOwn(member, name)) return undefined;
    member = member[name];
  }
  return member;
}

/** The text at a path of names, or undefined when there is none; an empty one counts as none. */
export function getText(value: unknown, ...path: readonly string[]): string | undefined {
  const member = getMember(value, ...path);
  return typeof member === 'string' && member !== '' ? member : undefined;
}

/** What a value is, for a message to people: never long, whatever came in. */
export function describeValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'string')
    return value === '' ? 'an empty text' : `the text ${JSON.stringify(shorten(value))}`;
  if (!isObject(value)) return `a ${typeof value}`;
  const names = Object.keys(value);
  if (names.length === 0) return 'an empty object';
  const shown = names.slice(0, 8).map(shorten).join(', ');
  return `an object with ${shown}${names.length > 8 ? ` and ${names.length - 8} more` : ''}`;
}

/** At most 80 characters of a text. */
export function shorten(text: string): string {
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

/**
 * What a text holds as JSON.
 *
 * @throws {UnknownEventError} for what is no text or no JSON.
 */
export function parseJson(text: unknown): unknown {
  if (typeof text !== 'string') {
    throw new UnknownEventError(`expected a text, found ${describeValue(text)}`);
  }
  try {
    // An editor or a download puts a byte order mark in front, which JSON.parse does not take.
    return JSON.parse(text.replace(/^\uFEFF/, '')) as unknown;
  } catch (error) {
    throw new UnknownEventError(`expected JSON, found ${describeValue(text)}`, { cause: error });
  }
}
