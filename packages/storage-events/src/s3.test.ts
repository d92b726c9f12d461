import { anyName } from '@oms-sync/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { translateS3 } from './s3.ts';
import { UnknownEventError } from './unknown-event-error.ts';

interface Changes {
  readonly eventSource?: unknown;
  readonly eventName?: unknown;
  readonly eventVersion?: unknown;
}

function notification(key: unknown, changes: Changes = {}): object {
  return {
    eventVersion: '2.1',
    eventSource: 'aws:s3',
    eventTime: '2026-02-01T12:34:56.789Z',
    eventName: 'ObjectCreated:Put',
    responseElements: { 'x-amz-request-id': 'id-1' },
    s3: { bucket: { name: 'photos' }, object: { key, size: 1, urlDecodedKey: 'of an SDK' } },
    ...changes,
  };
}

function eventBridge(key: unknown, type: unknown = 'Object Created'): object {
  return {
    version: '0',
    id: 'id-2',
    'detail-type': type,
    source: 'aws.s3',
    time: '2026-02-01T12:34:56Z',
    detail: { bucket: { name: 'photos' }, object: { key, size: 1 }, reason: 'PutObject' },
  };
}

/** As MinIO and RustFS encode: the slash too. */
function encodeForm(name: string): string {
  return new URLSearchParams([['', name]]).toString().slice(1);
}

const encoders: Record<string, (name: string) => string> = {
  'aws:s3': (name) => encodeForm(name).replaceAll('%2F', '/'),
  'minio:s3': encodeForm,
  'rustfs:s3': encodeForm,
  'localstack, which says aws:s3': (name) => encodeURIComponent(name).replaceAll('%2F', '/'),
  'ceph:s3': (name) => name,
  'scality:s3': (name) => name,
};

/** The names, or what became of the record instead. */
function names(event: unknown): string[] {
  return translateS3(event).map((record) => (record.kind === 'created' ? record.name : `(${record.kind})`));
}

