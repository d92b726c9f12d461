import { app } from '@azure/functions';
import { handleEventGrid } from './event-grid.ts';
import { handleTimer } from './timer.ts';
import { handleQueueMessage } from './queue.ts';

app.eventGrid('omsSync', { handler: handleEventGrid });

/** NCRONTAB: at second 0 of every tenth minute. The host catches up on a run that it has missed. */
const everyTenMinutes = '0 */10 * * * *';
app.timer('omsSyncReplay', {
  schedule: process.env['oms_replay_schedule']?.trim() || everyTenMinutes,
  handler: handleTimer,
});

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
