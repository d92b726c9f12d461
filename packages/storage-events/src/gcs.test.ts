import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translateGcs } from './gcs.ts';
import { UnknownEventError } from './unknown-event-error.ts';

function cloudEvent(name: unknown, type = 'finalized'): object {
  return {
    specversion: '1.0',
    id: 'id-1',
    source: '//storage.googleapis.com/projects/_/buckets/photos',
    type: `google.cloud.storage.object.v1.${type}`,
    subject: 'objects/never read',
    time: '2026-02-01T12:34:56.396079Z',
    data: { kind: 'storage#object', name, bucket: 'photos', size: '1' },
  };
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64');
}

/** A message with the payload format JSON_API_V1. */
function notification(name: unknown, attributes: object = {}): Record<string, unknown> {
  return {
    attributes: {
      eventType: 'OBJECT_FINALIZE',
      bucketId: 'photos',
      objectId: name,
      eventTime: '2026-02-01T12:34:56.396079Z',
      payloadFormat: 'JSON_API_V1',
      ...attributes,
    },
    data: encode({ kind: 'storage#object', name, bucket: 'photos' }),
    messageId: 'id-2',
    publishTime: '2026-02-01T12:34:57.12Z',
  };
}

function push(message: unknown): object {
  return { message, subscription: 'projects/example/subscriptions/push' };
}

function published(message: unknown): object {
  const type = 'google.cloud.pubsub.topic.v1.messagePublished';
  return { specversion: '1.0', id: 'id-3', source: '//pubsub.googleapis.com', type, data: push(message) };
}

function background(data: unknown, eventType: string): object {
  return { context: { eventId: 'id-4', timestamp: '2020-05-18T12:13:19Z', eventType, resource: {} }, data };
}

/** The names, or what became of the record instead. */
function names(event: unknown): string[] {
  return translateGcs(event).map((record) => (record.kind === 'created' ? record.name : `(${record.kind})`));
}

