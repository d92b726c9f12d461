import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { advise } from './advice.ts';

it('has a word for each code that the documentation has', () => {
  const text = readFileSync(new URL('../../../../docs/troubleshooting.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(passing|refused|identity|quota|invalid)` +\| ([^|]+)\|/gm)];
  const codes = rows.flatMap(([, reasonClass = '', cell = '']) =>
    [...cell.matchAll(/`([\w.]+)`/g)].map(([, code = '']) => ({ reasonClass, code })),
  );
  expect(codes.length).toBeGreaterThan(12);
  for (const { reasonClass, code } of codes) {
    expect(advise(reasonClass, code), code).not.toContain('the answer of OMS says more');
  }
});

it.each([
  ['passing', 'NotSent', 'The time was up'],
  ['passing', 'ECONNREFUSED', 'OMS was not reached'],
  ['passing', 'HTTP.503', 'OMS was not well'],
  ['passing', 'HTTP.429', '--rate'],
  ['refused', 'OMS.0054', '--any-task'],
  ['refused', 'OMS.0064', 'the task is stopped or wrong'],
  ['identity', 'APIG.0301', 'hw_ak'],
  ['invalid', 'DirectoryRenamed', 'Backfill'],
  ['unknown', undefined, 'Replay it'],
])('%s %s', (reasonClass, code, expected) => {
  expect(advise(reasonClass, code)).toContain(expected);
});
