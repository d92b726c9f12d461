import { describeFixtures } from './fixtures.test-help.ts';
import { getMember } from './json.ts';
import { getLambdaEventKind, readSnsMessages, readSqsMessages } from './lambda-envelopes.ts';
import { readS3BatchTasks } from './s3-batch.ts';
import { translateS3Message } from './s3-message.ts';
import { translateS3 } from './s3.ts';
import { translateOrUnknown, type StorageRecord } from './storage-record.ts';

describeFixtures(
  'aws',
  {
    'aws-recorded-complete-multipart-upload': ['test-key'],
    'aws-recorded-eventbridge-object-created': ['<key-name:1>'],
    'aws-recorded-eventbridge-object-deleted': ['(ignored)'],
    // The name is that of its source: only the @ is encoded.
    'aws-recorded-key-encoding': ['a@b'],
    'aws-recorded-object-created-copy': ['<object-key:1>'],
    'aws-recorded-object-created-put': ['my_key_0', 'my_key_1'],
    'aws-recorded-object-put-acl': ['(ignored)', '(ignored)', '(ignored)'],
    'aws-recorded-object-tagging-put': ['(ignored)'],
    'aws-recorded-restore-object': ['(ignored)', '(ignored)'],
    'aws-recorded-slash-in-key': ['testupload/dir1/testfile.txt'],
    'aws-recorded-sns-envelope': ['bucket-key', 'bucket-key'],
    'aws-recorded-versioned': ['test-key', 'test-key', '(ignored)', '(ignored)'],
    'doc-s3-test-event': ['(ignored)'],
    // What a function answers, no event.
    'go-s3-batch-job-event-response': {
      refused: 'found an object with invocationSchemaVersion, treatMissingKeysAs, invocationId, results',
    },
    'go-s3-event-with-decoded': ['Happy Face.jpg'],
    'go-s3-event': ['Happy Face.jpg'],
    'go-s3-glacier-event': ['(ignored)'],
    'go-s3-replication-event': ['(ignored)'],
    'go-s3-restore-event': ['(ignored)'],
    // Messages of nobody that we know.
    'go-sns-event': { refused: 'expected JSON, found the text "Hello from SNS!"' },
    'made-batch-op-schema-2-encoded-key': ['photos/red flower+1 50%.jpg'],
    'made-eventbridge-event-version': ['photos/red flower.jpg'],
    'made-eventbridge-key-folder-marker': ['some/folder/'],
    'made-eventbridge-key-hive': ['year=2024/month=11/part-0000.parquet'],
    'made-eventbridge-key-percent': ['100% done/50%25.txt'],
    'made-eventbridge-key-quotes': ['q/"double" \'single\' `tick`.txt'],
    'made-s3-record-delete-marker': ['(ignored)'],
    'made-s3-record-key-backslash': ['win\\path\\file.txt'],
    'made-s3-record-key-double-slash': ['//leading//double.txt'],
    'made-s3-record-key-folder-marker': ['some/folder/'],
    'made-s3-record-key-hive': ['year=2024/month=11/part-0000.parquet'],
    'made-s3-record-key-percent': ['100% done/50%25.txt'],
    'made-s3-record-key-quotes': ['q/"double" \'single\' `tick`.txt'],
    'made-s3-record-key-space': ['photos/red flower.jpg'],
    'made-s3-record-key-unicode-nfc': ['docs/Ünïcödé-é.txt'],
    // A major version that may have changed what a key is.
    'made-s3-record-version-3.0': {
      refused: 'Records[0].eventVersion: expected version 2 or older, found the text "3.0"',
    },
    'made-s3-records-mixed': ['a/1.txt', 'a/2 two.txt', 'a/1.txt', 'a/1.txt', 'dir/', '(ignored)'],
    'made-sns-lambda-s3-test-event': ['(ignored)'],
    'made-sns-lambda-s3': ['direct sns/é.txt'],
    'made-sqs-s3-ten-good': Array.from({ length: 10 }, (_, index) => `batch/${index} file+${index}%.txt`),
    'made-sqs-s3-test-event': ['(ignored)'],
    'pt-py-s3BatchOperationEventSchemaV1': ['prefix/dataset/dataset.20231222.json.gz'],
    'pt-py-s3BatchOperationEventSchemaV2': ['prefix/dataset/dataset.20231222.json.gz'],
    'pt-py-s3Event': ['b21b84d653bb07b05b1e6b33684dc11b'],
    'pt-py-s3EventDeleteObject': ['(ignored)'],
    'pt-py-s3EventGlacier': ['b21b84d653bb07b05b1e6b33684dc11b'],
    'pt-py-sqsDlqTriggerEvent': {
      refused: 'db37cc61-1bb0-4e77-b6f3-7cf87f44a72a: expected JSON, found the text "hello world"',
    },
    'pt-ts-s3-base': ['b21b84d653bb07b05b1e6b33684dc11b'],
    'pt-ts-s3-decoded-key': ['Happy Face.jpg'],
    'pt-ts-s3-delete-object': ['(ignored)'],
    'pt-ts-s3-eventbridge-object-deleted': ['(ignored)'],
    'pt-ts-s3-eventbridge-object-restored': ['(ignored)'],
    'pt-ts-s3-glacier': ['b21b84d653bb07b05b1e6b33684dc11b'],
    'pt-ts-s3-sqs-event': ['test.pdf'],
    'pt-ts-sns-base': { refused: 'expected JSON, found the text "Hello from SNS!"' },
    'pt-ts-sqs-base': {
      refused: ['expected JSON, found the text "Test message."', 'found an object with message'],
    },
    'pt-ts-sqs-sns-body': { refused: 'Message: expected an event of S3' },
    'sam-S3BatchInvocation': ['test/key'],
    'sam-S3Delete': ['(ignored)'],
  },
  (event, name) =>
    name === 'aws-recorded-sns-envelope' ? translateRecording(event) : translateLambdaEvent(event),
);

/** Opens an event as the function does. */
function translateLambdaEvent(event: unknown): StorageRecord[] {
  switch (getLambdaEventKind(event)) {
    case 'sqs':
      return readSqsMessages(event).flatMap(({ messageId, body }) =>
        translateOrUnknown(messageId, () => translateS3Message(body)),
      );
    case 'sns':
      return readSnsMessages(event).flatMap((message) => translateS3Message(message));
    case 's3-batch':
      return readS3BatchTasks(event).tasks.map(({ record }) => record);
    case 's3':
      return translateS3(event);
    case 'scheduled':
      return [];
  }
}

/** The recorder has taken the messages out of their queue and parsed the text in them. */
function translateRecording(recording: unknown): StorageRecord[] {
  return (getMember(recording, 'messages') as { Message: unknown }[]).flatMap((message) =>
    translateS3Message(JSON.stringify({ ...message, Message: JSON.stringify(message.Message) })),
  );
}
