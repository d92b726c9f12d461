import { describe, expect, it } from 'vitest';
import type { ListOptions, LogObject } from '@oms-sync/core';
import { brokenAnswersOf } from './faults.ts';
import { checkObject, listPages, type Page } from './listing.ts';
import { faultOf } from './obs.test-help.ts';

const brokenAnswer = brokenAnswersOf('A store');
const object = (key: string): LogObject => ({ key, size: 1, lastModified: new Date(0) });

/** The keys of a listing whose pages are known by where they begin. */
async function keysOf(
  pages: Readonly<Record<string, Page>>,
  prefix = 'p',
  options: ListOptions = {},
): Promise<string[]> {
  const keys: string[] = [];
  const last: Page = { objects: [], next: undefined };
  const listed = listPages(prefix, brokenAnswer, (start) => Promise.resolve(pages[start] ?? last), options);
  for await (const { key } of listed) keys.push(key);
  return keys;
}

describe('a listing', () => {
  it('goes on to its last page, whether that says so by an empty text or not', async () => {
    for (const next of [undefined, '']) {
      const pages = { '': { objects: [object('p1')], next: 'a' }, a: { objects: [object('p2')], next } };
      expect(await keysOf(pages)).toEqual(['p1', 'p2']);
    }
  });

  it('leaves out what does not begin with the prefix', async () => {
    expect(await keysOf({ '': { objects: [object('q'), object('p')], next: undefined } })).toEqual(['p']);
  });

  // In UTF-16, an emoji stands before U+FF5E: a store with that order would have begun at the wrong place.
  it.each([
    ['on a page', undefined, ['p\u{1F600}', 'p\uFF5E'], []],
    ['on two pages', undefined, ['p\u{1F600}'], ['p\uFF5E']],
    ['before the name behind which it begins', 'p\u{1F600}', ['p\uFF5E'], []],
  ])('that has to be in order is broken where it is not, %s', async (_where, after, first, second) => {
    const pages = {
      '': { objects: first.map(object), next: 'a' },
      a: { objects: second.map(object), next: undefined },
    };
    expect(await faultOf(keysOf(pages, 'p', { after, inOrder: true }))).toMatchObject({
      code: 'BrokenAnswer',
      message: expect.stringContaining('order of their UTF-8 bytes') as unknown,
    });
    await expect(keysOf(pages, 'p', { after })).resolves.toBeInstanceOf(Array);
  });

  it('that has to be in order may begin at the name behind which it is to begin', async () => {
    const pages = {
      '': { objects: ['p1', 'p2', 'p2', 'p\uFF5E', 'p\u{1F600}'].map(object), next: undefined },
    };
    const keys = await keysOf(pages, 'p', { after: 'p1', inOrder: true });
    expect(keys).toEqual(['p2', 'p2', 'p\uFF5E', 'p\u{1F600}']);
  });

  it.each([
    ['a page', { '': { objects: [], next: 'a' }, a: { objects: [], next: 'a' } }],
    [
      'two in turn',
      { '': { objects: [], next: 'a' }, a: { objects: [], next: 'b' }, b: { objects: [], next: 'a' } },
    ],
  ])('that would give %s again and again is broken', async (_what, pages) => {
    expect(await faultOf(keysOf(pages))).toMatchObject({ code: 'BrokenAnswer', passing: true });
  });
});

describe('an entry', () => {
  it('has its size as a number or in digits, its time as one or as a text', () => {
    const time = '2026-01-01T00:00:00.000Z';
    const right = { key: 'p', size: 12, lastModified: new Date(time) };
    expect(checkObject('p', brokenAnswer, 'p', 12, right.lastModified)).toEqual(right);
    expect(checkObject('p', brokenAnswer, 'p', '12', time)).toEqual(right);
  });

  it.each([
    { key: '' },
    { key: undefined },
    { size: undefined },
    { size: '' },
    { size: '1e3' },
    { size: -1 },
    { size: Number.NaN },
    { lastModified: undefined },
    { lastModified: 'then' },
  ])('with %j is broken', (wrong) => {
    const { key, size, lastModified } = { key: 'p', size: 1, lastModified: new Date(0), ...wrong };
    expect(() => checkObject('p', brokenAnswer, key, size, lastModified)).toThrow(
      'an entry without key, size or time',
    );
  });
});
