/**
 * One record of what an app received, translated. packages/storage-events produces the same shape; neither depends on
 * the other, the apps bring both together.
 */
export type StorageRecord =
  | (RecordOrigin & { readonly kind: 'created'; readonly name: string })
  /** Nothing to synchronize; the reason is counted in the log, so it is one of few. */
  | (RecordOrigin & { readonly kind: 'ignored'; readonly reason: string })
  /**
   * A creation whose key is no name: `text` is the key as received. With `isFolder` it is the path of a folder that came
   * to be with all that is in it.
   */
  | (RecordOrigin & {
      readonly kind: 'invalid';
      readonly text: string;
      readonly reason: string;
      readonly isFolder?: true;
    })
  /** A record that nobody understands; it is never acknowledged. */
  | { readonly kind: 'unknown'; readonly reason: string };

interface RecordOrigin {
  /**
   * `obs`, `s3`, `az` or `gs`, as in `log_bucket`: buckets of two stores are two buckets, whatever their names. Undefined
   * for names without an event.
   */
  readonly store: string | undefined;
  /** The bucket's name; for `az` account/container. */
  readonly bucket: string | undefined;
  /** ISO 8601. */
  readonly eventTime?: string | undefined;
  readonly eventId?: string | undefined;
}
