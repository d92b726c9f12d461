import type { ListedObject } from '@oms-sync/core';
import { anyName, FakeClock, MemoryLogBucket } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readOmsFailures, sortReasons, toReasons, type GapReason } from './gap-reasons.ts';

const folder = 'oms/syncTask/7f/failed_object_lists/';

/** Reads one failed list of OMS. */
async function read(body: string) {
  const logBucket = new MemoryLogBucket(() => 5000);
  await logBucket.put(`${folder}1.failed_list.txt`, body, 'text/plain');
  return readAll(logBucket);
}

async function readAll(logBucket: MemoryLogBucket) {
  const unread = { count: 0 };
  const reasons: GapReason[] = [];
  const clock = new FakeClock();
  const options = { logBucket, clock, random: () => 0.5, writeUntil: Infinity };
  for await (const reason of readOmsFailures(options, unread)) reasons.push(reason);
  return { reasons, unread: unread.count };
}

describe("OMS's failed lists", () => {
  it('give code, time, name and message of each object', async () => {
    expect(await read('NoSuchKey\t2026-01-02T03:04:05Z\ta%2Fb%20c\ta/b c\tThe key\tis gone.\n')).toEqual({
      reasons: [
        {
          name: 'a/b c',
          list: 'oms',
          code: 'NoSuchKey',
          message: 'The key is gone.',
          time: Date.parse('2026-01-02T03:04:05Z'),
        },
      ],
      unread: 0,
    });
  });

  it('give any name', async () => {
    await fc.assert(
      fc.asyncProperty(anyName, async (name) => {
        const plain = name.replaceAll(/\p{Cc}/gu, ' ');
        const { reasons } = await read(`E\t2026-01-02\t${encodeURIComponent(name)}\t${plain}\tm\n`);
        expect(reasons[0]?.name).toBe(name);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['a plus for a space, as the plain name tells', 'E\t2026-01-02\ta+b\ta b\tm', ['a b'], 0],
    ['a plus that is one', 'E\t2026-01-02\ta+b\ta+b\tm', ['a+b'], 0],
    ['commas for tabs', 'E,2026-01-02,a%2Cb,a,b,m', ['a,b'], 0],
    ['line ends of Windows', 'E\t2026-01-02\ta\ta\tm\r\nE\t2026-01-02\tb\tb\tm\r\n', ['a', 'b'], 0],
    ['a broken escape', 'E\t2026-01-02\t%zz\t%zz\tm\nE\t2026-01-02\tb\tb\tm', ['b'], 1],
    ['a line of another kind', 'nothing to see here\n\n', [], 1],
  ])('are understood with %s', async (_, body, names, unread) => {
    const result = await read(body);
    expect(result.reasons.map(({ name }) => name)).toEqual(names);
    expect(result.unread).toBe(unread);
  });

  it('without a time count as of the time when they were written', async () => {
    expect((await read('E\tsome day\ta\ta\tm')).reasons[0]?.time).toBe(5000);
  });

  it('are all read, and nothing else in the folder of OMS is', async () => {
    const logBucket = new MemoryLogBucket();
    for (let index = 0; index < 20; index++) {
      await logBucket.put(
        `${folder}${index}.failed_list.txt`,
        `E\t2026-01-02\tname-${index}\t\t\n`,
        'text/plain',
      );
    }
    await logBucket.put(
      'oms/syncTask/7f/success_object_lists/1.success_list.txt',
      'E\t\tno\t\t\n',
      'text/plain',
    );
    await logBucket.put('oms/task/x/failed_object_lists/1.failed_list.txt', 'E\t\tno\t\t\n', 'text/plain');
    const { reasons } = await readAll(logBucket);
    expect(new Set(reasons.map(({ name }) => name))).toEqual(
      new Set(Array.from({ length: 20 }, (_, index) => `name-${index}`)),
    );
  });

  it('that cannot be read are an error, and not empty', async () => {
    const logBucket = new MemoryLogBucket();
    await logBucket.put(`${folder}1.failed_list.txt`, '', 'text/plain');
    const error = new Error('away');
    logBucket.fail = (operation) => {
      if (operation === 'get') throw error;
    };
    await expect(readAll(logBucket)).rejects.toBe(error);
  });
});

describe('the reasons of all lists', () => {
  it('come in the order of names, of several for one name the last', async () => {
    const reason = (name: string, time: number): GapReason => ({
      name,
      list: 'oms',
      code: 'E',
      message: '',
      time,
    });
    const [earlier, later] = [reason('\uFF5E', 1), reason('\uFF5E', 2)];
    const sorted: GapReason[] = [];
    for await (const page of sortReasons([of(reason('\u{1F600}', 1), later), of(earlier, reason('a', 1))])) {
      sorted.push(...page);
    }
    expect(sorted).toEqual([reason('a', 1), later, reason('\u{1F600}', 1)]);
  });

  it('of our own list have its code; what is no name has none', async () => {
    const entry: ListedObject = {
      name: 'a',
      isName: true,
      store: undefined,
      bucket: undefined,
      syncTaskId: undefined,
      recordedAt: '2026-01-02T03:04:05.000Z',
      attempts: 1,
      eventTime: undefined,
      eventId: undefined,
      reasonClass: 'refused',
      errorCode: 'OMS.0064',
      errorMessage: 'Invalid request parameters.',
      line: '{}',
      list: 'failed_object',
      key: 'a',
      inHandUntil: undefined,
    };
    const reasons: GapReason[] = [];
    for await (const reason of toReasons(of(entry, { ...entry, isName: false }))) reasons.push(reason);
    expect(reasons).toEqual([
      {
        name: 'a',
        list: 'unrequested',
        code: 'OMS.0064',
        message: 'Invalid request parameters.',
        time: Date.parse('2026-01-02T03:04:05Z'),
      },
    ]);
  });
});

async function* of<Item>(...items: Item[]): AsyncGenerator<Item> {
  for (const item of items) yield await Promise.resolve(item);
}
