import { describeFixtures, type Expected } from './fixtures.test-help.ts';
import { translateGcs } from './gcs.ts';

function notOfStorage(where: string): Expected {
  return { refused: `${where}.attributes.eventType: expected that of a notification of Cloud Storage` };
}

describeFixtures(
  'gcp',
  {
    // Messages of Pub/Sub that notify of no object.
    'ff-legacy-background-pubsub': notOfStorage('data'),
    'gce-binary-pubsub-simple': notOfStorage('data.message'),
    'gce-binary-storage-simple': ['folder/Test.cs'],
    'gce-structured-pubsub': notOfStorage('data.message'),
    'gce-testdata-pubsub-binary': notOfStorage('data.message'),
    'gce-testdata-pubsub-duplicatedfields': notOfStorage('data.message'),
    'gce-testdata-pubsub-text': notOfStorage('data.message'),
    'gce-testdata-storage-complex': ['MyFile'],
    'gce-testdata-storage-simple': ['folder/Test.cs'],
    'made-cloudevent-archived': ['(ignored)'],
    'made-cloudevent-deleted': ['(ignored)'],
    'made-cloudevent-finalized-cjk': ['数据/文件 一.csv'],
    'made-cloudevent-finalized-double-slash': ['//leading//double.txt'],
    'made-cloudevent-finalized-folder-marker': ['some/folder/'],
    'made-cloudevent-finalized-numeric-size': ['n/u.bin'],
    'made-cloudevent-finalized-plus': ['a+b/c++ notes.txt'],
    'made-cloudevent-finalized-quotes': ['q/"double" \'single\' `tick`.txt'],
    'made-cloudevent-finalized-unicode-nfc': ['docs/Ünïcödé-é.txt'],
    'made-cloudevent-metadata-updated': ['(ignored)'],
    'made-cloudevents-batch': ['batch/1.txt', 'batch/2.txt'],
    'made-eventarc-pubsub-hive': ['year=2024/month=11/part-0000.parquet'],
    'made-eventarc-pubsub-percent': ['100% done/50%25.txt'],
    'made-eventarc-pubsub-plus': ['a+b/c++ notes.txt'],
    'made-eventarc-pubsub-space': ['photos/red flower.jpg'],
    'made-pubsub-push-metadata-update': ['(ignored)'],
    'made-pubsub-push-overwrite-delete': ['(ignored)'],
    'made-pubsub-push-overwrite': ['over/write.txt'],
    'made-pubsub-push-percent': ['100% done/50%25.txt'],
    'made-pubsub-push-plus': ['a+b/c++ notes.txt'],
  },
  (event, name) => translateGcs(/^gce-(binary|testdata)-/.test(name) ? withHeaders(event, name) : event),
);

/** These are bodies alone. The headers beside them say the rest, and the functions framework puts both together. */
function withHeaders(data: unknown, name: string): unknown {
  const type = name.includes('pubsub')
    ? 'google.cloud.pubsub.topic.v1.messagePublished'
    : 'google.cloud.storage.object.v1.finalized';
  return { specversion: '1.0', id: 'id-1', source: '//example', type, data };
}
