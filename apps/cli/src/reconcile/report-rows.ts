import { labelReason, type Gap } from './gap.ts';

/** What a report holds at most: of more, a browser would not scroll well, and nobody reads them one by one. */
const maxRows = 20_000;
/** Of which extra ones: they are no gaps, and must not take their place. */
const maxExtraRows = 5000;
/** A message of an SDK may be a page long. */
const maxMessage = 300;

/** A row of the list, as the page's script reads it. */
export type ReportRow = readonly [
  kind: Gap['kind'],
  name: string,
  size: number,
  modified: number,
  /** Index into {@link ReportRows.reasons}. */
  reason: number,
  message: string,
  stale: readonly [because: string, size: number, modified: number] | 0,
];

/** The rows of the page's list: the first ones, in the order of names. */
export class ReportRows {
  readonly rows: ReportRow[] = [];
  readonly reasons: string[] = [];
  #extra = 0;
  /** How many differences have no row. */
  left = 0;

  add(gap: Gap): void {
    const isExtra = gap.kind === 'extra';
    const isFull = isExtra
      ? this.#extra >= maxExtraRows
      : this.rows.length - this.#extra >= maxRows - maxExtraRows;
    if (isFull) {
      this.left++;
      return;
    }
    if (isExtra) this.#extra++;
    const { kind, name, size, modified, reason, stale } = gap;
    this.rows.push([
      kind,
      name,
      size,
      modified,
      this.#indexReason(labelReason(gap)),
      (reason?.message ?? '').slice(0, maxMessage),
      stale === undefined ? 0 : [stale.because, stale.size, stale.modified],
    ]);
  }

  #indexReason(label: string): number {
    const index = this.reasons.indexOf(label);
    return index === -1 ? this.reasons.push(label) - 1 : index;
  }
}
