import { describe, expect, it } from 'vitest';
import { findProblems, type Aftermath } from './verdict.ts';

function aftermath(parts: {
  sent?: string[];
  waiting?: string[];
  received?: string[];
  requested?: string[];
  failed?: string[];
}): Aftermath {
  const { sent = [], waiting = [], received = [], requested = [], failed = [] } = parts;
  return {
    sent: new Set(sent),
    waiting: new Set(waiting),
    received: new Set(received),
    lists: {
      requested: new Set(requested),
      failed: new Map(failed.map((name) => [name, 'passing'])),
      text: '',
    },
  };
}

describe('the verdict', () => {
  it('finds nothing when everything is requested or on the failed list, or even both', () => {
    const fine = { sent: ['a', 'b', 'c'], received: ['a', 'c'], requested: ['a', 'c'], failed: ['b', 'c'] };
    expect(findProblems(aftermath(fine))).toEqual([]);
  });

  it.each([
    ['lost', { sent: ['a'] }],
    ['lost', { sent: ['a'], received: ['a'] }],
    ['OMS never got it', { sent: ['a'], requested: ['a'] }],
    ['never sent', { received: ['a'] }],
    ['never sent', { failed: ['a'] }],
    ['still with the platform', { sent: ['a'], waiting: ['a'] }],
  ])('finds a name that is %s: %j', (problem, parts) => {
    expect(findProblems(aftermath(parts))).toEqual([
      { problem: expect.stringContaining(problem) as unknown, names: ['a'] },
    ]);
  });
});
