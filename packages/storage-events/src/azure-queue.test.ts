import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translateAzureMessage } from './azure-queue.ts';
import { UnknownEventError } from './unknown-event-error.ts';

function eventOf(name: string): object {
  return {
    subject: `/blobServices/default/containers/photos/blobs/${name}`,
    eventType: 'Microsoft.Storage.BlobCreated',
  };
}

describe('translateAzureMessage', () => {
  it('gives back any name: plain, as Base64, parsed, alone and in a list', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        for (const event of [eventOf(name), [eventOf(name)]]) {
          const text = JSON.stringify(event);
          const base64 = Buffer.from(text).toString('base64');
          for (const message of [event, text, ` \n${text}`, `\uFEFF${text}`, base64]) {
            expect(translateAzureMessage(message)).toMatchObject([{ kind: 'created', name }]);
          }
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [undefined, 'found nothing'],
    [7, 'found a number'],
    ['', 'expected JSON, found an empty text'],
    ['no event!', 'expected JSON, plain or as Base64, found the text "no event!"'],
    ['{"broken', 'expected JSON, found the text'],
    ['AQIDBA==', 'expected JSON, found the text'],
    ['null', 'expected JSON, plain or as Base64, found the text "null"'],
  ])('refuses %j and says what was found', (message, refusal) => {
    expect(() => translateAzureMessage(message)).toThrow(UnknownEventError);
    expect(() => translateAzureMessage(message)).toThrow(refusal);
  });
});
