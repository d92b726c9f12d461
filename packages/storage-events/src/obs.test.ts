import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translateObs, type EventGridKeyEncoding } from './obs.ts';
import { translateSmnTrigger } from './smn.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/** As OBS encodes keys: a space is `+`, everything else that is not unreserved `%XX`, the slash too. */
function encodeForm(name: string): string {
  return new URLSearchParams([['', name]]).toString().slice(1);
}

function notification(key: unknown, eventName: unknown = 'ObjectCreated:Put'): object {
  return {
    eventVersion: '3.0',
    eventSource: 'OBS',
    eventRegion: 'cn-north-4',
    eventTime: '2026-07-10T09:24:11.418Z',
    eventName,
    responseElements: { 'x-obs-request-id': 'id-1' },
    obs: {
      Version: '1.0',
      bucket: { name: 'photos', bucket: 'photos' },
      object: { key, size: 1, sequencer: '00' },
    },
  };
}

function olderNotification(key: unknown, eventName: unknown = 'ObjectCreated:Post'): object {
  return {
    eventVersion: '2.0',
    eventTime: '2018-01-09T07:50:50.028Z',
    eventName,
    s3: { bucket: { name: 'photos' }, object: { key, size: 1 } },
  };
}

function cloudEvent(key: unknown, changes: object = {}): object {
  return {
    specversion: '1.0',
    id: 'id-2',
    source: 'HC.OBS.DWR',
    type: 'OBS:DWR:ObjectCreated:PUT',
    time: '2026-09-30T03:24:43.167931174Z',
    subject: key,
    data: { ...notification(key), eventTime: '2026-09-30T11:24:43.000Z' },
    ...changes,
  };
}

function translate(event: unknown, eventgridKeyEncoding: EventGridKeyEncoding = 'form') {
  return translateObs(event, { eventgridKeyEncoding });
}

/** The names, or what became of the record instead. */
function names(event: unknown, encoding?: EventGridKeyEncoding): string[] {
  return translate(event, encoding).map((record) =>
    record.kind === 'created' ? record.name : `(${record.kind})`,
  );
}

