import { describe, expect, it } from 'vitest';
import { Faults, type Fault } from './faults.ts';

const reset: Fault = { kind: 'reset' };

/** Which of so many requests are hit. */
function hits(faults: Faults, count: number): number[] {
  return Array.from({ length: count }, (_, index) => index).filter(
    () => faults.take('put', 'a') !== undefined,
  );
}

describe('faults', () => {
  it('are none to begin with, and none when cleared', () => {
    const faults = new Faults();
    expect(faults.take('put', 'a')).toBeUndefined();
    faults.set([reset]);
    expect(faults.take('put', 'a')).toBe(reset);
    faults.clear();
    expect(faults.take('put', 'a')).toBeUndefined();
  });

  it('are about an operation and the beginning of a key', () => {
    const faults = new Faults();
    faults.set([{ ...reset, operation: 'list', keyPrefix: 'a/' }]);
    expect(faults.take('put', 'a/b')).toBeUndefined();
    expect(faults.take('list', 'b/')).toBeUndefined();
    expect(faults.take('list', 'a/b')).toMatchObject(reset);
  });

  it('happen so many times', () => {
    const faults = new Faults();
    faults.set([{ ...reset, times: 2 }]);
    expect(hits(faults, 5)).toEqual([0, 1]);
  });

  it.each([
    [0, []],
    [0.1, [9, 19]],
    [0.25, [3, 7, 11, 15, 19]],
    [1, Array.from({ length: 20 }, (_, index) => index)],
  ])('hit a share of %d evenly', (share, expected) => {
    const faults = new Faults();
    faults.set([{ ...reset, share }]);
    expect(hits(faults, 20)).toEqual(expected);
  });

  it('are taken in order', () => {
    const faults = new Faults();
    faults.set([
      { kind: 'reset', times: 1 },
      { kind: 'black-hole', times: 1 },
    ]);
    expect([1, 2, 3].map(() => faults.take('get', 'a')?.kind)).toEqual(['reset', 'black-hole', undefined]);
  });
});
