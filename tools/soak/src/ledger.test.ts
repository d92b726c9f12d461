import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger } from './ledger.ts';
import { makeName, readNumber } from './names.ts';

describe('names', () => {
  it('have their number in them, and are known letter by letter', () => {
    for (let number = 0; number < 100; number++) {
      expect(readNumber(makeName(number))).toBe(number);
      expect(readNumber(`${makeName(number)}x`)).toBeUndefined();
      expect(readNumber(makeName(number).normalize('NFD'))).toBe(
        makeName(number).normalize('NFD') === makeName(number) ? number : undefined,
      );
    }
    fc.assert(
      fc.property(anyName, (name) => {
        expect(readNumber(name)).toBeUndefined();
      }),
    );
  });
});

describe('Ledger', () => {
  it('finds what was acknowledged and is on no list', () => {
    const ledger = new Ledger();
    ledger.acknowledge(0, 5);
    ledger.receive([makeName(0), makeName(1)]);
    ledger.succeed([makeName(0), makeName(1)]);
    expect(ledger.judge(6, new Set([2, 3]))).toEqual({
      requested: 2,
      lost: [4],
      unfounded: [],
      strangers: [],
    });
  });

  it('finds what is claimed to be requested, and names that were never sent', () => {
    const ledger = new Ledger();
    ledger.acknowledge(0, 2);
    ledger.receive([makeName(0), 'somebody else']);
    ledger.succeed([makeName(0), makeName(1)]);
    expect(ledger.judge(2, new Set())).toEqual({
      requested: 2,
      lost: [],
      unfounded: [1],
      strangers: ['somebody else'],
    });
  });

  it('has room for as many as come', () => {
    const ledger = new Ledger();
    ledger.acknowledge(4_000_000, 4_000_001);
    expect(ledger.judge(4_000_001, new Set()).lost).toEqual([4_000_000]);
  });
});
