import { FakeClock } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TurnKeeper } from './turn-keeper.ts';

function begin(most: number) {
  const clock = new FakeClock();
  const turns = new TurnKeeper(most);
  const started: string[] = [];
  let underWay = 0;
  let mostUnderWay = 0;
  const act =
    (name: string, ms = 10) =>
    async () => {
      started.push(name);
      mostUnderWay = Math.max(mostUnderWay, ++underWay);
      await clock.sleep(ms);
      underWay--;
      return name;
    };
  return { turns, started, act, most: () => mostUnderWay };
}

describe('TurnKeeper', () => {
  it('lets a replay wait while live ones wait, and each lane keep its order', async () => {
    const { turns, started, act } = begin(1);
    await Promise.all([
      turns.inReplayTurn(act('r1')),
      turns.inReplayTurn(act('r2')),
      turns.inLiveTurn(act('l1')),
      turns.inReplayTurn(act('r3')),
      turns.inLiveTurn(act('l2')),
    ]);
    expect(started).toEqual(['r1', 'l1', 'l2', 'r2', 'r3']);
  });

  it('gives what comes out, and goes on after what fails', async () => {
    const { turns, act } = begin(1);
    const fault = new Error('a test');
    const failed = turns.inLiveTurn(() => Promise.reject(fault));
    const next = turns.inReplayTurn(act('next'));
    await expect(failed).rejects.toBe(fault);
    await expect(next).resolves.toBe('next');
  });

  it('lets as many be under way as it should, and everything get its turn', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.record({ isLive: fc.boolean(), ms: fc.nat(30) }), { maxLength: 30 }),
        async (most, tasks) => {
          const { turns, started, act, most: mostUnderWay } = begin(most);
          await Promise.all(
            tasks.map(({ isLive, ms }, index) =>
              (isLive ? turns.inLiveTurn : turns.inReplayTurn)(act(String(index), ms)),
            ),
          );
          expect(new Set(started).size).toBe(tasks.length);
          expect(mostUnderWay()).toBe(Math.min(most, tasks.length));
        },
      ),
    );
  });
});
