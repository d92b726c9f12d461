import { readdirSync, readFileSync } from 'node:fs';
import { Scene } from '@oms-sync/conformance';
import { azureFunctions, type RunningAzure } from '@oms-sync/function-hosts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

// What only Azure Functions has, through the built bundle and the converters of its own library. What every app must do
// is in tools/conformance.
const fixtures = new URL('../../../packages/storage-events/fixtures/azure/', import.meta.url);
const samples = readdirSync(fixtures).filter((file) => file.endsWith('.json'));

/** What each sample must give, through either trigger: a name for each creation, or a part of the refusal. */
const expected: Record<string, readonly string[] | { refused: string }> = {
  'doc-adls-blob-renamed-cloudevents.json': ['my-renamed-file.txt'],
  'doc-adls-blob-renamed-eventgrid.json': ['my-renamed-file.txt'],
  'doc-adls-create-file-cloudevents.json': [],
  'doc-adls-create-file-eventgrid.json': [],
  'doc-adls-directory-created-eventgrid.json': [],
  'doc-async-operation-initiated-eventgrid.json': [],
  'doc-blob-created-cloudevents.json': ['new-file.txt'],
  'doc-blob-created-cloudevents-no-slash.json': ['{new-file}'],
  'doc-blob-created-eventgrid.json': ['new-file.txt'],
  'doc-blob-deleted-eventgrid.json': [],
  'doc-blob-inventory-policy-completed-eventgrid.json': [],
  'doc-blob-tier-changed-eventgrid.json': [],
  'doc-dead-lettered-blob-created-eventgrid.json': ['myBlobFile.txt'],
  'doc-sftp-commit-cloudevents.json': ['new-file.txt'],
  'doc-sftp-commit-eventgrid.json': ['new-file.txt'],
  'doc-sftp-rename-eventgrid.json': ['my-renamed-file.txt'],
  'doc-subscription-validation-eventgrid.json': [],
  'ext-cloudevent-0.1-blob-created.json': { refused: 'subject: expected /blobServices/default/containers/' },
  'ext-multiple-events-foreign-type.json': [],
  'made-adls-create-then-flush.json': ['in/data file.csv'],
  'made-append-blob-created.json': ['log/app.log'],
  'made-batch-25-duplicates-out-of-order.json': Array.from(
    { length: 25 },
    (_, index) => `b/${index % 9} é+.txt`,
  ),
  'made-blob-created-backslash-eventgrid.json': ['win\\path\\file.txt'],
  'made-blob-created-cjk-eventgrid.json': ['数据/文件 一.csv'],
  'made-blob-created-double-slash-eventgrid.json': ['//leading//double.txt'],
  'made-blob-created-percent-cloudevents.json': ['100% done/50%25.txt'],
  'made-blob-created-percent-escaped-url-eventgrid.json': ['100% done/50%25.txt'],
  'made-blob-created-plus-cloudevents.json': ['a+b/c++ notes.txt'],
  'made-blob-created-quotes-eventgrid.json': ['q/"double" \'single\' `tick`.txt'],
  'made-blob-created-space-cloudevents.json': ['photos/red flower.jpg'],
  'made-blob-created-space-escaped-url-eventgrid.json': ['photos/red flower.jpg'],
  'made-blob-created-unicode-nfc-escaped-url-eventgrid.json': ['docs/Ünïcödé-é.txt'],
  'made-blob-created-unicode-nfc-eventgrid.json': ['docs/Ünïcödé-é.txt'],
  'made-blob-renamed-special.json': ['new name+1.txt'],
  'made-dead-lettered-cloudevents.json': ['dl/a b.txt'],
  'made-queue-message-array.json': ['queue/a b+c%.txt'],
  'made-queue-message-base64.json': ['queue/a b+c%.txt'],
  'made-queue-message-plain.json': ['queue/a b+c%.txt'],
};

/** What a JSON parser makes something else of. */
const trickyNames = ['1.10', '123', 'null', 'true', '1e3', '"q"', '[1]', '{}', '2026-01-02T03:04:05Z'];

