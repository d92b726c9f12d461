import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type StorageRecord } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/** What a sample must give: the names, or in brackets what the records are instead; or a part of each refusal. */
export type Expected = readonly string[] | { readonly refused: string | readonly string[] };

/** Translates a sample in the shape that it was recorded in. */
export type Translate = (event: unknown, name: string) => StorageRecord[];

/** Holds every sample event of a folder against a table of what it must give. */
export function describeFixtures(folder: string, expected: Record<string, Expected>, translate: Translate) {
  const url = new URL(`../fixtures/${folder}/`, import.meta.url);
  const names = readdirSync(url)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.replace(/\.json$/, ''));

  describe(`the sample events in ${folder}`, () => {
    it('are all expected to give something', () => {
      expect(Object.keys(expected).sort()).toEqual(names.sort());
    });

    it.each(names)('%s', (name) => {
      const wanted = expected[name] ?? [];
      const found = tryToTranslate(() =>
        translate(JSON.parse(readFileSync(new URL(`${name}.json`, url), 'utf8')), name),
      );
      if ('refused' in wanted) expect(found).toEqual({ refused: [wanted.refused].flat().map(containing) });
      else expect(found).toEqual(wanted);
    });

    it.each(names.filter((name) => readStatedName(url, name) !== undefined))(
      '%s: what its source says the name is',
      (name) => {
        expect(expected[name]).toEqual([readStatedName(url, name)]);
      },
    );
  });
}

/** The true name, where the text beside a sample states it as JSON. */
function readStatedName(url: URL, name: string): unknown {
  const source = readFileSync(new URL(`${name}.source.txt`, url), 'utf8');
  const stated = /(?:name as JSON|as a JSON string): ("(?:[^"\\]|\\.)*")/i.exec(source)?.[1];
  return stated === undefined ? undefined : JSON.parse(stated);
}

function tryToTranslate(translate: () => StorageRecord[]): Expected {
  try {
    const records = translate();
    const refused = records.flatMap((record) => (record.kind === 'unknown' ? [record.reason] : []));
    return refused.length > 0 ? { refused } : records.map(show);
  } catch (error) {
    if (error instanceof UnknownEventError) return { refused: [error.message] };
    throw error;
  }
}

function show(record: StorageRecord): string {
  return record.kind === 'created' ? record.name : `(${record.kind})`;
}

function containing(part: string): unknown {
  return expect.stringContaining(part);
}
