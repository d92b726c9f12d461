import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { translateObs } from './obs.ts';
import { isSmnTriggerEvent, translateSmnTrigger } from './smn.ts';
import { UnknownEventError, type StorageRecord } from './storage-record.ts';

/** What each sample event must give: the names it holds, or a part of the refusal. */
const expected: Record<string, { names: string[] } | { refused: string }> = {
  'eventgrid-obs-put': { names: ['test.tar'] },
  'obs-functiongraph-v2.0-s3-post': { names: ['job.png'] },
  // Documented structures with empty values.
  'obs-notification-v3.0-structure': {
    refused: 'Records[0].eventName: expected a name, found an empty text',
  },
  'obs-smn-notification-v2.0-structure': {
    refused: 'Records[0].eventName: expected a name, found an empty text',
  },
  'smn-functiongraph-trigger': {
    refused: 'record[0].smn.message: expected JSON, found the text "this is smn message content"',
  },
  'smn-functiongraph-trigger-two-records': {
    refused: 'record[1].smn.message: expected JSON, found the text "this is smn message content"',
  },
  // Not what a function receives, but nobody may take them for an empty event.
  'smn-http-notification': { refused: 'found an object with signature, subject, topic_urn, message_id' },
  'smn-http-subscription-confirmation': { refused: 'found an object with subscribe_url, signature' },
  'smn-http-unsubscribe-confirmation': { refused: 'found an object with signature, topic_urn' },
  'timer-functiongraph-trigger': { refused: 'found an object with version, time, trigger_type' },
};

const folder = new URL('../fixtures/huawei/', import.meta.url);
const fixtures = readdirSync(folder)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.replace(/\.json$/, ''));

function translate(event: unknown): { names: string[] } | { refused: string } {
  const options = { eventgridKeyEncoding: 'form' } as const;
  try {
    const records: StorageRecord[] = isSmnTriggerEvent(event)
      ? translateSmnTrigger(event, (message) => translateObs(message, options))
      : translateObs(event, options);
    const refusals = records.flatMap((record) => (record.kind === 'unknown' ? [record.reason] : []));
    if (refusals.length > 0) return { refused: refusals.join('\n') };
    return { names: records.map((record) => (record.kind === 'created' ? record.name : record.kind)) };
  } catch (error) {
    if (error instanceof UnknownEventError) return { refused: error.message };
    throw error;
  }
}

describe('the sample events of Huawei Cloud', () => {
  it('are all expected to give something', () => {
    expect(Object.keys(expected).sort()).toEqual(fixtures.sort());
  });

  it.each(fixtures)('%s', (name) => {
    const event: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, folder), 'utf8'));
    const wanted = expected[name];
    const found = translate(event);
    if (wanted && 'refused' in wanted)
      expect(found).toHaveProperty('refused', expect.stringContaining(wanted.refused));
    else expect(found).toEqual(wanted);
  });
});
