import { FolderCounts, type FolderCount } from './folder-counts.ts';
import { labelReason, type Gap } from './gap.ts';
import { Timeline } from './timeline.ts';

/** More reasons than that are counted together. */
const maxReasons = 100;
const otherReasons = 'other reasons';
const maxFolders = 20;

/** What people want to know of millions of gaps, in constant memory. */
export class GapSummary {
  readonly bytes = { missing: 0, stale: 0, extra: 0 };
  readonly timeline = new Timeline();
  readonly #reasons = new Map<string, number>();
  readonly #folders = new FolderCounts();

  /** Gaps in the order of their names. */
  add(gap: Gap): void {
    this.bytes[gap.kind] += gap.size;
    if (gap.kind === 'extra') return;
    this.timeline.add(gap.kind, gap.modified);
    this.#folders.add(gap.kind, gap.name);
    const label = labelReason(gap);
    const key = this.#reasons.has(label) || this.#reasons.size < maxReasons ? label : otherReasons;
    this.#reasons.set(key, (this.#reasons.get(key) ?? 0) + 1);
  }

  /** Why objects are missing or stale, the most frequent first. */
  get reasons(): readonly { readonly reason: string; readonly objects: number }[] {
    return [...this.#reasons]
      .map(([reason, objects]) => ({ reason, objects }))
      .sort((a, b) => b.objects - a.objects);
  }

  /** Once all are added. */
  findTopFolders(): readonly FolderCount[] {
    return this.#folders.findTop(maxFolders);
  }
}