describe('translateObs', () => {
  it('gives bucket, name, time and id of a notification', () => {
    expect(translate({ Records: [notification('TEST%2F%E4%B8%AD+%E6%96%87.jpg')] })).toEqual([
      {
        kind: 'created',
        store: 'obs',
        bucket: 'photos',
        name: 'TEST/中 文.jpg',
        eventTime: '2026-07-10T09:24:11.418Z',
        eventId: 'id-1',
      },
    ]);
  });

  it('takes the time of an EventGrid event from its envelope: that of the record is local time with a false Z', () => {
    expect(translate(cloudEvent('a'))).toMatchObject([
      { eventTime: '2026-09-30T03:24:43.167931174Z', eventId: 'id-2' },
    ]);
  });

  it('gives back any name that was form-encoded, in every shape', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        const key = encodeForm(name);
        const smn = { record: [{ smn: { message: JSON.stringify({ Records: [olderNotification(key)] }) } }] };
        expect(names({ Records: [notification(key)] })).toEqual([name]);
        expect(names({ Records: [olderNotification(key)] })).toEqual([name]);
        expect(names(cloudEvent(key))).toEqual([name]);
        expect(translateSmnTrigger(smn, translate)).toMatchObject([{ kind: 'created', name }]);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives back any name that EventGrid delivers raw, when told so', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(names(cloudEvent(name), 'raw')).toEqual([name]);
      }),
      { numRuns: 1000 },
    );
  });

  describe('EventGrid keys, when told that they are encoded', () => {
    it.each([
      ['a+b%2Fc', 'a b/c', 'decoded'],
      ['photos/a.jpg', 'photos/a.jpg', 'the same either way'],
      ['a b+c', 'a b+c', 'raw for certain: a space'],
      ['中+文', '中+文', 'raw for certain: not ASCII'],
      ['100%.txt', '(invalid)', 'a broken escape'],
    ])('%j is %j: %s', (key, name) => {
      expect(names(cloudEvent(key))).toEqual([name]);
    });

    it('trusts a subject that is the key in its other form', () => {
      expect(names(cloudEvent('a+b', { subject: 'a%2Bb' }), 'form')).toEqual(['a+b']);
      expect(names(cloudEvent('a%2Bb', { subject: 'a+b' }), 'raw')).toEqual(['a+b']);
    });

    it('says which setting may be wrong', () => {
      expect(translate(cloudEvent('100%.txt'))).toMatchObject([
        { reason: expect.stringContaining('eventgrid_key_encoding=raw') as unknown },
      ]);
    });
  });

  it('takes a list as data, and a list of events', () => {
    const data = [notification('a%2F1'), notification('b')];
    expect(names(cloudEvent('', { data }))).toEqual(['a/1', 'b']);
    expect(names([cloudEvent('a'), cloudEvent('b')])).toEqual(['a', 'b']);
  });

  it.each([
    'ObjectCreated:Put',
    'ObjectCreated:Post',
    'ObjectCreated:Copy',
    'ObjectCreated:CompleteMultipartUpload',
    's3:ObjectCreated:Put',
    'ObjectCreated:PUT',
  ])('takes %s for a creation', (eventName) => {
    expect(names({ Records: [notification('a', eventName), olderNotification('b', eventName)] })).toEqual([
      'a',
      'b',
    ]);
  });

  it.each([
    'ObjectRemoved:Delete',
    's3:ObjectRemoved:DeleteMarkerCreated',
    'ObjectCreated:PutObject',
    'ObjectCreated:*',
    'ObjectCreated:PutTagging',
    'ObjectRestore:Completed',
  ])('does not take %s for a creation', (eventName) => {
    expect(translate({ Records: [notification('a', eventName)] })).toMatchObject([
      { kind: 'ignored', reason: eventName, bucket: 'photos' },
    ]);
  });

  it('does not need the event name in the data of EventGrid', () => {
    const data = { obs: { bucket: { name: 'photos' }, object: { key: 'a' } } };
    expect(names(cloudEvent('a', { data }))).toEqual(['a']);
    expect(names(cloudEvent('a', { data, type: 'OBS:DWR:ObjectRemoved:Delete' }))).toEqual(['(ignored)']);
  });

  it('makes one bad record of one broken escape', () => {
    expect(
      translate({ Records: [notification('good'), notification('bad%zz'), notification('%E4%B8')] }),
    ).toMatchObject([
      { kind: 'created', name: 'good' },
      { kind: 'invalid', text: 'bad%zz', reason: 'the key has a broken escape' },
      { kind: 'invalid', text: '%E4%B8' },
    ]);
  });

  it.each([
    [null, 'Records[0]: expected "obs" or "s3" in it, found null'],
    [{ eventName: 'ObjectCreated:Put' }, 'found an object with eventName'],
    [notification('a', 7), 'Records[0].eventName: expected a name, found a number'],
    [notification(undefined), 'Records[0].obs.object.key: expected a text, found nothing'],
    [olderNotification({}), 'Records[0].s3.object.key: expected a text, found an empty object'],
  ])('names what it does not understand in a record: %j', (record, reason) => {
    expect(translate({ Records: [record] })).toMatchObject([
      { kind: 'unknown', reason: expect.stringContaining(reason) as unknown },
    ]);
  });

  it.each([
    [undefined, 'found nothing'],
    [null, 'found null'],
    ['text', 'found the text "text"'],
    [{}, 'found an empty object'],
    [[], 'found a list of 0'],
    [{ Records: 'none' }, 'found an object with Records'],
    [
      { specversion: '1.0', type: 'SYS:OTHER', data: {} },
      'found an object with specversion, type, data of type SYS:OTHER',
    ],
    [JSON.parse('{"__proto__": {"Records": []}}'), 'found an object with __proto__'],
  ])('refuses %j and says what was found', (event, message) => {
    expect(() => translate(event)).toThrow(UnknownEventError);
    expect(() => translate(event)).toThrow(message);
  });

  it('does not let one unknown event harm the others of a list', () => {
    expect(names([cloudEvent('a'), { specversion: '1.0' }, cloudEvent('b')])).toEqual([
      'a',
      '(unknown)',
      'b',
    ]);
  });

  it.each([{ Records: [] }, cloudEvent('a', { data: [] }), { record: [] }])(
    'does not acknowledge nothing: %j',
    (event) => {
      expect(() => translate(event)).toThrow(UnknownEventError);
    },
  );

  it('keeps its messages short, whatever comes', () => {
    const [record] = translate({ Records: [notification('a', 'x'.repeat(1e6))] });
    expect(JSON.stringify(record).length).toBeLessThan(500);
    expect(() => translate('x'.repeat(1e6))).toThrow(/^.{0,300}$/);
  });

  it('reads bucket and id of older records', () => {
    const record = { ...olderNotification('a'), responseElements: { 'x-amz-request-id': 'id-9' } };
    expect(translate({ Records: [record] })).toMatchObject([{ eventId: 'id-9' }]);
    const { obs, ...others } = notification('a') as { obs: object };
    const nameless = { ...others, obs: { ...obs, bucket: { bucket: 'photos' } } };
    expect(translate({ Records: [nameless] })).toMatchObject([{ bucket: 'photos' }]);
  });

  it('takes a prefix off an event name, and nothing else', () => {
    const kindOf = (eventName: string) => translate({ Records: [notification('a', eventName)] })[0]?.kind;
    expect(kindOf('s3:ObjectCreated:Put')).toBe('created');
    expect(kindOf('Objects3:Created:Put')).toBe('ignored');
  });

  it('says which event of a list, and which record of an event, it does not know', () => {
    const reasons = translate([{}, cloudEvent('a', { data: [{}] }), cloudEvent('a', { data: {} })]).map(
      (record) => (record.kind === 'unknown' ? record.reason : ''),
    );
    expect(reasons[0]).toMatch(/^\[0\]: /);
    expect(reasons[1]).toMatch(/data\[0\]/);
    expect(reasons[2]).toMatch(/data: /);
    expect(() => translate(cloudEvent('a', { data: [] }))).toThrow('data: expected a record');
  });

  it('does not take the subject of an event with several records for a key', () => {
    const { data } = cloudEvent('a%2Bb') as { data: unknown };
    const record: unknown = Array.isArray(data) ? data[0] : data;
    const several = { ...cloudEvent('a%2Bb'), subject: 'a%2Bb+', data: [record, record] };
    expect(translate(several).map((found) => 'name' in found && found.name)).toEqual(['a+b', 'a+b']);
  });
});
