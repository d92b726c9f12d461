import { describe, expect, it } from 'vitest';
import { finalize, pushOf } from './bundle.test-help.ts';
import { joinBackgroundEvent, translateBody } from './translation.ts';

const event = { specversion: '1.0', ...finalize('a+b ü') };

describe('translateBody', () => {
  it('translates an event', () => {
    expect(translateBody(event)).toMatchObject([{ kind: 'created', name: 'a+b ü' }]);
  });

  it('translates a batch that arrives as bytes, each event for itself', () => {
    const bytes = Buffer.from(JSON.stringify([event, { ...event, type: 'another' }]));
    expect(translateBody(bytes)).toMatchObject([
      { kind: 'created', name: 'a+b ü' },
      { kind: 'unknown', reason: expect.stringMatching(/^\[1\]: expected .*, found .* of type another$/) },
    ]);
  });

  it.each([
    ['bytes', { ...event, data: Buffer.from(JSON.stringify(event.data)) }],
    [
      'Base64',
      { ...event, data: undefined, data_base64: Buffer.from(JSON.stringify(event.data)).toString('base64') },
    ],
  ])('reads data that comes as %s', (_, body) => {
    expect(translateBody(body)).toMatchObject([{ kind: 'created', name: 'a+b ü' }]);
  });

  it.each([
    ['nothing', undefined],
    ['an empty event', {}],
    ['an empty list', []],
    ['a text', 'hello'],
    ['bytes that are no JSON', Buffer.from('hello')],
    ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22])],
    ['an empty batch', Buffer.from('[]')],
    ['no bytes', Buffer.alloc(0)],
    ['an event whose data are bytes that are no JSON', { ...event, data: Buffer.from('{"name":"a') }],
    ['an event without data', { ...event, data: undefined }],
  ])('does not understand %s', (_, body) => {
    expect(translateBody(body)).toMatchObject([
      { kind: 'unknown', reason: expect.stringMatching(/expected .*, found /) },
    ]);
  });
});

describe('joinBackgroundEvent', () => {
  const { data, ...attributes } = event;

  it.each([
    ['an event of the first generation', data, { eventType: 'google.storage.object.finalize', eventId: '1' }],
    ['a CloudEvent that was split', data, attributes],
    ['a push that was taken for the context', undefined, pushOf('a+b ü')],
    ['a list', undefined, [event]],
    ['bytes', undefined, Buffer.from(JSON.stringify([event]))],
  ])('gives what translateBody understands for %s', (_, first, context) => {
    expect(translateBody(joinBackgroundEvent(first, context))).toMatchObject([
      { kind: 'created', name: 'a+b ü' },
    ]);
  });

  it.each([
    ['nothing', undefined, {}],
    ['a text', 'data', 'context'],
    ['a context without data', undefined, { eventType: 'google.storage.object.finalize' }],
  ])('adds nothing to %s', (_, first, context) => {
    expect(translateBody(joinBackgroundEvent(first, context))).toMatchObject([{ kind: 'unknown' }]);
  });
});
