import { describe, expect, it } from 'vitest';
import { isSmnTriggerEvent } from './smn.ts';

describe('isSmnTriggerEvent', () => {
  it.each([
    [true, { record: [{ smn: {} }] }],
    [false, { record: [] }],
    [false, { record: 'none' }],
    [false, { Records: [{ smn: {} }] }],
  ])('is %s for %j', (expected, event) => {
    expect(isSmnTriggerEvent(event)).toBe(expected);
  });
});
