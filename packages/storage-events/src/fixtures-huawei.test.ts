import { describeFixtures } from './fixtures.test-help.ts';
import { translateObs } from './obs.ts';
import { isSmnTriggerEvent, translateSmnTrigger } from './smn.ts';

const notJson = 'smn.message: expected JSON, found the text "this is smn message content"';

describeFixtures(
  'huawei',
  {
    'eventgrid-obs-put': ['test.tar'],
    'obs-functiongraph-v2.0-s3-post': ['job.png'],
    // Documented structures with empty values.
    'obs-notification-v3.0-structure': {
      refused: 'Records[0].eventName: expected a name, found an empty text',
    },
    'obs-smn-notification-v2.0-structure': {
      refused: 'Records[0].eventName: expected a name, found an empty text',
    },
    'smn-functiongraph-trigger': { refused: `record[0].${notJson}` },
    'smn-functiongraph-trigger-two-records': { refused: [`record[0].${notJson}`, `record[1].${notJson}`] },
    // Not what a function receives, but nobody may take them for an empty event.
    'smn-http-notification': { refused: 'found an object with signature, subject, topic_urn, message_id' },
    'smn-http-subscription-confirmation': { refused: 'found an object with subscribe_url, signature' },
    'smn-http-unsubscribe-confirmation': { refused: 'found an object with signature, topic_urn' },
    'timer-functiongraph-trigger': { refused: 'found an object with version, time, trigger_type' },
  },
  (event) => {
    const options = { eventgridKeyEncoding: 'form' } as const;
    return isSmnTriggerEvent(event)
      ? translateSmnTrigger(event, (message) => translateObs(message, options))
      : translateObs(event, options);
  },
);
