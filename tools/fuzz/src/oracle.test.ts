import { testKeys } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import type { Input } from './inputs.ts';
import { judge, type Observation } from './oracle.ts';
import { Random } from './random.ts';

const input: Input = {
  entryPoint: 'aws-lambda',
  index: 0,
  event: {
    Records: [
      { messageId: 'message-1', body: 'a+b' },
      { messageId: 'message-2', body: 'canary' },
    ],
  },
  bytes: undefined,
  canary: 'canary',
  mood: 'takes all',
  mutations: [],
  random: new Random(0),
};

function syncLine(changes: Record<string, number> = {}): string {
  const sum = { received: 2, requested: 2, unrequested: 0, filtered: 0, merged: 0, returned: 0 };
  return JSON.stringify({ event: 'sync', ...sum, ...changes });
}

/** All is well: two records, both requested. */
const good: Observation = {
  input,
  answer: { kind: 'done', value: { batchItemFailures: [] } },
  ms: 5,
  lines: [syncLine()],
  accepted: ['a b', 'canary'],
  violations: [],
  lists: { requested: ['a b', 'canary'], unrequested: [], invalid: [], text: '' },
  uncaught: [],
  prototypeKeys: [],
};

function lists(changes: Partial<Observation['lists']>): Observation['lists'] {
  return { ...good.lists, ...changes };
}

describe('the oracle', () => {
  it('finds nothing wrong when all is well', () => {
    expect(judge(good)).toEqual([]);
  });

  it('accepts a clear error that gives everything back', () => {
    const failed = {
      ...good,
      answer: { kind: 'failed', errorType: 'UnsettledError', text: '2 of 2 records …' },
      lines: [syncLine({ requested: 0, returned: 2 })],
      accepted: [],
      lists: lists({ requested: [] }),
    } as const;
    expect(judge(failed)).toEqual([]);
  });

  it('accepts a flawless record that is handed back by itself', () => {
    const handedBack = {
      ...good,
      answer: { kind: 'done', value: { batchItemFailures: [{ itemIdentifier: 'message-2' }] } },
      lines: [syncLine({ requested: 1, returned: 1 })],
      accepted: ['a b'],
      lists: lists({ requested: ['a b'] }),
    } as const;
    expect(judge(handedBack)).toEqual([]);
  });

  const wrong: Record<string, [Partial<Observation>, expected: string]> = {
    'a hang': [{ answer: { kind: 'hung' } }, 'took'],
    'an input that takes too long': [{ ms: 60_000 }, 'took 60000 ms'],
    'what nobody catches': [{ uncaught: ['TypeError: x'] }, 'uncaught: TypeError: x'],
    'a polluted prototype': [{ prototypeKeys: ['polluted'] }, 'Object.prototype has polluted'],
    'a key in a log line': [{ lines: [syncLine(), testKeys.secretKey] }, 'the secretKey in the output'],
    'a key in an answer': [
      { answer: { kind: 'done', value: testKeys.accessKey } },
      'the accessKey in the output',
    ],
    'a key on a list': [
      { lists: lists({ text: testKeys.securityToken }) },
      'the securityToken in the output',
    ],
    'a log line without end': [
      { lines: [syncLine(), 'x'.repeat(300_000)] },
      'a log line of 300000 characters',
    ],
    'a defect as the answer': [
      { answer: { kind: 'failed', errorType: 'TypeError', text: 'x is not a function' } },
      'an unclear error: TypeError',
    ],
    'an error without a message': [
      { answer: { kind: 'failed', errorType: 'UnsettledError', text: '' } },
      'an error without a message',
    ],
    'an acknowledgement without a sync line': [{ lines: [] }, 'acknowledged without a sync line'],
    'two sync lines': [{ lines: [syncLine(), syncLine()] }, '2 sync lines'],
    'a broken conservation law': [{ lines: [syncLine({ received: 3 })] }, 'the conservation law is broken'],
    'a sum that OMS did not see': [
      { accepted: ['canary'], lists: lists({ requested: ['canary'] }) },
      'requested is 2, OMS took 1 names',
    ],
    'an unrequested object that is on no list': [
      { lines: [syncLine({ received: 3, unrequested: 1 })] },
      'unrequested is 1, the failed list has 0',
    ],
    'a batch that is acknowledged though something is returned': [
      { lines: [syncLine({ received: 3, returned: 1 })] },
      '1 records are returned, but the answer acknowledges all',
    ],
    'a failure though everything is settled': [
      { answer: { kind: 'failed', errorType: 'UnsettledError', text: 'why' } },
      'nothing is returned, but the answer is UnsettledError',
    ],
    'a flawless record that vanishes': [
      {
        lines: [syncLine({ requested: 1, filtered: 1 })],
        accepted: ['a b'],
        lists: lists({ requested: ['a b'] }),
      },
      'canary is acknowledged, but neither requested nor written down',
    ],
    'a requested name that is not on its list': [
      { lists: lists({ requested: ['canary'] }) },
      'the success list has 1',
    ],
    'a name that is on both lists': [
      { lists: lists({ unrequested: ['canary'] }) },
      'requested and on the failed list',
    ],
    'a name that comes from nowhere': [
      { accepted: ['a+b ', 'canary'], lists: lists({ requested: ['a+b ', 'canary'] }) },
      'names that were not in the input: 1 ("a+b ")',
    ],
    'a request that OMS could not read': [{ violations: ['/: {}'] }, 'no request for OMS: /: {}'],
  };
  it.each(Object.entries(wrong))('finds %s', (_, [changes, expected]) => {
    expect(judge({ ...good, ...changes }).join('\n')).toContain(expected);
  });
});
