import type { Difference, GapReason } from '@oms-sync/listing';

/** A difference, and why it is there. */
export interface Gap {
  readonly kind: Difference['kind'];
  readonly name: string;
  /** In bytes; of the source's object, or of an extra one. */
  readonly size: number;
  /** In milliseconds since 1970; likewise. */
  readonly modified: number;
  /** Of a stale one: what differs, and the destination's object. */
  readonly stale:
    { readonly because: 'size' | 'newer'; readonly size: number; readonly modified: number } | undefined;
  /** From a failed list; undefined if none has the name, or none was looked at. */
  readonly reason: GapReason | undefined;
}

export function toGap(difference: Difference, reason: GapReason | undefined): Gap {
  const { kind } = difference;
  const { name, size, modified } = kind === 'extra' ? difference.destination : difference.source;
  const stale =
    kind === 'stale'
      ? {
          because: difference.because,
          size: difference.destination.size,
          modified: difference.destination.modified,
        }
      : undefined;
  return { kind, name, size, modified, stale, reason };
}

/** The reason in a few words, the same for many gaps: `OMS failed: NoSuchKey`. */
export function labelReason({ kind, reason }: Gap): string {
  if (kind === 'extra') return 'not at the source';
  if (reason === undefined) return 'no event';
  return `${reason.list === 'oms' ? 'OMS failed' : 'unrequested'}: ${reason.code}`;
}

/** A line of the list for machines. */
export function toLine(gap: Gap): string {
  const { kind, name, size, modified, stale, reason } = gap;
  return JSON.stringify({
    kind,
    name,
    size,
    modified: formatTime(modified),
    ...(stale && {
      because: stale.because,
      destination_size: stale.size,
      destination_modified: formatTime(stale.modified),
    }),
    reason: labelReason(gap),
    ...(reason && {
      error_code: reason.code,
      error_message: reason.message,
      reason_time: formatTime(reason.time),
    }),
  });
}

/** ISO 8601; as the number where a store gives a time that is none. */
export function formatTime(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? String(time) : date.toISOString();
}
