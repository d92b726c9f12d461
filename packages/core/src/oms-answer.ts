import { OmsError } from './oms-error.ts';

// Reads the fields of OMS's answers. All functions throw an OmsError for a field of another type than documented.

type Fields = ReadonlyMap<string, unknown>;

/** The fields of an object. `what`: the object that was expected, for the message. */
export function readFields(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return new Map<string, unknown>(Object.entries(value));
  }
  throw unexpectedAnswer(`something else than ${what}`);
}

/** The members of an array; none if it is left out. */
export function readList(fields: Fields, name: string): readonly unknown[] {
  const value = fields.get(name) ?? [];
  if (Array.isArray(value)) return value;
  throw unexpectedAnswer(`${name} that is no array`);
}

/** The text of a field; undefined if it is left out. */
export function readText(fields: Fields, name: string): string | undefined {
  const value = fields.get(name) ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw unexpectedAnswer(`${name} that is no text`);
}

/** The number of a field; undefined if it is left out. */
export function readNumber(fields: Fields, name: string): number | undefined {
  const value = fields.get(name) ?? undefined;
  if (value === undefined || typeof value === 'number') return value;
  throw unexpectedAnswer(`${name} that is no number`);
}

/** What to say of an answer that is not as documented: `something else than …`. */
export function unexpectedAnswer(what: string): OmsError {
  return new OmsError({
    faultClass: 'passing',
    status: 200,
    code: 'UnexpectedAnswer',
    message: `OMS answered with ${what}`,
  });
}
