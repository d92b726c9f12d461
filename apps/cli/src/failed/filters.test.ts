import { describe, expect, it } from 'vitest';
import { selectBy } from './filters.ts';

const entry = {
  name: 'photos/a',
  isName: true,
  store: undefined,
  bucket: undefined,
  syncTaskId: undefined,
  recordedAt: '2026-01-02T00:00:00.000Z',
  attempts: 0,
  eventTime: undefined,
  eventId: undefined,
  reasonClass: 'refused',
  errorCode: undefined,
  errorMessage: undefined,
  line: '',
};
const time = Date.parse(entry.recordedAt);

describe('selectBy', () => {
  it.each([
    [{}, true],
    [{ prefix: 'photos/' }, true],
    [{ prefix: 'Photos/' }, false],
    [{ class: new Set(['refused', 'quota']) }, true],
    [{ class: new Set(['quota']) }, false],
    [{ olderThan: time }, false],
    [{ olderThan: time + 1 }, true],
    [{ newerThan: time }, true],
    [{ newerThan: time + 1 }, false],
    [{ prefix: 'photos/', class: new Set(['refused']), olderThan: time + 1, newerThan: time }, true],
  ])('%j: %s', (filters, expected) => {
    expect(selectBy(filters)(entry)).toBe(expected);
  });

  it('takes an entry without a reason for one of class unknown', () => {
    expect(selectBy({ class: new Set(['unknown']) })({ ...entry, reasonClass: undefined })).toBe(true);
  });

  it('means no entry of an age that nobody can read, when age matters', () => {
    const odd = { ...entry, recordedAt: 'yesterday' };
    expect(selectBy({})(odd)).toBe(true);
    expect(selectBy({ olderThan: time })(odd)).toBe(false);
    expect(selectBy({ newerThan: time })(odd)).toBe(false);
  });
});
