import { describeValue, getMember, getText, shorten } from './json.ts';
import { translateEach, type RecordOrigin, type StorageRecord, unknownRecord } from './storage-record.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/**
 * What makes a blob whose content is yet to come: Data Lake Storage and SFTP tell of it again when the content is there
 * (`FlushWithClose`, `SftpCommit`). A list of what is no creation, for an operation that nobody knew is one.
 * Source: Azure Blob Storage as an Event Grid source, `data.api`.
 */
const emptyCreations = new Set(['CreateFile', 'SftpCreate']);

/**
 * Events begin it with a slash, Microsoft's sample of a CloudEvent has none. The first `/blobs/` after the container ends the path; whatever follows is the name, as it is. Not `data.url`: that is
 * neither fully escaped nor raw, and a rename has none.
 */
const subjectPattern = /^\/?blobServices\/[^/]+\/containers\/([^/]+)\/blobs\/(.+)$/s;

/**
 * The one event of a whole tree names no object, and comes no other way the next time. So it is neither ignored nor
 * returned: on the failed list somebody sees it.
 */
const directoryRenamed =
  'a directory was renamed to this, and no event names the objects in it: backfill or reconcile with it as the prefix';

/**
 * Translates an event of Event Grid about Blob Storage, or a list of them, in Event Grid's own schema or as a CloudEvent
 * 1.0. What is of another type is ignored with its type, the validation of a subscription too: the Event Grid trigger
 * answers the handshake itself.
 *
 * @throws {UnknownEventError} for anything else.
 */
export function translateAzure(event: unknown): StorageRecord[] {
  return translateEach(event, (each) => [translateEvent(each)]);
}

function translateEvent(event: unknown): StorageRecord {
  const isCloudEvent = getText(event, 'specversion') !== undefined;
  const type = getText(event, isCloudEvent ? 'type' : 'eventType');
  if (type === undefined) {
    throw new UnknownEventError(`expected an event of Event Grid, found ${describeValue(event)}`);
  }
  const subject = getText(event, 'subject');
  const [, container, path] = subjectPattern.exec(subject ?? '') ?? [];
  const account = readAccount(getText(event, isCloudEvent ? 'source' : 'topic'));
  const origin: RecordOrigin = {
    store: 'az',
    bucket: account !== undefined && container !== undefined ? `${account}/${container}` : undefined,
    eventTime: getText(event, isCloudEvent ? 'time' : 'eventTime'),
    eventId: getText(event, 'id'),
  };
  const reason = getReasonToIgnore(type, getText(event, 'data', 'api'));
  if (reason !== undefined) return { ...origin, kind: 'ignored', reason: shorten(reason) };
  if (path === undefined) {
    const expected = '/blobServices/default/containers/…/blobs/…';
    return unknownRecord('subject', expected, getMember(event, 'subject'));
  }
  return type === 'Microsoft.Storage.DirectoryRenamed'
    ? { ...origin, kind: 'invalid', text: path, reason: directoryRenamed, isFolder: true }
    : { ...origin, kind: 'created', name: path };
}

function getReasonToIgnore(type: string, api: string | undefined): string | undefined {
  switch (type) {
    case 'Microsoft.Storage.BlobCreated':
      return api !== undefined && emptyCreations.has(api) ? api : undefined;
    case 'Microsoft.Storage.BlobRenamed': // The subject is the new name.
    case 'Microsoft.Storage.DirectoryRenamed':
      return undefined;
    default:
      return type;
  }
}

function readAccount(resource: string | undefined): string | undefined {
  return /\/storageAccounts\/([^/]+)/i.exec(resource ?? '')?.[1];
}
