import { createHash } from 'node:crypto';
import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  isListKey,
  listPrefix,
  makeFileKey,
  makeInvalidKey,
  makeObjectKeys,
  makeReplayKey,
  readFailedKey,
} from './list-keys.ts';

const address = { store: 'obs', bucket: 'logs', prefix: 'team/' } as const;
const prefix = listPrefix(address, 'failed_object');
const now = Date.parse('2026-01-02T03:04:05.678Z');
const id = '01234567-89ab-4def-8123-456789abcdef';

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

describe('the keys of the lists', () => {
  it('stand under the prefix of the log bucket, in a folder of their own', () => {
    expect(prefix).toBe('team/oms_source_record/failed_object/');
    expect(listPrefix({ ...address, prefix: '' }, 'success_object')).toBe(
      'oms_source_record/success_object/',
    );
  });

  it.each([
    ['team/oms_source_record/success_object/a', true],
    ['team/oms_source_record/failed_object/a', true],
    ['team/oms_source_record/parked_object/a', true],
    ['team/oms_source_record/other_object/a', false],
    ['oms_source_record/failed_object/a', false],
    ['a/team/oms_source_record/failed_object/a', false],
  ])('are told from others: %s', (key, is) => {
    expect(isListKey(address, key)).toBe(is);
  });

  it('have the name of the object, up to the 1,024 bytes that a store takes', () => {
    const longest = 'é'.repeat((1024 - prefix.length) / 2 - 1) + 'x'.repeat(2 + (prefix.length % 2));
    expect(makeObjectKeys(prefix, longest)).toEqual({
      key: `${prefix}${longest}`,
      otherKey: `${prefix}.long/${hash(longest)}`,
    });
    expect(makeObjectKeys(prefix, `${longest}x`)).toEqual({ key: `${prefix}.long/${hash(`${longest}x`)}` });
  });

  it.each(['.long/a', '.invalid/a', '.replay/a'])('have no name that is like one of ours: %s', (name) => {
    expect(makeObjectKeys(prefix, name)).toEqual({ key: `${prefix}.long/${hash(name)}` });
  });

  it.each(['.long', '.longer/a', 'x.long/a', 'x/.long/a', 'long/a'])('may be %s', (name) => {
    expect(makeObjectKeys(prefix, name).key).toBe(`${prefix}${name}`);
  });

  it('have the hash of what is no name, as JSON', () => {
    expect(makeInvalidKey(prefix, '\ud800')).toBe(`${prefix}.invalid/${hash('"\\ud800"')}`);
  });

  it('of files have the day and the time, and are never the same twice', () => {
    const pattern = String.raw`20260102T030405\.678Z-[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}`;
    expect(makeFileKey('a/', now)).toMatch(new RegExp(`^a/2026/01/02/${pattern}$`));
    expect(makeReplayKey('a/', now)).toMatch(new RegExp(`^a/\\.replay/${pattern}\\.jsonl$`));
    expect(makeFileKey('a/', now)).not.toBe(makeFileKey('a/', now));
  });
});

describe('reading a key of the failed list', () => {
  it('gives back the name of any object', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const { key } = makeObjectKeys(prefix, name);
        const isPlain = Buffer.byteLength(prefix) + Buffer.byteLength(name) <= 1024;
        expect(readFailedKey(prefix, key)).toEqual({ kind: 'object', name: isPlain ? name : undefined });
      }),
    );
  });

  it('knows the files of an invocation', () => {
    for (const extension of ['jsonl', 'txt']) {
      const stem = makeFileKey(prefix, now);
      expect(readFailedKey(prefix, `${stem}.${extension}`)).toEqual({
        kind: 'file',
        stem,
        extension,
        name: `${stem.slice(prefix.length)}.${extension}`,
        time: now,
        inHandUntil: undefined,
      });
    }
  });

  it('knows what a replay has in hand, and until when', () => {
    const key = makeReplayKey(prefix, now);
    expect(readFailedKey(prefix, key)).toMatchObject({ kind: 'file', extension: 'jsonl', inHandUntil: now });
  });

  it.each([
    `2026/01/02/20260102T030405.678Z-${id}.json`,
    `2026/01/02/20260102T030405.678Z-${id}.jsonl.bak`,
    `2026/01/02/20260102T030405.678Z-${id}0.jsonl`,
    `2026/01/02/20260102T030405.678Z-${id.slice(1)}.jsonl`,
    `2026/01/02/20260102T030405.678Z-${id.toUpperCase()}.jsonl`,
    `2026/01/02/20260102T030405.678Z-${id}-jsonl`,
    `2026/01/02/20260102T030405,678Z-${id}.jsonl`,
    `2026/01/02/20260102T030405.67Z-${id}.jsonl`,
    `2026/01/02/20260102T0304051.678Z-${id}.jsonl`,
    `2026/01/02/20260102_030405.678Z-${id}.jsonl`,
    `2026/01/02/020260102T030405.678Z-${id}.jsonl`,
    `2026/01/20260102T030405.678Z-${id}.jsonl`,
    `26/01/02/20260102T030405.678Z-${id}.jsonl`,
    `2026/1/02/20260102T030405.678Z-${id}.jsonl`,
    `2026/01/2/20260102T030405.678Z-${id}.jsonl`,
    `a/2026/01/02/20260102T030405.678Z-${id}.jsonl`,
    `a.replay/20260102T030405.678Z-${id}.jsonl`,
    `yyyy/mm/dd/20260102T030405.678Z-${id}.jsonl`,
    `2026/01/02/a.txt`,
    'a.long/a',
    'a/.long/a',
  ])('takes it for an object that is called so: %s', (name) => {
    expect(readFailedKey(prefix, `${prefix}${name}`)).toEqual({ kind: 'object', name });
  });

  it.each(['', '\ud800', '.invalid/', '.replay/none'])('finds nothing to replay in %j', (name) => {
    expect(readFailedKey(prefix, `${prefix}${name}`)).toEqual({ kind: 'none' });
  });

  it('knows what is no name', () => {
    expect(readFailedKey(prefix, `${prefix}.invalid/0`)).toEqual({ kind: 'invalid' });
  });

  it('leaves the name of a long one to the body', () => {
    expect(readFailedKey(prefix, `${prefix}.long/0`)).toEqual({ kind: 'object', name: undefined });
  });
});