describe('the bundle', () => {
  let scene: Scene<RunningAzure>;
  beforeAll(async () => {
    scene = await Scene.open(azureFunctions, process.execPath);
  });
  afterEach(() => scene.reset());
  afterAll(() => scene.close());

  const [firstChannel, cloudEvents = firstChannel] = azureFunctions.channels;
  const makeEvent = (name: string, deliveries = 1) =>
    cloudEvents.makeEvent([{ name, kind: 'created' }], deliveries);

  /** What OMS got while something was done. */
  async function watch<Result>(act: () => Promise<Result>): Promise<{ result: Result; names: string[] }> {
    const before = scene.oms.received.length;
    const result = await act();
    return { result, names: scene.oms.received.slice(before).flatMap(({ names }) => names) };
  }

  it('gives the right names or the right refusal for every sample event', async () => {
    expect(Object.keys(expected).sort()).toEqual([...samples].sort());
    const { host } = scene.start();
    for (const sample of samples) {
      const text = readFileSync(new URL(sample, fixtures), 'utf8');
      const event = JSON.parse(text) as { messageText?: string };
      const wanted = expected[sample] ?? [];
      const deliveries =
        event.messageText === undefined
          ? [
              () => host.deliverEventGrid(event),
              () => host.deliverQueueMessage(text),
              () => host.deliverQueueMessage(Buffer.from(text).toString('base64')),
            ]
          : [() => host.deliverQueueMessage(event.messageText ?? '')];
      for (const deliver of deliveries) {
        const { result, names } = await watch(deliver);
        if ('refused' in wanted) {
          expect(result, sample).toMatchObject({ ok: false, errorType: 'UnsettledError' });
          expect(result, sample).toHaveProperty('errorMessage', expect.stringContaining(wanted.refused));
          expect(names, sample).toEqual([]);
        } else {
          expect(result, sample).toMatchObject({ ok: true });
          // A delivery of Event Grid is an invocation for each of its events: there nothing is merged.
          expect(new Set(names), sample).toEqual(new Set(wanted));
        }
      }
    }
  });

  it('takes names that look like JSON as they are, by both triggers', async () => {
    const { host } = scene.start();
    for (const name of trickyNames) {
      const text = JSON.stringify(makeEvent(name));
      for (const deliver of [
        () => host.deliverEventGrid(makeEvent(name)),
        () => host.deliverEventGrid([makeEvent(name)]),
        () => host.deliverQueueMessage(text),
        () => host.deliverQueueMessage(Buffer.from(text).toString('base64')),
      ]) {
        expect(await watch(deliver)).toMatchObject({ result: { ok: true }, names: [name] });
      }
    }
  });

  it('refuses a queue message that is no event, five times, until it is poison', async () => {
    const { host } = scene.start();
    const texts = [
      '',
      'null',
      '123',
      '1.10',
      'true',
      '"a"',
      '{}',
      '[]',
      'event',
      'bm8gZXZlbnQ=',
      '[{"a":1}]',
    ];
    for (const text of texts) {
      const before = scene.logged('sync').length;
      const { result, names } = await watch(() => host.processQueueMessage(text));
      expect(result, text).toMatchObject({ ok: false, errorType: 'UnsettledError', isPoison: true });
      expect(result, text).toHaveProperty('errorMessage', expect.stringMatching(/expected .*found /));
      expect(names, text).toEqual([]);
      expect(scene.logged('sync'), text).toHaveLength(before + 5);
    }
  });

  it('has a function for each trigger, the queue only if there is one', async () => {
    expect(await scene.start().host.listFunctions()).toEqual(['omsSync', 'omsSyncReplay', 'omsSyncQueue']);
    const { host } = scene.start({ oms_queue: '' });
    expect(await host.listFunctions()).toEqual(['omsSync', 'omsSyncReplay']);
    expect(await host.deliverEventGrid(makeEvent('a'))).toMatchObject({ ok: true });
  });

  it('listens to the queue of another account when that is set', async () => {
    const text = JSON.stringify(makeEvent('a'));
    // Without the app's own account, the host says which one it misses.
    const noAccount = { AzureWebJobsStorage: '' };
    expect(await scene.start(noAccount).host.deliverQueueMessage(text)).toMatchObject({
      ok: false,
      errorMessage: "Storage account connection string 'AzureWebJobsStorage' does not exist.",
    });
    for (const settings of [
      { oms_queue_connection: 'UseDevelopmentStorage=true' },
      { oms_queue_connection__queueServiceUri: 'https://account.queue.core.windows.net' },
    ]) {
      const { host } = scene.start({ ...noAccount, ...settings });
      expect(await host.deliverQueueMessage(text)).toMatchObject({ ok: true });
    }
  });

  it('hands a whole delivery of Event Grid back when one of its events fails', async () => {
    const { host } = scene.start();
    const good = ['a', 'b', 'c'];
    const { result, names } = await watch(() =>
      host.deliverEventGrid([...good.map((name) => makeEvent(name)), { no: 'event' }]),
    );
    expect(result).toMatchObject({ ok: false, errorType: 'UnsettledError' });
    expect(names.sort()).toEqual(good);
    expect([scene.sum('received'), scene.sum('requested'), scene.sum('returned')]).toEqual([4, 3, 1]);
  });

  it('serves many invocations at once, each by itself', async () => {
    const { host } = scene.start();
    const names = Array.from({ length: 200 }, (_, index) => `photos/${index}.jpg`);
    const { result, names: received } = await watch(() =>
      host.deliverEventGrid(names.map((name) => makeEvent(name))),
    );
    expect(result).toMatchObject({ ok: true });
    expect(received.sort()).toEqual([...names].sort());
    expect(scene.logged('sync')).toHaveLength(200);
    expect(new Set(scene.logged('sync').map((line) => line['request_id'])).size).toBe(200);
    expect(await scene.names('success_object')).toEqual([...names].sort());
  });

  describe('on_failure=redeliver', () => {
    const start = (settings: Readonly<Record<string, string>> = {}) =>
      scene.start({ on_failure: 'redeliver', max_attempts: '1', ...settings }).host;

    it('leaves a message in its queue until the last time', async () => {
      scene.oms.faults.set([{ kind: 'answer', status: 503 }]);
      const text = JSON.stringify([makeEvent('a'), makeEvent('b')]);
      const result = await start().processQueueMessage(text);
      expect(result).toMatchObject({ ok: true, isPoison: false });
      expect(scene.logged('sync').map((line) => [line['returned'], line['unrequested']])).toEqual([
        [2, 0],
        [2, 0],
        [2, 0],
        [2, 0],
        [0, 2],
      ]);
      expect(await scene.names('failed_object')).toEqual(['a', 'b']);
    });

    it('goes by the maxDequeueCount that an app setting overrides', async () => {
      scene.oms.faults.set([{ kind: 'answer', status: 503 }]);
      const host = start({ AzureFunctionsJobHost__extensions__queues__maxdequeuecount: '2' });
      const text = JSON.stringify(makeEvent('a'));
      expect(await host.deliverQueueMessage(text, 1)).toMatchObject({ ok: false });
      expect(await host.deliverQueueMessage(text, 2)).toMatchObject({ ok: true });
      expect(await scene.names('failed_object')).toEqual(['a']);
    });

    it('returns an event to Event Grid until one delivery is left', async () => {
      scene.oms.faults.set([{ kind: 'answer', status: 503 }]);
      const host = start();
      for (let deliveries = 1; deliveries <= 9; deliveries++) {
        expect(await host.deliverEventGrid(makeEvent('a', deliveries))).toMatchObject({ ok: false });
      }
      expect(await scene.names('failed_object')).toEqual([]);
      expect(await host.deliverEventGrid(makeEvent('a', 10))).toMatchObject({ ok: true });
      expect(await scene.names('failed_object')).toEqual(['a']);
    });

    it('records an event that does not say when it was', async () => {
      scene.oms.faults.set([{ kind: 'answer', status: 503 }]);
      const event = { ...(makeEvent('a') as object), time: undefined };
      expect(await start().deliverEventGrid(event)).toMatchObject({ ok: true });
      expect(await scene.names('failed_object')).toEqual(['a']);
    });
  });

  it('ends within the functionTimeout that an app setting overrides', async () => {
    scene.oms.faults.set([{ kind: 'black-hole' }]);
    const { host } = scene.start({ request_timeout_ms: '60000' }, { timeoutSeconds: 2.5 });
    const deliveries = [
      host.deliverEventGrid(makeEvent('a')),
      host.deliverQueueMessage(JSON.stringify(makeEvent('b'))),
    ];
    expect(await Promise.all(deliveries)).toMatchObject([{ ok: true }, { ok: true }]);
    expect(await scene.names('failed_object')).toEqual(['a', 'b']);
  });

  it('names every wrong setting by both triggers, and acknowledges nothing', async () => {
    const { host } = scene.start({ hw_sk: undefined, log_bucket: 's3://logs', max_attempts: 'ten' });
    const text = JSON.stringify(makeEvent('a'));
    for (const result of [
      await host.deliverEventGrid(makeEvent('a')),
      await host.processQueueMessage(text),
    ]) {
      expect(result).toMatchObject({ ok: false, errorType: 'SettingsError' });
      for (const name of ['hw_sk', 'log_bucket', 'max_attempts']) {
        expect(result).toHaveProperty('errorMessage', expect.stringContaining(`${name}: expected`));
      }
    }
  });

  it('says each of the log levels by the logger of the invocation, and hides none of them', async () => {
    scene.oms.faults.set([{ kind: 'answer', status: 400, errorCode: 'OMS.0064' }]);
    await scene.start({ log_level: 'debug' }).host.deliverEventGrid(makeEvent('100%s %d.txt'));
    const levels = scene.lines.map((line) => /\[(\w+)\] \{"event":"([^"]*)"/.exec(line)?.slice(1));
    expect(levels).toEqual([
      ['information', 'sync'],
      ['warning', 'unrequested'],
      ['debug', 'not requested'],
    ]);
    expect(scene.logged('not requested')).toMatchObject([{ name: '100%s %d.txt' }]);
  });
});
