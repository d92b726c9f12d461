import { describe, expect, it } from 'vitest';
import { selectFolder, selectName } from './name-filter.ts';

const none = { includePrefix: [], excludePrefix: [], includeSuffix: [], excludeSuffix: [] };

describe('the name filter', () => {
  it('lets everything through when nothing is set', () => {
    expect(selectName(none, 'photos/a.jpg')).toBe(true);
  });

  it.each([
    ['includePrefix', ['photos/', 'films/'], 'films/a', true],
    ['includePrefix', ['photos/', 'films/'], 'notes/a', false],
    ['includeSuffix', ['.jpg', '.png'], 'a.png', true],
    ['includeSuffix', ['.jpg', '.png'], 'a.txt', false],
    ['excludePrefix', ['tmp/', 'cache/'], 'cache/a', false],
    ['excludePrefix', ['tmp/', 'cache/'], 'photos/tmp/', true],
    ['excludeSuffix', ['.tmp', '~'], 'a~', false],
    ['excludeSuffix', ['.tmp', '~'], '~a', true],
  ])('%s %j: %s is %s', (setting, values, name, expected) => {
    expect(selectName({ ...none, [setting]: values }, name)).toBe(expected);
  });

  it.each([
    [{}, 'a', true],
    [{ includePrefix: ['in/', 'out/'] }, 'in', true],
    [{ includePrefix: ['in/', 'out/'] }, 'out/deeper', true],
    [{ includePrefix: ['in/deep/', 'out/'] }, 'in', true],
    [{ includePrefix: ['in/', 'out/'] }, 'inner', false],
    [{ excludePrefix: ['in/', 'out/'] }, 'out', false],
    [{ excludePrefix: ['in/deep/', 'out/'] }, 'in', true],
  ])('%j: a folder %s is %s', (setting, folder, expected) => {
    expect(selectFolder({ ...none, ...setting }, folder)).toBe(expected);
  });

  it('needs all conditions to hold', () => {
    const filter = {
      ...none,
      includePrefix: ['photos/'],
      includeSuffix: ['.jpg'],
      excludePrefix: ['photos/tmp/'],
    };
    expect(selectName(filter, 'photos/a.jpg')).toBe(true);
    expect(selectName(filter, 'photos/a.txt')).toBe(false);
    expect(selectName(filter, 'a.jpg')).toBe(false);
    expect(selectName(filter, 'photos/tmp/a.jpg')).toBe(false);
  });
});
