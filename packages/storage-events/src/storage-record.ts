import { describeValue } from './json.ts';
import { UnknownEventError } from './unknown-event-error.ts';

/**
 * One record of a native notification, translated. packages/core takes the same shape; neither depends on the other,
 * the apps bring both together.
 */
export type StorageRecord =
  | (RecordOrigin & { readonly kind: 'created'; readonly name: string })
  /** No creation; the reason is one of few, it is counted. */
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
  /** A record that nobody understands; it must not be acknowledged. */
  | { readonly kind: 'unknown'; readonly reason: string };

/** Where a record comes from. */
export interface RecordOrigin {
  /** `obs`, `s3`, `az` or `gs`. */
  readonly store: string;
  /** The bucket's name; for `az` account/container. */
  readonly bucket: string | undefined;
  /** ISO 8601. */
  readonly eventTime: string | undefined;
  readonly eventId: string | undefined;
}

/** A record of which a part is not what it should be. */
export function unknownRecord(where: string, expected: string, found: unknown): StorageRecord {
  return { kind: 'unknown', reason: `${where}: expected ${expected}, found ${describeValue(found)}` };
}

/** Translates an event, or a list of them. */
export function translateEach(
  event: unknown,
  translate: (event: unknown) => StorageRecord[],
): StorageRecord[] {
  if (!Array.isArray(event) || event.length === 0) return translate(event);
  return event.flatMap((member, index) => translateOrUnknown(`[${index}]`, () => translate(member)));
}

/** One of several events in an envelope: an unknown one is one unknown record and does not harm the others. */
export function translateOrUnknown(where: string, translate: () => StorageRecord[]): StorageRecord[] {
  try {
    return translate();
  } catch (error) {
    if (!(error instanceof UnknownEventError)) throw error;
    return [{ kind: 'unknown', reason: `${where}: ${error.message}` }];
  }
}
