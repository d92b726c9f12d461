import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translateAzure } from './azure-blob.ts';
import { UnknownEventError } from './unknown-event-error.ts';

const resource =
  '/subscriptions/0/resourceGroups/rg/providers/Microsoft.Storage/storageAccounts/examplestore';

function subjectOf(name: string, container = 'photos'): string {
  return `/blobServices/default/containers/${container}/blobs/${name}`;
}

function gridEvent(subject: unknown, type: unknown = 'BlobCreated', api: unknown = 'PutBlob'): object {
  return {
    topic: resource,
    subject,
    eventType: `Microsoft.Storage.${String(type)}`,
    eventTime: '2026-02-01T12:34:56.7890123Z',
    id: 'id-1',
    data: { api, url: 'https://examplestore.blob.core.windows.net/never/read' },
    dataVersion: '',
    metadataVersion: '1',
  };
}

function cloudEvent(subject: unknown, type: unknown = 'BlobCreated', api: unknown = 'PutBlob'): object {
  return {
    specversion: '1.0',
    source: resource,
    subject,
    type: `Microsoft.Storage.${String(type)}`,
    time: '2026-02-01T12:34:56.7890123Z',
    id: 'id-1',
    data: { api },
  };
}

/** The names, or what became of the record instead. */
function names(event: unknown): string[] {
  return translateAzure(event).map((record) =>
    record.kind === 'created' ? record.name : `(${record.kind})`,
  );
}

describe('translateAzure', () => {
  it('gives bucket, name, time and id, in both schemas', () => {
    const created = {
      kind: 'created',
      store: 'az',
      bucket: 'examplestore/photos',
      name: 'a b+c%20.txt',
      eventTime: '2026-02-01T12:34:56.7890123Z',
      eventId: 'id-1',
    };
    expect(translateAzure(gridEvent(subjectOf('a b+c%20.txt')))).toEqual([created]);
    expect(translateAzure(cloudEvent(subjectOf('a b+c%20.txt')))).toEqual([created]);
  });

  it('gives back any name, in both schemas, alone and in a list', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const subject = subjectOf(name);
        expect(names(gridEvent(subject))).toEqual([name]);
        expect(names(cloudEvent(subject))).toEqual([name]);
        expect(names([gridEvent(subject), cloudEvent(subject, 'BlobRenamed', 'RenameFile')])).toEqual([
          name,
          name,
        ]);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    ['$root', 'a'],
    ['blobs', 'a'],
    ['blobs', 'blobs/a'],
    ['photos', 'x/blobs/y'],
    ['photos', '/blobs/'],
  ])('finds container %j and name %j in the subject', (container, name) => {
    expect(translateAzure(gridEvent(subjectOf(name, container)))).toMatchObject([
      { bucket: `examplestore/${container}`, name },
    ]);
  });

  it.each([
    ['BlobCreated', 'PutBlob'],
    ['BlobCreated', 'PutBlockList'],
    ['BlobCreated', 'CopyBlob'],
    ['BlobCreated', 'FlushWithClose'],
    ['BlobCreated', 'SftpCommit'],
    ['BlobCreated', 'AnOperationOfTomorrow'],
    ['BlobCreated', null],
    ['BlobRenamed', 'RenameFile'],
    ['BlobRenamed', 'SftpRename'],
  ])('takes %s by %s for a creation', (type, api) => {
    expect(names([gridEvent(subjectOf('a'), type, api), cloudEvent(subjectOf('b'), type, api)])).toEqual([
      'a',
      'b',
    ]);
  });

  it.each(['CreateFile', 'SftpCreate'])(
    'does not take BlobCreated by %s for a creation: it is empty',
    (api) => {
      expect(translateAzure(gridEvent(subjectOf('a'), 'BlobCreated', api))).toMatchObject([
        { kind: 'ignored', reason: api, bucket: 'examplestore/photos' },
      ]);
    },
  );

  it.each([
    'BlobDeleted',
    'BlobTierChanged',
    'AsyncOperationInitiated',
    'DirectoryCreated',
    'DirectoryDeleted',
    'LifecyclePolicyCompleted',
    'BlobCreatedOrSo',
  ])('does not take %s for a creation', (type) => {
    expect(translateAzure(cloudEvent(subjectOf('a'), type))).toMatchObject([
      { kind: 'ignored', reason: `Microsoft.Storage.${type}`, bucket: 'examplestore/photos' },
    ]);
  });

  it.each(['Microsoft.EventGrid.SubscriptionValidationEvent', 'captureFileCreated'])(
    'ignores %s, which is not of storage',
    (eventType) => {
      const event = { ...gridEvent(''), topic: '/somewhere/else', eventType };
      expect(translateAzure(event)).toMatchObject([
        { kind: 'ignored', reason: eventType, bucket: undefined },
      ]);
    },
  );

  it('puts a renamed directory where somebody sees it', () => {
    expect(
      translateAzure(gridEvent(subjectOf('in/new dir'), 'DirectoryRenamed', 'RenameDirectory')),
    ).toMatchObject([
      {
        kind: 'invalid',
        text: 'in/new dir',
        bucket: 'examplestore/photos',
        isFolder: true,
        reason: expect.stringContaining('backfill or reconcile') as unknown,
      },
    ]);
  });

  it('takes a subject without the slash, as in Microsoft’s sample of a CloudEvent', () => {
    expect(names(cloudEvent(subjectOf('a/b').slice(1)))).toEqual(['a/b']);
  });

  it('gives no bucket when the account is not said', () => {
    expect(translateAzure({ ...gridEvent(subjectOf('a')), topic: undefined })).toMatchObject([
      { kind: 'created', name: 'a', bucket: undefined },
    ]);
  });

  it.each([
    undefined,
    '',
    7,
    '/blobServices/default/containers/photos',
    subjectOf(''),
    `x${subjectOf('a')}`,
    `/${subjectOf('a')}`,
  ])('does not understand the subject %j of a creation', (subject) => {
    expect(translateAzure(gridEvent(subject))).toMatchObject([
      { kind: 'unknown', reason: expect.stringMatching(/^subject: expected .*, found /) as unknown },
    ]);
  });

  it.each([
    [undefined, 'found nothing'],
    ['text', 'found the text "text"'],
    [{}, 'found an empty object'],
    [[], 'found a list of 0'],
    [{ specversion: '1.0', eventType: 'Microsoft.Storage.BlobCreated' }, 'with specversion, eventType'],
    [{ type: 'Microsoft.Storage.BlobCreated' }, 'found an object with type'],
  ])('refuses %j and says what was found', (event, message) => {
    expect(() => translateAzure(event)).toThrow(UnknownEventError);
    expect(() => translateAzure(event)).toThrow(message);
  });

  it('does not let one unknown event harm the others of a list', () => {
    const events = [gridEvent(subjectOf('a')), null, gridEvent(7), cloudEvent(subjectOf('b'))];
    expect(names(events)).toEqual(['a', '(unknown)', '(unknown)', 'b']);
  });

  it('keeps its messages short, whatever comes', () => {
    const long = 'x'.repeat(1e6);
    const records = translateAzure([gridEvent(subjectOf('a'), long), gridEvent(long), { [long]: 1 }]);
    expect(JSON.stringify(records).length).toBeLessThan(1000);
  });
});