describe('translateS3', () => {
  it('gives bucket, name, time and id of a notification', () => {
    expect(translateS3({ Records: [notification('red+flower%2B/%E4%B8%AD.jpg')] })).toEqual([
      {
        kind: 'created',
        store: 's3',
        bucket: 'photos',
        name: 'red flower+/中.jpg',
        eventTime: '2026-02-01T12:34:56.789Z',
        eventId: 'id-1',
      },
    ]);
  });

  it('gives bucket, name, time and id of an event of EventBridge', () => {
    expect(translateS3(eventBridge('100%+%2B.jpg'))).toEqual([
      {
        kind: 'created',
        store: 's3',
        bucket: 'photos',
        name: '100%+%2B.jpg',
        eventTime: '2026-02-01T12:34:56Z',
        eventId: 'id-2',
      },
    ]);
  });

  it.each(Object.keys(encoders))('gives back any name as it comes from %s', (source) => {
    const encode = encoders[source];
    const eventSource = source.split(', which says ').at(-1);
    fc.assert(
      fc.property(anyName, (name) => {
        expect(names({ Records: [notification(encode?.(name), { eventSource })] })).toEqual([name]);
      }),
      { numRuns: 1000 },
    );
  });

  it('gives back any name as it comes from EventBridge', () => {
    fc.assert(
      fc.property(anyName, (name) => {
        expect(names(eventBridge(name))).toEqual([name]);
      }),
      { numRuns: 1000 },
    );
  });

  it.each([undefined, null, 'wasabi:s3', 7])('form-decodes what %j sends', (eventSource) => {
    expect(names({ Records: [notification('a+b%2Bc', { eventSource })] })).toEqual(['a b+c']);
  });

  it('does not read the key that MinIO writes beside the records', () => {
    const event = { EventName: 's3:ObjectCreated:Put', Key: 'photos/other', Records: [notification('a')] };
    expect(names(event)).toEqual(['a']);
    expect(() => translateS3({ EventName: 's3:ObjectCreated:Put', Key: 'photos/other' })).toThrow(
      'found an object with EventName, Key',
    );
  });

  it.each([
    'ObjectCreated:Put',
    'ObjectCreated:Post',
    'ObjectCreated:Copy',
    'ObjectCreated:CompleteMultipartUpload',
    's3:ObjectCreated:Put',
    's3:ObjectSynced:Create',
    's3:Replication:Create',
  ])('takes %s for a creation', (eventName) => {
    expect(names({ Records: [notification('a', { eventName })] })).toEqual(['a']);
  });

  it.each([
    'ObjectRemoved:Delete',
    's3:ObjectRemoved:DeleteMarkerCreated',
    's3:ObjectCreated:PutTagging',
    's3:ObjectCreated:DeleteTagging',
    's3:ObjectCreated:PutRetention',
    's3:ObjectCreated:PutLegalHold',
    's3:ObjectCreated:*',
    'ObjectRestore:Completed',
    'Replication:OperationReplicatedAfterThreshold',
    's3:s3:ObjectCreated:Put',
    'LifecycleTransition',
    'ObjectTagging:Put',
    'ObjectAcl:Put',
  ])('does not take %s for a creation', (eventName) => {
    expect(translateS3({ Records: [notification('a', { eventName })] })).toMatchObject([
      { kind: 'ignored', reason: eventName, bucket: 'photos' },
    ]);
  });

  it.each([
    'Object Deleted',
    'Object Restore Completed',
    'Object Storage Class Changed',
    'Object Tags Added',
    'Object ACL Updated',
  ])('ignores "%s" of EventBridge', (type) => {
    expect(translateS3(eventBridge('a', type))).toMatchObject([
      { kind: 'ignored', reason: type, bucket: 'photos' },
    ]);
  });

  it.each(['AWS API Call via CloudTrail', null, ''])('refuses "%s" of EventBridge', (type) => {
    const refusal = 'detail-type: expected "Object Created", found';
    expect(() => translateS3(eventBridge('a', type))).toThrow(refusal);
  });

  it('acknowledges the test event', () => {
    expect(translateS3({ Service: 'Amazon S3', Event: 's3:TestEvent', Bucket: 'photos' })).toEqual([
      {
        kind: 'ignored',
        store: 's3',
        bucket: 'photos',
        eventTime: undefined,
        eventId: undefined,
        reason: 's3:TestEvent',
      },
    ]);
  });

  it.each(['0.1', '1.0', '2.0', '2.6', '2.99', undefined, null, ''])('takes version %j', (eventVersion) => {
    expect(names({ Records: [notification('a', { eventVersion })] })).toEqual(['a']);
  });

  it.each(['3.0', '10.1'])('does not take version %j, of which it does not know what a key is', (version) => {
    expect(translateS3({ Records: [notification('a', { eventVersion: version })] })).toEqual([
      {
        kind: 'unknown',
        reason: `Records[0].eventVersion: expected version 2 or older, found the text "${version}"`,
      },
    ]);
  });

  it('makes one bad record of one broken escape', () => {
    const keys = ['good', 'bad%zz', '%E4%B8', '%ED%A0%80'];
    expect(translateS3({ Records: keys.map((key) => notification(key)) })).toMatchObject([
      { kind: 'created', name: 'good' },
      { kind: 'invalid', text: 'bad%zz', reason: 'the key has a broken escape' },
      { kind: 'invalid', text: '%E4%B8' },
      { kind: 'invalid', text: '%ED%A0%80' },
    ]);
  });

  it.each([
    [null, 'Records[0]: expected "s3" in it, found null'],
    [{ body: '{}', messageId: '1' }, 'expected "s3" in it, found an object with body, messageId'],
    [notification('a', { eventName: '' }), 'Records[0].eventName: expected a name, found an empty text'],
    [notification(undefined), 'Records[0].s3.object.key: expected a text, found nothing'],
    [notification(7), 'Records[0].s3.object.key: expected a text, found a number'],
  ])('names what it does not understand in a record: %j', (record, reason) => {
    expect(translateS3({ Records: [record, notification('b')] })).toMatchObject([
      { kind: 'unknown', reason: expect.stringContaining(reason) as unknown },
      { kind: 'created', name: 'b' },
    ]);
  });

  it('names what it does not understand in an event of EventBridge', () => {
    expect(translateS3(eventBridge(undefined))).toEqual([
      { kind: 'unknown', reason: 'detail.object.key: expected a text, found nothing' },
    ]);
  });

  it.each([
    [undefined, 'found nothing'],
    ['text', 'found the text "text"'],
    [{}, 'found an empty object'],
    [[eventBridge('a')], 'found a list of 1'],
    [{ ...eventBridge('a'), source: 'aws.ec2' }, 'found an object with version, id, detail-type, source'],
    [JSON.parse('{"__proto__": {"Records": []}}'), 'found an object with __proto__'],
  ])('refuses %j and says what was found', (event, message) => {
    expect(() => translateS3(event)).toThrow(UnknownEventError);
    expect(() => translateS3(event)).toThrow(message);
  });

  it('keeps its messages short, whatever comes', () => {
    const long = 'x'.repeat(1e6);
    const records = translateS3({
      Records: [notification('a', { eventName: long }), notification({ [long]: 1 })],
    });
    expect(JSON.stringify(records).length).toBeLessThan(800);
    expect(JSON.stringify(translateS3(eventBridge('a', long))).length).toBeLessThan(400);
    expect(() => translateS3(long)).toThrow(/^.{0,300}$/);
  });

  it('reads time and id of a test event', () => {
    const event = {
      Event: 's3:TestEvent',
      Time: '2026-02-01T00:00:00Z',
      Bucket: 'photos',
      RequestId: 'id-7',
    };
    expect(translateS3(event)).toEqual([
      {
        kind: 'ignored',
        store: 's3',
        bucket: 'photos',
        eventTime: '2026-02-01T00:00:00Z',
        eventId: 'id-7',
        reason: 's3:TestEvent',
      },
    ]);
  });

  it('takes a prefix off an event name, and nothing else', () => {
    const kindOf = (eventName: string) =>
      translateS3({ Records: [notification('a', { eventName })] })[0]?.kind;
    expect(kindOf('s3:ObjectCreated:Put')).toBe('created');
    expect(kindOf('Objects3:Created:Put')).toBe('ignored');
  });

  it('says what is wrong with the type of an event of EventBridge', () => {
    expect(() => translateS3(eventBridge('a', 7))).toThrow(
      'detail-type: expected "Object Created", found a number',
    );
  });
});
