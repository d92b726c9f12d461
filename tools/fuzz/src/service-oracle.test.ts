import { testKeys } from '@oms-sync/testing';
import { describe, expect, it } from 'vitest';
import type { Input } from './inputs.ts';
import { Random } from './random.ts';
import { judgeGroup, type GroupObservation, type Sent } from './service-oracle.ts';

const input: Input = {
  entryPoint: 'service-webhook',
  index: 7,
  event: { Records: [{ s3: { object: { key: 'canary' } } }] },
  bytes: undefined,
  canary: 'canary',
  mood: 'takes all',
  mutations: [],
  random: new Random(0),
};
const taken: Sent = {
  input,
  isForged: false,
  isFlawless: true,
  answer: { kind: 'done', value: '{"status":"kept"}' },
};

function syncLine(changes: Record<string, number> = {}): string {
  const sum = { received: 1, requested: 1, unrequested: 0, filtered: 0, merged: 0, returned: 0 };
  return JSON.stringify({ event: 'sync', ...sum, ...changes });
}

/** All is well: one notification, taken, requested and listed. */
const good: GroupObservation = {
  sent: [taken],
  ms: 5,
  lines: [syncLine()],
  accepted: ['canary'],
  violations: [],
  lists: { requested: ['canary'], unrequested: [], invalid: [], text: '' },
  uncaught: [],
  prototypeKeys: [],
  secrets: ['a-token-of-a-test'],
  askedHosts: ['sns.eu-west-1.amazonaws.com'],
  received: 1,
  repeated: 0,
};
const nothing = { lines: [], accepted: [], lists: { ...good.lists, requested: [] }, received: 0 };
const refusal = (errorType: string, text = '{"error":"no","reason":"content"}') =>
  ({ kind: 'failed', errorType, text }) as const;

const cases: readonly (readonly [what: string, seen: Partial<GroupObservation>, problem: RegExp])[] = [
  [
    'an acknowledged name that is lost',
    { ...nothing, received: 1, lines: [syncLine()] },
    /7: canary is acknow/,
  ],
  ['an acknowledged notification that is not kept', nothing, /1 acknowledged, 0 records received/],
  ['a record that is not settled', { received: 2 }, /the queue gave 2 records, 1 are settled/],
  ['a sum that is wrong', { lines: [syncLine({ requested: 2 })] }, /received 1, fates/],
  [
    'what was taken and is not listed',
    { lists: { ...good.lists, requested: [] } },
    /the success list has not/,
  ],
  ['what was listed and not taken', { accepted: [] }, /OMS did not take/],
  [
    'a name from nowhere',
    { accepted: ['canary', 'x'], lists: { ...good.lists, requested: ['canary', 'x'] } },
    /names that nobody sent/,
  ],
  ['a forged one that is taken', { sent: [{ ...taken, isForged: true }] }, /7: took what is forged/],
  [
    'a flawless one that is refused',
    { ...nothing, sent: [{ ...taken, answer: refusal('HTTP 422') }] },
    /7: refused what is flawless/,
  ],
  [
    'a fault of the service',
    { ...nothing, sent: [{ ...taken, answer: refusal('HTTP 503') }] },
    /7: answered with HTTP 503/,
  ],
  [
    'a refusal without a reason',
    { ...nothing, sent: [{ ...taken, answer: refusal('HTTP 422', 'no') }] },
    /without a reason/,
  ],
  ['no answer', { ...nothing, sent: [{ ...taken, answer: { kind: 'hung' } }] }, /7: no answer/],
  [
    'a host whom nobody trusts',
    { askedHosts: ['sns.eu-west-1.amazonaws.com.example.com'] },
    /whom nobody trusts/,
  ],
  ['a token in the log', { lines: [syncLine(), 'a-token-of-a-test'] }, /a token in the output/],
  ['a key in the log', { lines: [syncLine(), testKeys.secretKey] }, /the secretKey in the output/],
  ['a crash', { uncaught: ['Error: no'] }, /uncaught/],
  ['no request for OMS', { violations: ['{}'] }, /no request for OMS/],
];

describe('the oracle of the service', () => {
  const judge = (seen: Partial<GroupObservation>) =>
    judgeGroup({ ...good, ...seen }).map(({ index, problem }) => `${index}: ${problem}`);

  it('finds nothing wrong when all is well', () => {
    expect(judge({})).toEqual([]);
    expect(judge({ ...nothing, sent: [{ ...taken, isForged: true, answer: refusal('HTTP 403') }] })).toEqual(
      [],
    );
    expect(
      judge({ ...nothing, repeated: 1, sent: [{ ...taken, input: { ...input, canary: undefined } }] }),
    ).toEqual([]);
  });

  it.each(cases)('finds %s', (_what, seen, problem) => {
    expect(judge(seen).join('\n')).toMatch(problem);
  });
});
