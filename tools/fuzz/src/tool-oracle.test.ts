import { testKeys } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import { judgeTool, type ToolObservation } from './tool-oracle.ts';

const good: ToolObservation = {
  code: 1,
  ms: 300,
  output: 'a.csv: it is cut off',
  accepted: ['a'],
  listed: ['a', 'b'],
  violations: [],
};

describe('the oracle of the tool', () => {
  it('finds nothing wrong when all is well', () => {
    expect(judgeTool(good)).toEqual([]);
    expect(judgeTool({ ...good, code: 0, output: '' })).toEqual([]);
  });

  it.each<[string, Partial<ToolObservation>, RegExp]>([
    ['an exit code of its own', { code: 7 }, /exit code 7/],
    ['one that does not end', { code: undefined }, /did not end/],
    ['a stack trace', { output: 'TypeError: no\n    at run (/app/oms-sync.js:12:34)\n' }, /a stack trace/],
    ['a key', { output: `found ${testKeys.secretKey}` }, /the secretKey in the output/],
    ['a failure without a word', { output: '\n' }, /not a word/],
    ['a name that is on no list', { listed: ['b'] }, /the success list has not: \["a"\]/],
    ['no request for OMS', { violations: ['{}'] }, /no request for OMS/],
  ])('finds %s', (_what, seen, problem) => {
    expect(judgeTool({ ...good, ...seen }).join('\n')).toMatch(problem);
  });
});
