import { translateAzure } from './azure-blob.ts';
import { translateAzureMessage } from './azure-queue.ts';
import { describeFixtures } from './fixtures.test-help.ts';
import { getMember } from './json.ts';

describeFixtures(
  'azure',
  {
    'doc-adls-blob-renamed-cloudevents': ['my-renamed-file.txt'],
    'doc-adls-blob-renamed-eventgrid': ['my-renamed-file.txt'],
    'doc-adls-create-file-cloudevents': ['(ignored)'],
    'doc-adls-create-file-eventgrid': ['(ignored)'],
    'doc-adls-directory-created-eventgrid': ['(ignored)'],
    'doc-async-operation-initiated-eventgrid': ['(ignored)'],
    'doc-blob-created-cloudevents': ['new-file.txt'],
    'doc-blob-created-cloudevents-no-slash': ['{new-file}'],
    'doc-blob-created-eventgrid': ['new-file.txt'],
    'doc-blob-deleted-eventgrid': ['(ignored)'],
    'doc-blob-inventory-policy-completed-eventgrid': ['(ignored)'],
    'doc-blob-tier-changed-eventgrid': ['(ignored)'],
    'doc-dead-lettered-blob-created-eventgrid': ['myBlobFile.txt'],
    'doc-sftp-commit-cloudevents': ['new-file.txt'],
    'doc-sftp-commit-eventgrid': ['new-file.txt'],
    'doc-sftp-rename-eventgrid': ['my-renamed-file.txt'],
    'doc-subscription-validation-eventgrid': ['(ignored)'],
    // CloudEvents 0.1, which Event Grid no longer sends.
    'ext-cloudevent-0.1-blob-created': {
      refused: 'subject: expected /blobServices/default/containers/…/blobs/…, found nothing',
    },
    'ext-multiple-events-foreign-type': ['(ignored)', '(ignored)'],
    'made-adls-create-then-flush': ['(ignored)', 'in/data file.csv'],
    'made-append-blob-created': ['log/app.log'],
    'made-batch-25-duplicates-out-of-order': Array.from(
      { length: 25 },
      (_, index) => `b/${index % 9} é+.txt`,
    ),
    'made-blob-created-backslash-eventgrid': ['win\\path\\file.txt'],
    'made-blob-created-cjk-eventgrid': ['数据/文件 一.csv'],
    'made-blob-created-double-slash-eventgrid': ['//leading//double.txt'],
    'made-blob-created-percent-cloudevents': ['100% done/50%25.txt'],
    'made-blob-created-percent-escaped-url-eventgrid': ['100% done/50%25.txt'],
    'made-blob-created-plus-cloudevents': ['a+b/c++ notes.txt'],
    'made-blob-created-quotes-eventgrid': ['q/"double" \'single\' `tick`.txt'],
    'made-blob-created-space-cloudevents': ['photos/red flower.jpg'],
    'made-blob-created-space-escaped-url-eventgrid': ['photos/red flower.jpg'],
    'made-blob-created-unicode-nfc-escaped-url-eventgrid': ['docs/Ünïcödé-é.txt'],
    'made-blob-created-unicode-nfc-eventgrid': ['docs/Ünïcödé-é.txt'],
    'made-blob-renamed-special': ['new name+1.txt'],
    'made-dead-lettered-cloudevents': ['dl/a b.txt'],
    'made-queue-message-array': ['queue/a b+c%.txt'],
    'made-queue-message-base64': ['queue/a b+c%.txt'],
    'made-queue-message-plain': ['queue/a b+c%.txt'],
  },
  (event) => {
    const messageText = getMember(event, 'messageText');
    return messageText === undefined ? translateAzure(event) : translateAzureMessage(messageText);
  },
);
