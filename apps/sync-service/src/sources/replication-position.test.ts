import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLsn, ReplicationPosition } from './replication-position.ts';

describe('the position of a slot', () => {
  it('is the end of the last transaction before which all is settled, whatever the order', () => {
    const transactions = fc.array(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(transactions, fc.infiniteStream(fc.nat()), (sizes, numbers) => {
        const position = new ReplicationPosition();
        const left = sizes.map((size) => size);
        const open: { readonly index: number; readonly settle: () => void }[] = [];
        sizes.forEach((size, index) => {
          position.begin();
          for (let row = 0; row < size; row++) open.push({ index, settle: position.open() });
          position.commit(BigInt(index + 1));
        });
        const check = () => {
          const first = left.findIndex((count) => count > 0);
          expect(position.confirmed).toBe(BigInt(first < 0 ? sizes.length : first));
        };
        check();
        for (let [number] = numbers.take(1); open.length > 0; [number] = numbers.take(1)) {
          const [next] = open.splice((number ?? 0) % open.length, 1);
          if (next === undefined) break;
          next.settle();
          left[next.index] = (left[next.index] ?? 0) - 1;
          check();
        }
        position.reach(1000n);
        expect(position.confirmed).toBe(1000n);
      }),
    );
  });

  it('does not move over a transaction on its way', () => {
    const position = new ReplicationPosition();
    position.begin();
    position.reach(5n);
    position.open()();
    expect(position.confirmed).toBe(0n);
    position.commit(7n);
    expect(position.confirmed).toBe(7n);
  });

  it('is shown as PostgreSQL does', () => expect(formatLsn(0x16b374d848n)).toBe('16/B374D848'));
});
