import { app } from '@azure/functions';
import { handleEventGrid } from './event-grid.ts';
import { handleQueueMessage } from './queue.ts';

app.eventGrid('omsSync', { handler: handleEventGrid });

// Only with a queue to listen to: the host refuses a function whose %setting% does not resolve.
if ((process.env['oms_queue'] ?? '') !== '') {
  app.storageQueue('omsSyncQueue', {
    queueName: '%oms_queue%',
    connection: findQueueConnection(),
    handler: handleQueueMessage,
  });
}

/** The account of the queue: its own setting (a connection string, or `…__queueServiceUri`), or else that of the app. */
function findQueueConnection(): string {
  const own = 'oms_queue_connection';
  const isSet = Object.entries(process.env).some(
    ([name, value]) => value !== '' && (name === own || name.startsWith(`${own}__`)),
  );
  return isSet ? own : 'AzureWebJobsStorage';
}
