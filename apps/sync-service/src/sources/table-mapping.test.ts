import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapRow, parseTableMappings, type ColumnValue } from './table-mapping.ts';

function parse(text: string) {
  const parsed = parseTableMappings(text);
  if (!('value' in parsed)) throw new Error(parsed.expected);
  return parsed.value;
}

function map(text: string, row: Readonly<Record<string, ColumnValue>>) {
  const [mapping] = parse(text);
  if (mapping === undefined) throw new Error('no mapping');
  return mapRow(mapping, { read: (column) => row[column] }, () => 'a row', {});
}

describe('a mapping', () => {
  it('gives bucket and name from the columns', () => {
    const row = { bucket: 'b', folder: 'f', name: 'a/b' };
    expect(map('public.files: obs://{bucket}/{folder}/{name}', row)).toMatchObject({
      kind: 'created',
      store: 'obs',
      bucket: 'b',
      name: 'f/a/b',
    });
    expect(map('files: photos/{name}.jpg', row)).toMatchObject({ name: 'photos/a/b.jpg', bucket: undefined });
    expect(map('files: az://account/{bucket}/{name}', row)).toMatchObject({
      bucket: 'account/b',
      name: 'a/b',
    });
  });

  it('takes every text of a column as it is, and every text around it', () => {
    const character = fc
      .oneof(fc.constantFrom(...'{}; :/='), fc.integer({ min: 1, max: 0x10ffff }))
      .map((value) => (typeof value === 'string' ? value : String.fromCodePoint(value)))
      .filter((value) => !/\p{Cs}/u.test(value));
    const text = fc.array(character).map((characters) => `x${characters.join('')}x`);
    fc.assert(
      fc.property(text, text, (value, around) => {
        const template = around.replaceAll(/[{}]/g, '$&$&').replaceAll(';', ';;');
        expect(map(`files: ${template}{name}`, { name: value })).toMatchObject({ name: around + value });
      }),
    );
  });

  it('selects rows by the value of a column', () => {
    const template = 'files: {state=ready}/{name}';
    expect(map(template, { state: 'ready', name: 'a' })).toMatchObject({ kind: 'created', name: 'ready/a' });
    expect(map(template, { state: 'new', name: 'a' })).toMatchObject({ kind: 'ignored' });
    expect(map(template, { state: null, name: 'a' })).toMatchObject({ kind: 'ignored' });
  });

  it('makes one bad record of NULL and of what was not sent', () => {
    expect(map('files: {name}', { name: null })).toMatchObject({
      kind: 'invalid',
      text: 'a row',
      reason: 'public.files: column "name" is NULL',
    });
    expect(map('files: {name}', { name: undefined })).toMatchObject({
      kind: 'invalid',
      reason: expect.stringContaining('REPLICA IDENTITY FULL'),
    });
  });

  it.each([
    '',
    'files',
    'files: ',
    'files: name',
    'files: {name',
    'files: obs://{bucket}',
    'files: obs://b/name',
    'files: {a}; files: {b}',
  ])('refuses %o', (text) => {
    expect(parseTableMappings(text)).toHaveProperty('expected');
  });
});
