import { uglyNames } from '@oms-sync/testing';
import type { Random } from './random.ts';

/** Numbers that are none, too large, or not what they look like. */
const numbers = [0, -0, -1, 1.5, 1e308, -1e308, Number.MAX_SAFE_INTEGER + 2, NaN, Infinity, -Infinity];

/** Texts that are no name, no time, no JSON, or too much of it. */
const texts = [
  '',
  ' ',
  '\0',
  '\ud800',
  'a\udc00b',
  '\ufeff{}',
  '%',
  '%zz',
  '%ff',
  '%C3%28',
  '%ED%A0%80',
  '%00',
  '+',
  'null',
  '[]',
  '{}',
  '{"Records":[]}',
  '{"__proto__":{"polluted":true}}',
  '0',
  '-1',
  'NaN',
  'Infinity',
  '1e308',
  '1e999',
  '9'.repeat(400),
  '1970-01-01T00:00:00Z',
  '+275760-09-13T00:00:00.001Z',
  '-271822-01-01',
  '0000-00-00',
  'constructor',
  '__proto__',
  'hasOwnProperty',
  'toString',
  '../'.repeat(60),
  'x'.repeat(70_000),
  '=?'.repeat(500),
  '\r\nHTTP/1.1 200 OK\r\n\r\n',
  '[31mred',
];

/** Names of members that mean something to JavaScript. */
export const hostileKeys = [
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toJSON',
  'then',
  'length',
  '',
  '0',
] as const;

/** A text to put in place of another one. */
export function makeText(random: Random): string {
  return (random.chance(0.4) ? random.pick(uglyNames) : random.pick(texts)) ?? '';
}

/** A value that JSON can say (numbers that it cannot become null), to put in place of another one. */
export function makeValue(random: Random): unknown {
  switch (random.below(10)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
    case 3:
      return random.pick(numbers);
    case 4:
      return String(random.pick(numbers));
    case 5:
      return random.chance(0.5) ? [] : {};
    case 6:
      return nest(random.pick([3, 100, 2000] as const), random.chance(0.5));
    case 7:
      return JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    case 8:
      return Array.from({ length: random.below(50) }, (_, index) => index);
    default:
      return makeText(random);
  }
}

/** A value that only a caller in the same process can hand over. */
export function makeUnspeakable(random: Random): unknown {
  const cyclic: Record<string, unknown> = { name: 'cyclic' };
  cyclic['self'] = cyclic;
  return random.pick([
    undefined,
    10n,
    cyclic,
    Symbol('a symbol'),
    () => 'a function',
    new Date(NaN),
    new Map([['Records', []]]),
    Object.create(null),
    new Uint8Array(8),
    Object.freeze({}),
  ]);
}

/** Lists or objects in each other, so deep. */
export function nest(depth: number, isList: boolean): unknown {
  let value: unknown = 'deep';
  for (let level = 0; level < depth; level++) value = isList ? [value] : { a: value };
  return value;
}