describe('translateGcs', () => {
  it('gives bucket, name, time and id of a CloudEvent', () => {
    expect(translateGcs(cloudEvent('a b+c%20.txt'))).toEqual([
      {
        kind: 'created',
        store: 'gs',
        bucket: 'photos',
        name: 'a b+c%20.txt',
        eventTime: '2026-02-01T12:34:56.396079Z',
        eventId: 'id-1',
      },
    ]);
  });

  it('gives bucket, name, time and id of a notification, pushed or published', () => {
    const created = {
      kind: 'created',
      store: 'gs',
      bucket: 'photos',
      name: 'a b+c%20.txt',
      eventTime: '2026-02-01T12:34:56.396079Z',
      eventId: 'id-2',
    };
    expect(translateGcs(push(notification('a b+c%20.txt')))).toEqual([created]);
    expect(translateGcs(published(notification('a b+c%20.txt')))).toEqual([created]);
  });

  it('gives back any name, in every shape', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const withData = notification(name);
        const { data: _, ...withoutData } = notification(name, { payloadFormat: 'NONE' });
        expect(names(cloudEvent(name))).toEqual([name]);
        for (const message of [withData, withoutData]) {
          expect(names(push(message))).toEqual([name]);
          expect(names(published(message))).toEqual([name]);
          expect(names(background(message, 'google.pubsub.topic.publish'))).toEqual([name]);
        }
        expect(names(background({ name, bucket: 'photos' }, 'google.storage.object.finalize'))).toEqual([
          name,
        ]);
      }),
      { numRuns: 1000 },
    );
  });

  it.each(['deleted', 'archived', 'metadataUpdated', 'finalizedOrSo'])(
    'does not take %s for a creation',
    (type) => {
      expect(translateGcs(cloudEvent('a', type))).toMatchObject([
        { kind: 'ignored', reason: `google.cloud.storage.object.v1.${type}`, bucket: 'photos' },
      ]);
    },
  );

  it.each(['OBJECT_DELETE', 'OBJECT_ARCHIVE', 'OBJECT_METADATA_UPDATE', 'OBJECT_FINALIZE_OR_SO'])(
    'does not take %s for a creation',
    (eventType) => {
      expect(translateGcs(push(notification('a', { eventType })))).toMatchObject([
        { kind: 'ignored', reason: eventType, bucket: 'photos' },
      ]);
    },
  );

  it('takes an overwrite for one creation, and no more', () => {
    const created = notification('a', { overwroteGeneration: '1' });
    const deleted = notification('a', { eventType: 'OBJECT_DELETE', overwrittenByGeneration: '2' });
    expect(names([push(created), push(deleted)])).toEqual(['a', '(ignored)']);
  });

  it('takes background events with their envelope beside the data', () => {
    const event = { eventType: 'google.storage.object.finalize', eventId: 'id-5', data: { name: 'a' } };
    expect(translateGcs(event)).toMatchObject([{ kind: 'created', name: 'a', eventId: 'id-5' }]);
    expect(names({ ...event, eventType: 'google.storage.object.delete' })).toEqual(['(ignored)']);
  });

  describe('the attributes and the data of a message', () => {
    it.each(['no JSON', encode([]), 'e30', '1'])('takes the attributes when the data is %j', (data) => {
      expect(names(push({ ...notification('a'), data }))).toEqual(['a']);
    });

    it('takes name and bucket from the data when the attributes have none', () => {
      const attributes = { objectId: undefined, bucketId: undefined };
      const message = { ...notification('b', attributes), data: encode({ name: 'a', bucket: 'photos' }) };
      expect(translateGcs(push(message))).toMatchObject([{ name: 'a', bucket: 'photos' }]);
    });

    it('does not choose between two names', () => {
      expect(translateGcs(push({ ...notification('a'), data: encode({ name: 'b' }) }))).toEqual([
        {
          kind: 'unknown',
          reason: 'message.attributes.objectId: found the text "a", and the text "b" in the data',
        },
      ]);
    });

    it('does not understand a creation of no name', () => {
      const { data: _, ...message } = notification(undefined);
      expect(translateGcs(published(message))).toEqual([
        { kind: 'unknown', reason: 'data.message.attributes.objectId: expected a text, found nothing' },
      ]);
    });
  });

  it.each([{}, { attributes: {} }, { attributes: null, data: '' }])(
    'acknowledges a message with nothing in it: %j',
    (content) => {
      expect(translateGcs(push({ messageId: 'id-2', ...content }))).toMatchObject([
        { kind: 'ignored', reason: 'empty message', eventId: 'id-2' },
      ]);
    },
  );

  it('does not understand a creation without a name', () => {
    expect(translateGcs(cloudEvent(undefined))).toEqual([
      { kind: 'unknown', reason: 'data.name: expected a text, found nothing' },
    ]);
  });

  it.each([
    [undefined, 'found nothing'],
    [{}, 'found an empty object'],
    [[], 'found a list of 0'],
    [{ kind: 'storage#object', name: 'a' }, 'found an object with kind, name'],
    [
      { ...cloudEvent('a'), type: 'google.cloud.audit.log.v1.written' },
      'of type google.cloud.audit.log.v1.written',
    ],
    [{ ...cloudEvent('a'), type: 'google.cloud.storage.object.v2.finalized' }, 'object.v2.finalized'],
    [
      push({}),
      'message.attributes.eventType: expected that of a notification of Cloud Storage, found nothing',
    ],
    [push({ data: encode({ name: 'a' }), messageId: 'id-2' }), 'message.attributes.eventType: expected'],
    [push(notification('a', { eventType: 'user.created' })), 'found the text "user.created"'],
    [published('text'), 'data.message.attributes.eventType: expected'],
    [background({ data: '10' }, 'google.pubsub.topic.publish'), 'data.attributes.eventType: expected'],
  ])('refuses %j and says what was found', (event, message) => {
    expect(() => translateGcs(event)).toThrow(UnknownEventError);
    expect(() => translateGcs(event)).toThrow(message);
  });

  it('does not let one unknown event harm the others of a list', () => {
    expect(names([cloudEvent('a'), null, push({}), push(notification('b'))])).toEqual([
      'a',
      '(unknown)',
      '(unknown)',
      'b',
    ]);
  });

  it('keeps its messages short, whatever comes', () => {
    const long = 'x'.repeat(1e6);
    const records = translateGcs([
      cloudEvent('a', long),
      push(notification('a', { eventType: `OBJECT_${long}` })),
      push({ ...notification(long), data: encode({ name: `${long}y` }) }),
      { ...cloudEvent('a'), type: long },
    ]);
    expect(JSON.stringify(records).length).toBeLessThan(2000);
  });

  it('reads bucket, time and id from wherever the event has them', () => {
    const { data, ...bare } = cloudEvent('a') as { data: object };
    expect(translateGcs({ ...bare, bucket: 'beside', data: { name: 'a' } })).toMatchObject([
      { bucket: 'beside' },
    ]);
    const background = {
      data,
      context: {
        eventId: 'id-3',
        timestamp: '2026-03-01T00:00:00Z',
        eventType: 'google.storage.object.finalize',
      },
    };
    expect(translateGcs(background)).toMatchObject([
      { kind: 'created', eventTime: '2026-03-01T00:00:00Z', eventId: 'id-3' },
    ]);
    const { attributes, ...message } = notification('a') as { attributes: Record<string, unknown> };
    const { bucketId: _, eventTime: __, ...others } = attributes;
    expect(translateGcs(push({ ...message, attributes: others }))).toMatchObject([
      { bucket: 'photos', eventTime: '2026-02-01T12:34:57.12Z' },
    ]);
    expect(translateGcs(push({ ...notification('a', { bucketId: 'first' }) }))).toMatchObject([
      { bucket: 'first' },
    ]);
  });

  it.each(['AN_OBJECT_FINALIZE', 'OBJECT_FINALIZE of mine', 'object', undefined])(
    'does not take the event type %s of another publisher for one of Cloud Storage',
    (eventType) => {
      expect(() => translateGcs(push(notification('a', { eventType })))).toThrow(
        'message.attributes.eventType',
      );
    },
  );

  it('does not take an event with a message in it for a push', () => {
    const event = { ...cloudEvent('a'), message: notification('b') };
    expect(translateGcs(event)).toMatchObject([{ name: 'a' }]);
  });

  it('says which event of a list it does not know', () => {
    expect(translateGcs([cloudEvent('a'), {}])).toMatchObject([
      { name: 'a' },
      { kind: 'unknown', reason: expect.stringContaining('[1]: expected') as unknown },
    ]);
  });
});
