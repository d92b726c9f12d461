/** What happened to an object of the source bucket. */
export interface Change {
  readonly name: string;
  readonly kind: 'created' | 'removed';
  /** In bytes. */
  readonly size: number;
}

/**
 * The event that OBS sends to FunctionGraph: a notification of version 3.0, the key form-encoded, the slash too.
 * Source: OBS User Guide, structure of event notifications.
 */
export function makeNotification(bucket: string, changes: readonly Change[]): object {
  return {
    Records: changes.map(({ name, kind, size }, index) => ({
      eventVersion: '3.0',
      eventSource: 'OBS',
      eventRegion: 'sandbox',
      eventTime: new Date().toISOString(),
      eventName: kind === 'created' ? 'ObjectCreated:Put' : 'ObjectRemoved:Delete',
      userIdentity: { ID: 'sandbox' },
      requestParameters: { sourceIPAddress: '127.0.0.1' },
      responseElements: { 'x-obs-request-id': `${Date.now().toString(16)}-${index}`, 'x-obs-id-2': '' },
      obs: {
        Version: '1.0',
        configurationId: 'sandbox',
        bucket: { name: bucket, ownerIdentity: { ID: 'sandbox' }, bucket },
        object: {
          key: new URLSearchParams([['', name]]).toString().slice(1),
          eTag: '',
          size,
          versionId: 'null',
          sequencer: Date.now().toString(16).padStart(32, '0'),
        },
      },
    })),
  };
}
