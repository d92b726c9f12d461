import { describe, expect, it } from 'vitest';
import { AmqpInbox } from './amqp-inbox.ts';

/** An inbox before a queue in memory, which takes what `isUp` allows. */
function setUp(isUp: () => boolean = () => true) {
  const published: string[] = [];
  const publisher = {
    publish: async (_: string, body: Buffer) => {
      await Promise.resolve();
      if (!isUp()) throw new Error('the broker is away');
      published.push(body.toString());
    },
  };
  const inbox = new AmqpInbox(publisher, 'queue');
  const add = (messageId: string | undefined, source = 'sns') =>
    inbox.add({
      source,
      messageId,
      receivedAt: 1,
      records: [{ kind: 'created', name: 'x', store: 's3', bucket: 'b' }],
    });
  return { add, published };
}

describe('the inbox before a broker', () => {
  it('keeps what comes twice once, by source and id', async () => {
    const { add, published } = setUp();
    expect([await add('1'), await add('1'), await add('1', 'smn'), await add('2')]).toEqual([
      'kept',
      'repeated',
      'kept',
      'kept',
    ]);
    expect([await add(undefined), await add(undefined)]).toEqual(['kept', 'kept']);
    expect(published).toHaveLength(5);
  });

  it('shares one message among senders that did not wait for the answer', async () => {
    let isUp = true;
    const { add, published } = setUp(() => isUp);
    expect(await Promise.all([add('1'), add('1'), add('1')])).toEqual(['kept', 'repeated', 'repeated']);
    isUp = false;
    const outcomes = await Promise.allSettled([add('2'), add('2')]);
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isUp = true;
    expect(await add('2')).toBe('kept');
    expect(published).toHaveLength(2);
  });

  it('keeps what comes again because the broker did not take it', async () => {
    let isUp = false;
    const { add, published } = setUp(() => isUp);
    await expect(add('1')).rejects.toThrow('the broker is away');
    isUp = true;
    expect(await add('1')).toBe('kept');
    expect(published).toHaveLength(1);
  });

  it('remembers the last 50,000 at least, and 100,000 at most', async () => {
    const { add } = setUp();
    for (let number = 0; number < 100_000; number++) await add(`${number}`);
    expect([await add('50000'), await add('99999'), await add('0')]).toEqual([
      'repeated',
      'repeated',
      'kept',
    ]);
  });
});
