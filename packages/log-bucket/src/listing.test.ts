import { describe, expect, it } from 'vitest';
import type { LogObject } from '@oms-sync/core';
import { brokenAnswersOf } from './faults.ts';
import { checkObject, listPages, type Page } from './listing.ts';
import { faultOf } from './obs.test-help.ts';

const brokenAnswer = brokenAnswersOf('A store');
const object = (key: string): LogObject => ({ key, size: 1, lastModified: new Date(0) });

/** The keys of a listing whose pages are known by where they begin. */
async function keysOf(pages: Readonly<Record<string, Page>>, prefix = 'p'): Promise<string[]> {
  const keys: string[] = [];
  const last: Page = { objects: [], next: undefined };
  const listed = listPages(prefix, brokenAnswer, (start) => Promise.resolve(pages[start] ?? last));
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
